"""config-linux.md "Namespaces" and "Offset for Time Namespace"."""
import os
import subprocess
import time

import pytest

import machine
import processes
from requirements import must, ours

FILES = {"pid": "pid", "network": "net", "ipc": "ipc", "uts": "uts", "mount": "mnt", "user": "user", "cgroup": "cgroup", "time": "time"}
ALL_IDS = [{"containerID": 0, "hostID": 0, "size": 4294967295}]


def own(kind):
    return os.readlink(f"/proc/self/ns/{FILES[kind]}")


def need(kind):
    if not os.path.exists(f"/proc/self/ns/{FILES[kind]}"):
        machine.skip(f"this kernel has no {kind} namespaces")


@must("config-linux.md", "Namespaces")
@pytest.mark.parametrize("kind", ["pid", "network", "ipc", "uts", "mount", "cgroup"])
def test_a_new_one(box, kind):
    need(kind)
    box.namespace(kind)
    assert box.output(f"readlink /proc/self/ns/{FILES[kind]}") != own(kind)


@must("config-linux.md", "Namespaces", since="1.1")
def test_a_new_time_namespace(box):
    need("time")
    box.namespace("time")
    assert box.output("readlink /proc/self/ns/time") != own("time")


@must("config-linux.md", "Namespaces")
@pytest.mark.parametrize("kind", ["pid", "network", "ipc", "uts", "cgroup", "user"])
def test_what_is_not_listed_is_the_runtimes(box, kind):
    box.without_namespace(kind)
    if kind == "uts":
        del box.config["hostname"]
    if kind in ("network", "ipc"):
        # sysfs and mqueue belong to these namespaces; with them from elsewhere mounting may be refused.
        box.config["mounts"] = [mount for mount in box.config["mounts"] if mount["type"] not in ("sysfs", "mqueue")]
    assert box.output(f"readlink /proc/self/ns/{FILES[kind]}") == own(kind)


@must("config-linux.md", "Namespaces")
@pytest.mark.parametrize("kind", ["network", "ipc", "uts", "pid", "cgroup"])
def test_joined_by_path(box, new_container, kind):
    other = new_container()
    other.namespace("cgroup")
    other.sleeping()
    box.namespace(kind, f"/proc/{other.pid}/ns/{FILES[kind]}")
    assert box.output(f"readlink /proc/self/ns/{FILES[kind]}") == other.link(FILES[kind])


@must("config-linux.md", "Namespaces")
def test_a_joined_mount_namespace(box, new_container):
    other = new_container()
    other.sleeping()
    box.namespace("mount", f"/proc/{other.pid}/ns/mnt")
    box.sh("readlink /proc/self/ns/mnt")
    result = box.run()
    # Its root cannot be seen from in there: an error, or the namespace that was asked for.
    assert result.code != 0 and result.err.strip() or result.text == other.link("mnt"), result


@must("config-linux.md", "Namespaces")
def test_a_joined_pid_namespace_shows_its_processes(box, new_container):
    other = new_container()
    other.sleeping()
    box.namespace("pid", f"/proc/{other.pid}/ns/pid")
    assert "sleep" in box.output("cat /proc/1/cmdline") and box.output("cat /proc/1/comm") == "sleep"


@must("config-linux.md", "Namespaces")
def test_a_joined_user_namespace(box, new_container):
    other = new_container()
    other.namespace("user")
    other.linux.update(uidMappings=ALL_IDS, gidMappings=ALL_IDS)
    other.sleeping()
    box.namespace("user", f"/proc/{other.pid}/ns/user")
    assert box.output("readlink /proc/self/ns/user") == other.link("user")


@must("config-linux.md", "Namespaces")
@pytest.mark.parametrize("kind, wrong", [("network", "ipc"), ("ipc", "uts"), ("uts", "net"), ("pid", "net")])
def test_a_path_of_another_type(box, kind, wrong):
    box.namespace(kind, f"/proc/self/ns/{wrong}")
    box.run().failed()


@must("config-linux.md", "Namespaces")
def test_a_path_that_is_no_namespace(box):
    (box.path / "file").write_text("")
    box.namespace("network", box.path / "file")
    box.run().failed()


@must("config-linux.md", "Namespaces")
def test_a_path_that_is_not_there(box):
    box.namespace("network", box.path / "not-there")
    box.run().failed("no such file")


@must("config-linux.md", "Namespaces")
def test_a_path_that_is_not_absolute(box):
    box.namespace("network", "ns/net")
    box.run().failed()


@must("config-linux.md", "Namespaces")
@pytest.mark.parametrize("kind", ["pid", "network", "uts"])
def test_the_same_type_twice(box, kind):
    box.linux["namespaces"].append({"type": kind})
    box.run().failed()


@must("config-linux.md", "Namespaces")
@pytest.mark.parametrize("kind", ["nonsense", "", "net"])
def test_a_type_that_does_not_exist(box, kind):
    box.linux["namespaces"].append({"type": kind})
    box.run().failed()


# What is in them

@must("config.md", "Hostname")
def test_hostname(box):
    box.config["hostname"] = "a-name.of-its-own"
    before = os.uname().nodename
    assert box.output("hostname; cat /proc/sys/kernel/hostname") == "a-name.of-its-own\na-name.of-its-own"
    assert os.uname().nodename == before


@must("config.md", "Hostname")
def test_hostname_without_a_uts_namespace(box):
    """It would be the host's: runc and crun refuse."""
    before = os.uname().nodename
    box.without_namespace("uts")
    box.run().failed("uts")
    assert os.uname().nodename == before


@must("config.md", "Domainname", since="1.1")
def test_domainname(box):
    box.config["domainname"] = "example.org"
    assert box.output("cat /proc/sys/kernel/domainname") == "example.org"


