"""config-linux.md "Control groups": that limits are set, and hold."""
import json
import os
import pathlib
import shutil
import stat

import pytest

import machine
import processes
from requirements import engines, must, ours, should

MIB = 1 << 20
V2 = machine.cgroup_mode() == "unified"


def limited(box, **resources):
    """A container at rest under these limits."""
    box.linux["resources"].update(resources)
    return box.sleeping()


def value(box, controller, v1, v2=None):
    machine.need_controller(controller)
    name = v2 if V2 else v1
    if name is None:
        machine.skip(f"{v1} is a file of cgroup v1")
    path = box.cgroup_file(controller, name)
    if not path.exists():
        machine.skip(f"this kernel has no {name}")
    return path.read_text().strip()


# cgroupsPath

@must("config-linux.md", "Cgroups Path")
def test_an_absolute_path(box):
    box.sleeping()
    paths = {line.split(":", 2)[2] for line in open(f"/proc/{box.pid}/cgroup").read().splitlines() if V2 or not line.startswith("0:")}
    assert paths == {box.cgroup}


@must("config-linux.md", "Cgroups Path")
def test_the_same_path_is_the_same_place(box, new_container):
    first = new_container()
    first.sleeping()
    where = open(f"/proc/{first.pid}/cgroup").read()
    first.delete("--force").ok()
    box.linux["cgroupsPath"] = first.cgroup
    box.cgroup = first.cgroup
    box.sleeping()
    assert open(f"/proc/{box.pid}/cgroup").read() == where


@must("config-linux.md", "Cgroups Path")
@pytest.mark.parametrize("path", ["relative", None])
def test_a_relative_path_and_none(box, path):
    """Where that is, is the runtime's choice; that it is another than the caller's is what matters."""
    if path:
        box.linux["cgroupsPath"] = f"conformance-relative-{os.getpid()}"
    else:
        del box.linux["cgroupsPath"]
    box.linux["resources"]["pids"] = {"limit": 55}
    box.sleeping()
    inside = {line.split(":", 2)[1]: line.split(":", 2)[2] for line in open(f"/proc/{box.pid}/cgroup").read().splitlines()}
    own = {line.split(":", 2)[1]: line.split(":", 2)[2] for line in open("/proc/self/cgroup").read().splitlines()}
    key = "" if V2 else "pids"
    assert inside[key] != own[key]
    box.kill().ok()
    box.wait()
    box.delete().ok()
    assert not (machine.need_controller("pids") / inside[key].strip("/")).exists()


@must("config-linux.md", "Cgroups Path")
@pytest.mark.parametrize("path", ["/../{0}", "/{1}/a/../../../{0}", "../{0}"])
def test_a_path_that_leads_out(box, path):
    """Taken from the cgroups' root, or an error; never a place elsewhere."""
    name = f"outside-{os.getpid()}"
    box.linux["cgroupsPath"] = path.format(name, box.runtime.cgroup_parent)
    box.sh("echo here")
    result = box.run()
    assert result.code != 0 or result.text == "here"
    outside = [place for place in (f"/sys/fs/{name}", f"/sys/fs/cgroup/{name}") if os.path.exists(place) and not (V2 and "cgroup" in place)]
    for place in outside:
        shutil.rmtree(place)
    for hierarchy in set(machine.hierarchies().values()):
        processes.remove_cgroup(hierarchy / name)
    assert outside == []


@must("config-linux.md", "Control groups")
def test_deeper_paths_are_made_and_removed(box):
    box.cgroup = f"{box.cgroup}/a/b"
    box.linux["cgroupsPath"] = box.cgroup
    box.sleeping()
    assert box.cgroup_file("pids", "cgroup.procs").read_text().split() == [str(box.pid)]
    box.delete("--force").ok()
    assert not box.cgroup_file("pids", "cgroup.procs").parent.exists()


# Memory

@must("config-linux.md", "Memory")
def test_memory_limit(box):
    limited(box, memory={"limit": 64 * MIB})
    assert value(box, "memory", "memory.limit_in_bytes", "memory.max") == str(64 * MIB)


@must("config-linux.md", "Memory")
def test_memory_limit_has_an_effect(box):
    machine.need_controller("memory")
    box.linux["resources"]["memory"] = {"limit": 16 * MIB, "swap": 16 * MIB}
    # tail keeps one line, and that is endless.
    box.sh("tail /dev/zero")
    result = box.run()
    assert result.code == 137, result


@must("config-linux.md", "Memory")
def test_memory_limit_that_is_not_reached(box):
    box.linux["resources"]["memory"] = {"limit": 64 * MIB}
    assert box.output("echo here") == "here"


