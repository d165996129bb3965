"""Limits of `minirun run`: what the kernel makes of them, what is told at the end, and that nothing is left."""
import os
import pathlib
import signal
import subprocess
import time

import pytest

from harness import DEADLINE, skip

CGROUPS = pathlib.Path("/sys/fs/cgroup")
UNIFIED = (CGROUPS / "cgroup.controllers").exists()


def controllers():
    if UNIFIED:
        return (CGROUPS / "cgroup.controllers").read_text().split()
    lines = pathlib.Path("/proc/self/cgroup").read_text().splitlines()
    return [name for line in lines for name in line.split(":")[1].split(",")]


def need_controller(name):
    if name not in controllers():
        skip(f"this host has no cgroup controller {name}")


def directory_of(pid, controller):
    """Of a process, in the hierarchy of a controller."""
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if names == "" and UNIFIED:
            return CGROUPS / path[1:]
        if controller in names.split(","):
            return CGROUPS / names / path[1:]
    raise AssertionError(f"{pid} is in no cgroup of {controller}")


@pytest.fixture(autouse=True)
def no_cgroup_is_left():
    yield
    assert [str(path) for path in CGROUPS.glob("**/minirun*/")] == []


def setting(running, controller, v2_file, v1_file):
    running.wait_for("ready")
    return (directory_of(running.pid, controller) / (v2_file if UNIFIED else v1_file)).read_text().strip()


WAIT = ("sh", "-c", "echo ready; exec sleep 60")
# A shell's own variable: memory that has to be there, whatever the page cache does.
EAT = "x=0123456789abcdef; while true; do x=$x$x; done"


def test_without_limits_there_is_no_cgroup(minirun, plain):
    with minirun.start("run", plain, *WAIT) as running:
        running.wait_for("ready")
        own = pathlib.Path(f"/proc/{running.pid}/cgroup").read_text()
        assert own == pathlib.Path(f"/proc/{running.popen.pid}/cgroup").read_text()


@pytest.mark.parametrize("option, controller, v2, v1", [
    (("-m", "64m"), "memory", ("memory.max", "67108864"), ("memory.limit_in_bytes", "67108864")),
    (("-m", "64m"), "memory", ("memory.swap.max", "67108864"), ("memory.memsw.limit_in_bytes", "134217728")),
    (("-m", "64m", "--memory-swap", "64m"), "memory", ("memory.swap.max", "0"),
     ("memory.memsw.limit_in_bytes", "67108864")),
    (("--memory-reservation", "32m"), "memory", ("memory.low", "33554432"),
     ("memory.soft_limit_in_bytes", "33554432")),
    (("--cpus", "0.5"), "cpu", ("cpu.max", "50000 100000"), ("cpu.cfs_quota_us", "50000")),
    (("--cpu-quota", "20000", "--cpu-period", "40000"), "cpu", ("cpu.max", "20000 40000"),
     ("cpu.cfs_period_us", "40000")),
    (("--cpu-shares", "2048"), "cpu", ("cpu.weight", "174"), ("cpu.shares", "2048")),
    (("--cpuset-cpus", "0"), "cpuset", ("cpuset.cpus", "0"), ("cpuset.cpus", "0")),
    (("--pids-limit", "20"), "pids", ("pids.max", "20"), ("pids.max", "20")),
    (("--pids-limit", "0"), "pids", ("pids.max", "max"), ("pids.max", "max")),
])
def test_what_is_written(minirun, plain, option, controller, v2, v1):
    need_controller(controller)
    file, value = v2 if UNIFIED else v1
    with minirun.start("run", *option, plain, *WAIT) as running:
        assert setting(running, controller, file, file) == value


def test_a_reached_memory_limit_is_told(minirun, plain):
    need_controller("memory")
    result = minirun.run("-m", "20m", "--memory-swap", "20m", plain, "sh", "-c", EAT)
    assert result.code == 137
    assert result.err == ("minirun: the kernel killed 1 process of the container: its memory limit of 20 MiB was "
                          "reached\n")


def test_a_kill_by_hand_is_not_told_as_one_for_memory(minirun, plain):
    need_controller("memory")
    with minirun.start("run", "-m", "20m", plain, *WAIT) as running:
        running.wait_for("ready")
        os.kill(running.pid, signal.SIGKILL)
        assert running.finish().ended(137)