@must("config-linux.md", "Namespaces")
def test_the_network_is_its_own(box):
    assert box.output("ls /sys/class/net; ip -o link | wc -l").split()[-1] in ("1", "2", "3")
    assert "lo" in box.output("ls /sys/class/net")
    before = os.listdir("/sys/class/net")
    box.process["capabilities"] = {which: ["CAP_NET_ADMIN"] for which in ("bounding", "effective", "permitted")}
    box.output("ip link set lo name renamed 2>/dev/null; true")
    assert os.listdir("/sys/class/net") == before


@must("config-linux.md", "Namespaces")
def test_the_first_process_is_1(box):
    box.sh("echo $$; exit 0")
    assert box.run().ok().text == "1"


@must("config-linux.md", "Namespaces")
def test_without_a_pid_namespace_ids_are_the_hosts(box):
    box.without_namespace("pid")
    box.sh("echo $$; sleep 1000")
    box.started()
    assert processes.wait_until(lambda: box.out.read_text().strip()) == str(box.pid)


@must("config-linux.md", "Namespaces")
def test_with_a_pid_namespace_all_end_with_the_first(box):
    box.sh("sleep 1000 & exec sleep 0.2")
    box.started()
    below = processes.wait_until(lambda: processes.children(box.pid))
    box.wait()
    assert processes.wait_until(lambda: not any(map(processes.is_running, below)))


@must("config-linux.md", "Namespaces")
def test_a_cgroup_namespace_begins_at_the_containers_cgroup(box):
    box.namespace("cgroup")
    lines = box.output("cat /proc/self/cgroup").splitlines()
    paths = {line.rpartition(":")[2] for line in lines if machine.cgroup_mode() == "unified" or not line.startswith("0:")}
    assert paths == {"/"}


@must("config-linux.md", "Namespaces")
def test_messages_are_apart(box):
    assert box.output("cat /proc/sysvipc/shm | wc -l") == "1"


# Time

def clock(box):
    return float(box.output("cat /proc/uptime").split()[0])


@must("config-linux.md", "Offset for Time Namespace", since="1.1")
def test_boottime(box):
    need("time")
    box.namespace("time")
    box.linux["timeOffsets"] = {"boottime": {"secs": 1000000, "nanosecs": 0}}
    assert abs(clock(box) - time.clock_gettime(time.CLOCK_BOOTTIME) - 1000000) < 60


@must("config-linux.md", "Offset for Time Namespace", since="1.1")
def test_monotonic(box):
    need("time")
    box.namespace("time")
    box.linux["timeOffsets"] = {"monotonic": {"secs": 7777, "nanosecs": 5}, "boottime": {"secs": 12}}
    offsets = {line.split()[0]: line.split()[1:] for line in box.output("cat /proc/self/timens_offsets").splitlines()}
    assert (offsets["monotonic"], offsets["boottime"]) == (["7777", "5"], ["12", "0"])


@must("config-linux.md", "Offset for Time Namespace", since="1.1")
def test_offsets_without_a_time_namespace(box):
    box.linux["timeOffsets"] = {"boottime": {"secs": 1000}}
    box.run().failed()


@must("config-linux.md", "Offset for Time Namespace", since="1.1")
def test_a_clock_that_has_no_offset(box):
    need("time")
    box.namespace("time")
    box.linux["timeOffsets"] = {"realtime": {"secs": 1}}
    box.run().failed()


@must("config-linux.md", "Network devices", since="1.3")
def test_a_network_device_is_moved(box, scratch):
    """From a network namespace for the test, which plays the runtime's."""
    setup = 'ip link add mover7 type veth peer name peer7 || exit 77; ip addr add 10.7.0.1/24 dev mover7; exec "$0" "$@"'
    box.linux["netDevices"] = {"mover7": {"name": "inside0"}}
    box.process["capabilities"] = {which: ["CAP_NET_ADMIN"] for which in ("bounding", "effective", "permitted")}
    box.sh("ls /sys/class/net; ip -o addr show inside0")
    result = box.run(before=["unshare", "-n", "sh", "-c", setup])
    if result.code == 77:
        machine.skip("this kernel makes no veth pairs")
    assert "inside0" in result.ok().out and "10.7.0.1/24" in result.out


@ours("network devices")
def test_a_network_device_comes_back_when_the_container_fails(box):
    setup = """ip link add back7 mtu 1300 type veth peer name peer7 || exit 77; ip addr add 10.7.0.1/24 dev back7; ip link set back7 up
               "$0" "$@"; ip -o link show back7; ip -o addr show back7"""
    box.linux["netDevices"] = {"back7": {"name": "inside0"}}
    box.process["args"] = ["/not/there"]
    result = box.run(before=["unshare", "-n", "sh", "-c", setup])
    if result.code == 77:
        machine.skip("this kernel makes no veth pairs")
    assert "no such file" in result.err.lower() and "mtu 1300" in result.out and "10.7.0.1/24" in result.out and ",UP" in result.out


@ours("network devices")
def test_a_network_device_stays_in_the_namespace_that_it_is_in(box):
    """Whatever path leads to it."""
    with subprocess.Popen(["unshare", "-n", "sh", "-c", "ip link add stay7 type veth peer name peer7 || exit; echo made; exec sleep 1000"], stdout=subprocess.PIPE) as holder:
        try:
            if holder.stdout.readline() != b"made\n":
                machine.skip("this kernel makes no veth pairs")
            inside = ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
            box.namespace("network", f"/proc/{holder.pid}/ns/net")
            box.linux["netDevices"] = {"stay7": {"name": "other0"}}
            box.run(before=inside).failed("network namespace")
            assert b"stay7" in subprocess.run([*inside, "ip", "-o", "link"], stdout=subprocess.PIPE, check=True).stdout
        finally:
            holder.kill()