@must("config-linux.md", "Memory")
def test_memory_reservation(box):
    limited(box, memory={"limit": 64 * MIB, "reservation": 32 * MIB})
    assert value(box, "memory", "memory.soft_limit_in_bytes", "memory.low") == str(32 * MIB)


@must("config-linux.md", "Memory")
def test_memory_swap(box):
    machine.need_controller("memory")
    if not V2 and not (machine.hierarchies()["memory"] / "memory.memsw.limit_in_bytes").exists():
        machine.skip("this kernel does not account for swap")
    limited(box, memory={"limit": 64 * MIB, "swap": 96 * MIB})
    assert value(box, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max") == str((32 if V2 else 96) * MIB)


@must("config-linux.md", "Memory")
def test_memory_unlimited(box):
    limited(box, memory={"limit": -1})
    assert value(box, "memory", "memory.limit_in_bytes", "memory.max") in ("max", str((1 << 63) - 4096))


@must("config-linux.md", "Memory")
def test_memory_swappiness(box):
    machine.need_v1()
    limited(box, memory={"limit": 64 * MIB, "swappiness": 10})
    assert value(box, "memory", "memory.swappiness") == "10"


@must("config-linux.md", "Memory")
def test_memory_swappiness_out_of_range(box):
    machine.need_v1()
    box.linux["resources"]["memory"] = {"swappiness": 500}
    box.run().failed()


@must("config-linux.md", "Memory")
def test_memory_disable_oom_killer(box):
    machine.need_v1()
    limited(box, memory={"limit": 64 * MIB, "disableOOMKiller": True})
    assert "oom_kill_disable 1" in value(box, "memory", "memory.oom_control")


@should("runtime.md", "Errors")
def test_memory_limit_that_is_too_low_says_so(box):
    machine.need_controller("memory")
    box.linux["resources"]["memory"] = {"limit": 4096}
    box.run().failed()


# CPU

@must("config-linux.md", "CPU")
def test_cpu_shares(box):
    limited(box, cpu={"shares": 512})
    shares = value(box, "cpu", "cpu.shares", "cpu.weight")
    assert shares == "512" if not V2 else 18 <= int(shares) <= 60  # two conversions are in use


@must("config-linux.md", "CPU")
def test_cpu_quota(box):
    machine.need_controller("cpu")
    if not V2 and not (machine.hierarchies()["cpu"] / "cpu.cfs_period_us").exists() and not list(machine.hierarchies()["cpu"].glob("*/cpu.cfs_quota_us")):
        machine.skip("this kernel has no bandwidth control")
    limited(box, cpu={"quota": 20000, "period": 100000})
    if V2:
        assert value(box, "cpu", None, "cpu.max") == "20000 100000"
    else:
        assert (value(box, "cpu", "cpu.cfs_quota_us"), value(box, "cpu", "cpu.cfs_period_us")) == ("20000", "100000")


@must("config-linux.md", "CPU")
def test_cpuset(box):
    machine.need_controller("cpuset")
    limited(box, cpu={"cpus": "0", "mems": "0"})
    assert (value(box, "cpuset", "cpuset.cpus", "cpuset.cpus"), value(box, "cpuset", "cpuset.mems", "cpuset.mems")) == ("0", "0")
    assert "Cpus_allowed_list:\t0\n" in open(f"/proc/{box.pid}/status").read()


@must("config-linux.md", "CPU")
def test_cpuset_that_is_not_there(box):
    machine.need_controller("cpuset")
    box.linux["resources"]["cpu"] = {"cpus": "4000"}
    box.run().failed()


@must("config-linux.md", "CPU", since="1.1")
def test_cpu_idle(box):
    machine.need_controller("cpu")
    limited(box, cpu={"idle": 1})
    assert value(box, "cpu", "cpu.idle", "cpu.idle") == "1"


@must("config-linux.md", "CPU", since="1.1")
def test_cpu_burst(box):
    machine.need_controller("cpu")
    limited(box, cpu={"quota": 50000, "period": 100000, "burst": 10000})
    assert value(box, "cpu", "cpu.cfs_burst_us", "cpu.max.burst") == "10000"


@must("config-linux.md", "CPU")
def test_cpu_period_that_is_none(box):
    machine.need_controller("cpu")
    box.linux["resources"]["cpu"] = {"quota": 20000, "period": 5}
    box.run().failed()


# pids

@must("config-linux.md", "PIDs")
def test_pids_limit(box):
    limited(box, pids={"limit": 33})
    assert value(box, "pids", "pids.max", "pids.max") == "33"


@must("config-linux.md", "PIDs")
def test_pids_limit_has_an_effect(box):
    machine.need_controller("pids")
    box.linux["resources"]["pids"] = {"limit": 8}
    assert "can't fork" in box.output("(for n in 1 2 3 4 5 6 7 8 9 10; do sleep 1 & done) 2>&1; true")


@must("config-linux.md", "PIDs")
@pytest.mark.parametrize("limit", [-1])
def test_pids_unlimited(box, limit):
    limited(box, pids={"limit": limit})
    assert value(box, "pids", "pids.max", "pids.max") == "max"


# Block IO

def disk():
    """The number of a whole disk."""
    for path in pathlib.Path("/sys/block").iterdir():
        if not path.name.startswith(("loop", "ram", "zram", "dm-")):
            return tuple(map(int, (path / "dev").read_text().split(":")))
    return machine.skip("there is no disk to limit")


@must("config-linux.md", "Block IO")
@pytest.mark.parametrize("key, v1, v2", [("throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps"), ("throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps"),
                                         ("throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops"), ("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops")])
def test_throttling(box, key, v1, v2):
    machine.need_controller("io" if V2 else "blkio")
    major, minor = disk()
    if not V2 and not list(machine.hierarchies()["blkio"].rglob(v1)):
        machine.skip(f"this kernel has no {v1}")
    limited(box, blockIO={key: [{"major": major, "minor": minor, "rate": 1048576}]})
    found = value(box, "io" if V2 else "blkio", v1, "io.max")
    assert found == f"{major}:{minor} 1048576" if not V2 else found.startswith(f"{major}:{minor}") and f"{v2}=1048576" in found


@must("config-linux.md", "Block IO")
def test_weight(box):
    machine.need_controller("io" if V2 else "blkio")
    name = "io.bfq.weight" if V2 else "blkio.weight"
    if not V2 and not list(machine.hierarchies()["blkio"].glob("*/blkio.*weight")):
        machine.skip("this kernel has no blkio.weight")
    limited(box, blockIO={"weight": 300})
    assert "300" in value(box, "io" if V2 else "blkio", name, name)


@engines("hugetlb")
def test_huge_pages(box):
    """What is reserved counts, too: a mapping that is too large is refused then, where its use would end in SIGBUS."""
    machine.need_v2()
    if "hugetlb" not in (machine.CGROUPS / "cgroup.controllers").read_text().split():
        machine.skip("this machine has no hugetlb")
    limited(box, hugepageLimits=[{"pageSize": "2MB", "limit": 4 * MIB}])
    assert [value(box, "hugetlb", None, f"hugetlb.2MB.{name}") for name in ("max", "rsvd.max")] == [str(4 * MIB)] * 2


# What is not there

@must("runtime.md", "Errors")
@pytest.mark.parametrize("resources, controller", [({"hugepageLimits": [{"pageSize": "2MB", "limit": 0}]}, "hugetlb"), ({"network": {"classID": 1048577}}, "net_cls"),
                                                   ({"rdma": {"mlx5_0": {"hcaHandles": 1}}}, "rdma")], ids=["hugetlb", "net_cls", "rdma"])
def test_a_controller_that_this_machine_lacks(box, resources, controller):
    """A limit that was asked for and cannot be set is an error."""
    if controller in machine.hierarchies() or V2 and controller in (machine.CGROUPS / "cgroup.controllers").read_text().split():
        machine.skip(f"this machine has {controller}")
    box.linux["resources"].update(resources)
    box.run().failed()


@must("config-linux.md", "Unified")
def test_unified(box):
    machine.need_v2()
    limited(box, unified={"memory.high": str(32 * MIB), "pids.max": "44"})
    assert (value(box, "memory", None, "memory.high"), value(box, "pids", None, "pids.max")) == (str(32 * MIB), "44")


@must("config-linux.md", "Unified")
@pytest.mark.parametrize("unified", [{"nonsense.max": "1"}, {"memory.nonsense": "1"}, {"../x": "1"}, {"memory.high": "nonsense"}], ids=str)
def test_unified_that_does_not_exist(box, unified):
    """On a machine without cgroup v2 no unified key can be set."""
    box.linux["resources"]["unified"] = unified
    box.run().failed()


@must("config-linux.md", "IntelRdt")
def test_intel_rdt_without_resctrl(box):
    if "resctrl" in open("/proc/mounts").read():
        machine.skip("this machine has resctrl")
    box.linux["intelRdt"] = {"closID": "group", "l3CacheSchema": "L3:0=f"}
    box.run().failed()


# Ownership

@should("config-linux.md", "Cgroup ownership")
def test_v1_cgroups_stay_roots(box):
    machine.need_v1()
    box.namespace("user")
    box.namespace("cgroup")
    box.linux.update(uidMappings=[{"containerID": 0, "hostID": 100000, "size": 65536}], gidMappings=[{"containerID": 0, "hostID": 100000, "size": 65536}])
    box.sleeping()
    assert box.cgroup_file("pids", "cgroup.procs").stat().st_uid == 0


@should("config-linux.md", "Cgroup ownership", since="1.1")
def test_v2_cgroups_become_the_containers(box):
    machine.need_v2()
    box.namespace("user")
    box.namespace("cgroup")
    box.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev"])
    box.linux.update(uidMappings=[{"containerID": 0, "hostID": 100000, "size": 65536}], gidMappings=[{"containerID": 0, "hostID": 100000, "size": 65536}])
    box.sleeping()
    directory = box.cgroup_file("pids", "cgroup.procs").parent
    assert [(directory / name).stat().st_uid for name in ("", "cgroup.procs", "cgroup.subtree_control")] == [100000] * 3
    assert (directory / "pids.max").stat().st_uid == 0


def with_a_cgroup_of_its_own(box):
    """Whose user divides it: systemd in a container does that."""
    box.namespace("user")
    box.namespace("cgroup")
    box.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev"])
    box.linux.update(uidMappings=[{"containerID": 0, "hostID": 100000, "size": 65536}], gidMappings=[{"containerID": 0, "hostID": 100000, "size": 65536}])
    box.sh("cd /sys/fs/cgroup && mkdir inner && echo 1 > inner/cgroup.procs && echo +pids > cgroup.subtree_control && mkdir other && echo 5 > other/pids.max && exec sleep 1000")
    box.created()
    box.start().ok()
    limit = box.cgroup_file("pids", "other") / "pids.max"
    processes.wait_until(lambda: limit.exists() or not processes.is_running(box.pid))
    assert limit.exists(), box.err.read_text()


@should("config-linux.md", "Cgroup ownership", since="1.1")
def test_what_is_handed_over_can_be_divided(box):
    machine.need_v2()
    with_a_cgroup_of_its_own(box)
    assert processes.wait_until(lambda: (box.cgroup_file("pids", "other") / "pids.max").read_text() == "5\n")
    box.delete("--force").ok()
    assert not box.cgroup_file("pids", "cgroup.procs").parent.exists()


@engines("exec")
def test_exec_where_nobody_can_be_in_the_containers_cgroup(box):
    """One that hands controllers on has no processes of its own: they go where the first one is."""
    machine.need_v2()
    with_a_cgroup_of_its_own(box)
    assert box.exec_sh("cat /proc/self/cgroup").ok().text == "0::/inner"


# update, pause, events

@engines("update")
def test_update_by_options(box):
    limited(box, pids={"limit": 33})
    box.runtime("update", "--pids-limit", "22", box.id).ok()
    assert value(box, "pids", "pids.max", "pids.max") == "22"


@engines("update")
def test_update_memory(box):
    limited(box, memory={"limit": 64 * MIB})
    box.runtime("update", "--memory", str(48 * MIB), box.id).ok()
    assert value(box, "memory", "memory.limit_in_bytes", "memory.max") == str(48 * MIB)


@engines("update --resources")
def test_update_from_a_file(box):
    limited(box, memory={"limit": 64 * MIB}, pids={"limit": 33})
    (box.path / "resources.json").write_text(json.dumps({"pids": {"limit": 11}, "cpu": {"shares": 256}}))
    box.runtime("update", "--resources", box.path / "resources.json", box.id).ok()
    assert value(box, "pids", "pids.max", "pids.max") == "11"
    assert value(box, "memory", "memory.limit_in_bytes", "memory.max") == str(64 * MIB)


@engines("update --resources")
def test_update_from_standard_input(box):
    limited(box, memory={"limit": 64 * MIB})
    box.runtime("update", "--resources", "-", box.id, stdin=json.dumps({"memory": {"limit": 32 * MIB}})).ok()
    assert value(box, "memory", "memory.limit_in_bytes", "memory.max") == str(32 * MIB)


@engines("update")
def test_update_with_the_same_memory_again(box):
    """Docker sends all limits with every update."""
    limited(box, memory={"limit": 64 * MIB, "swap": 128 * MIB})
    resources = json.dumps({"memory": {"limit": 64 * MIB, "swap": 128 * MIB, "reservation": 32 * MIB}, "cpu": {"shares": 300}})
    box.runtime("update", "--resources", "-", box.id, stdin=resources).ok()
    assert value(box, "memory", "memory.soft_limit_in_bytes", "memory.low") == str(32 * MIB)


@engines("update")
def test_update_raises_memory_and_swap(box):
    """In an order in which memory never exceeds memory and swap."""
    machine.need_controller("memory")
    limited(box, memory={"limit": 32 * MIB, "swap": 32 * MIB})
    box.runtime("update", "--resources", "-", box.id, stdin=json.dumps({"memory": {"limit": 64 * MIB, "swap": 64 * MIB}})).ok()
    assert value(box, "memory", "memory.limit_in_bytes", "memory.max") == str(64 * MIB)
    box.runtime("update", "--resources", "-", box.id, stdin=json.dumps({"memory": {"limit": 16 * MIB, "swap": 16 * MIB}})).ok()
    assert value(box, "memory", "memory.limit_in_bytes", "memory.max") == str(16 * MIB)


@engines("update")
def test_update_of_what_is_none(box):
    box.sleeping()
    box.runtime("update", "--resources", "-", box.id, stdin="{nonsense").failed()
    box.runtime("update", "--pids-limit", "nonsense", box.id).failed()
    box.runtime("update", "--pids-limit", "5", "not-there").failed("does not exist", "no such")


@engines("pause")
def test_pause_stops_and_resume_goes_on(box):
    machine.need_controller("freezer")
    box.sh("n=0; while :; do n=$((n + 1)); echo $n > /count; sleep 0.01; done")
    box.started()
    count = lambda: int((box.rootfs / "count").read_text() or 0)
    assert processes.wait_until(lambda: (box.rootfs / "count").exists() and count() > 2)
    box.runtime("pause", box.id).ok()
    before = count()
    assert not processes.wait_until(lambda: count() > before + 1, 0.5)
    box.runtime("resume", box.id).ok()
    assert processes.wait_until(lambda: count() > before + 1)


@engines("pause")
def test_pause_and_resume_in_wrong_states(box):
    machine.need_controller("freezer")
    box.ended()
    box.runtime("pause", box.id).failed()
    box.runtime("pause", "not-there").failed()
    box.runtime("resume", "not-there").failed()


@engines("events --stats")
def test_events_stats(box):
    limited(box, memory={"limit": 64 * MIB}, pids={"limit": 33})
    result = box.runtime("events", "--stats", box.id)
    if "unknown command" in result.err.lower() or "no such command" in result.err.lower():
        pytest.skip("it has no events")
    stats = json.loads(result.ok().out)
    assert (stats["type"], stats["id"]) == ("stats", box.id)
    assert stats["data"]["pids"] == {"current": 1, "limit": 33}
    assert stats["data"]["memory"]["usage"]["limit"] == 64 * MIB and stats["data"]["memory"]["usage"]["usage"] > 0


@engines("standard streams")
def test_the_hosts_null_device_keeps_its_owner(box):
    """What the caller gave as standard input is a device of the host, and not the container's to own."""
    null = box.path / "null"
    os.mknod(null, 0o20666, os.makedev(1, 3))
    os.chmod(null, 0o666)
    box.namespace("user")
    box.linux.update(uidMappings=[{"containerID": 0, "hostID": 100000, "size": 65536}], gidMappings=[{"containerID": 0, "hostID": 100000, "size": 65536}])
    with open(null, "r+b", buffering=0) as stream, open(box.out, "w+b") as out:
        _, process = box.runtime.popen("run", "--bundle", box.write(), box.id, stdin=stream, stdout=out, stderr=out)
        assert process.wait(20) == 0
    assert (null.stat().st_uid, stat.S_IMODE(null.stat().st_mode)) == (0, 0o666)


@must("config-linux.md", "Memory", since="1.1")
def test_check_before_update(box):
    machine.need_controller("memory")
    box.sleeping()
    document = {"memory": {"limit": 1 << 12, "checkBeforeUpdate": True}}
    box.runtime("update", "--resources", "-", box.id, stdin=json.dumps(document)).failed()
    assert box.status == "running"
    document["memory"]["limit"] = 1 << 30
    box.runtime("update", "--resources", "-", box.id, stdin=json.dumps(document)).ok()


@ours("little memory")
def test_half_a_mebibyte_is_enough(box):
    """What the runtime itself needs is not the container's."""
    if not box.runtime.is_ours:
        pytest.skip("runc needs more")
    machine.need_controller("memory")
    box.linux["resources"]["memory"] = {"limit": 512 << 10}
    box.process["args"] = ["/bin/true"]
    box.run().ok()
    box.created()
    box.start().ok()
    assert box.wait() == 0