@pytest.mark.parametrize("size", ["512k", "1m", "6m"])
def test_little_memory_is_enough_for_a_small_program(minirun, plain, size):
    """What minirun itself and the mounts need does not count."""
    need_controller("memory")
    assert minirun.run("-m", size, plain, "true").ok()


def test_memory_runs_out_while_it_starts(minirun, plain):
    """minirun outlives it, and says what happened."""
    need_controller("memory")
    result = minirun.run("-m", "4k", plain, "true")
    assert result.code != 0 and result.err.startswith("minirun: "), result


def test_a_limit_of_processes(minirun, plain):
    need_controller("pids")
    result = minirun.run("--pids-limit", "3", plain, "sh", "-c", "sleep 9 & sleep 9 & sleep 9 & sleep 9 & wait")
    assert "fork" in result.err, result
    assert minirun.run("--pids-limit", "3", plain, "sh", "-c", "true & wait").ok()


def test_the_quota_of_cpu_time_holds(minirun, plain):
    need_controller("cpu")
    with minirun.start("run", "--cpus", "0.1", plain, "sh", "-c", "echo ready; while true; do :; done") as running:
        running.wait_for("ready")
        stat = directory_of(running.pid, "cpu") / "cpu.stat"
        end = time.monotonic() + DEADLINE
        while "nr_throttled 0\n" in stat.read_text() and time.monotonic() < end:
            time.sleep(0.05)
        assert "nr_throttled 0\n" not in stat.read_text()


def test_the_cpus_are_those(minirun, plain):
    need_controller("cpuset")
    out = minirun.run("--cpuset-cpus", "0", plain, "grep", "Cpus_allowed_list", "/proc/self/status").lines
    assert out == ["Cpus_allowed_list:\t0"]


def test_device_rules_hold_for_nodes_that_the_container_makes(minirun, plain):
    if not UNIFIED:
        need_controller("devices")
    script = "mknod /dev/kmsg2 c 1 11 && mknod /dev/zero2 c 1 5 && cat /dev/kmsg2; head -c 1 /dev/zero2 | wc -c"
    allowed = ("run", "--cap-add", "MKNOD", plain, "sh", "-c", "mknod /dev/null2 c 1 3 && echo x >/dev/null2 && echo y")
    assert minirun(*allowed).lines == ["y"]
    result = minirun.run("--cap-add", "MKNOD", "--device-cgroup-rule", "c 10:200 r", plain, "sh", "-c", script)
    assert result.out == "1\n"
    assert "not permitted" in result.err, result


def test_its_own_cgroup_is_the_root_inside(minirun, plain):
    need_controller("memory")
    file = "/sys/fs/cgroup/memory.max" if UNIFIED else "/sys/fs/cgroup/memory/memory.limit_in_bytes"
    assert minirun.run("-m", "64m", plain, "cat", file).lines == ["67108864"]
    lines = minirun.run("-m", "64m", plain, "cat", "/proc/self/cgroup").lines
    assert [line for line in lines if line == "0::/" or ":memory:/" in line][0].endswith(":/")
    result = minirun.run("-m", "64m", plain, "sh", "-c", f"echo 1 >{file}")
    assert "Read-only" in result.err, result


def test_without_a_namespace_it_sees_its_own_cgroup_too(minirun, plain):
    need_controller("memory")
    file = "/sys/fs/cgroup/memory.max" if UNIFIED else "/sys/fs/cgroup/memory/memory.limit_in_bytes"
    assert minirun.run("-m", "64m", "--cgroupns", "host", plain, "cat", file).lines == ["67108864"]
    lines = minirun.run("-m", "64m", "--cgroupns", "host", plain, "cat", "/proc/self/cgroup").lines
    assert any("/minirun-" in line for line in lines)


def test_the_parent(minirun, plain):
    need_controller("pids")
    with minirun.start("run", "--pids-limit", "9", "--cgroup-parent", "some/group", plain, *WAIT) as running:
        running.wait_for("ready")
        path = directory_of(running.pid, "pids")
        assert path.parent.name == "group" and path.parents[1].name == "some" and path.parents[2].name == "minirun"
    assert not path.parents[2].exists()


@pytest.mark.parametrize("options", [(), ("--userns", "private"), ("--init",), ("--time", "private"), ("--pid", "host")])
def test_with_other_ways_to_start(minirun, plain, options):
    need_controller("pids")
    assert minirun.run("--pids-limit", "50", *options, plain, "sh", "-c", "exit 7").ended(7)


def test_kill_9_of_minirun_leaves_nothing_behind_for_long(minirun, plain):
    need_controller("pids")
    with minirun.start("run", "--pids-limit", "9", plain, *WAIT) as running:
        running.wait_for("ready")
        path = directory_of(running.pid, "pids")
        running.popen.kill()
        running.popen.wait()
    assert path.exists()
    minirun.run(plain, "true").ok()
    end = time.monotonic() + DEADLINE
    while path.exists() and time.monotonic() < end:
        minirun.run(plain, "true").ok()
    assert not path.exists()


def test_a_cgroup_that_is_in_use_is_left_alone(minirun, runtime_bundle):
    need_controller("pids")
    config, bundle = runtime_bundle(["true"])
    path = (CGROUPS if UNIFIED else CGROUPS / "pids") / "somebody-elses-minirun-test"
    path.mkdir()
    other = subprocess.Popen(["sleep", "60"])
    try:
        (path / "cgroup.procs").write_text(str(other.pid))
        config["linux"]["cgroupsPath"] = "/somebody-elses-minirun-test"
        config["linux"]["resources"]["pids"] = {"limit": 5}
        bundle.write(config)
        minirun.run(bundle.path).refused(125, "the cgroup '/somebody-elses-minirun-test' is in use: it has processes",
                                         hint="choose another one")
        assert other.poll() is None and path.exists()
    finally:
        other.kill()
        other.wait()
        for _ in range(100):
            try:
                path.rmdir()
                break
            except OSError:
                time.sleep(0.01)


def test_a_missing_controller_is_named(minirun, runtime_bundle):
    if "rdma" in controllers():
        skip("this host has the controller rdma")
    config, bundle = runtime_bundle(["true"])
    config["linux"]["resources"]["rdma"] = {"mlx5_1": {"hcaHandles": 3}}
    bundle.write(config)
    minirun.run(bundle.path).refused(
        125, ".linux.resources.rdma.mlx5_1 needs the cgroup controller rdma, which this host does not have",
        hint="leave the limit away")


@pytest.mark.parametrize("options, message", [
    (("-m", "0"), "--memory '0': this is no size"),
    (("--memory-swap", "64m"), "--memory-swap counts memory and swap together: it needs --memory"),
    (("-m", "64m", "--memory-swap", "32m"),
     "{image}: .linux.resources.memory.swap: 33554432 is below the memory limit 67108864: it counts memory and swap "
     "together"),
    (("--cpus", "0"), "--cpus '0': expected a number of CPUs, 0.01 or more: 1.5"),
    (("--cpus", "1.x"), "--cpus '1.x': expected a number of CPUs, 0.01 or more: 1.5"),
    (("--cpus", "1", "--cpu-quota", "5000"),
     "--cpus is a quota and a period: --cpu-quota and --cpu-period say it again"),
    (("--pids-limit", "x"), "--pids-limit 'x': expected a number from -1 to 4194304"),
    (("--cpuset-cpus", "1-0"), "{image}: .linux.resources.cpu.cpus: expected numbers and ranges like 0-3,7, found '1-0'"),
    (("--device-read-bps", "/dev/null:1m"), "--device-read-bps '/dev/null:1m': '/dev/null' is no block device"),
    (("--device-cgroup-rule", "c 1:3"),
     "--device-cgroup-rule 'c 1:3': expected a type, two numbers and what is allowed: c 13:* rwm"),
    (("--cgroup-parent", "/a/../.."), "--cgroup-parent '/a/../..': \"..\" could lead out of the cgroups"),
])
def test_bad_values(minirun, plain, options, message):
    result = minirun.run(*options, plain, "true")
    result.refused(125, message.format(image=f"image '{plain}'"))
