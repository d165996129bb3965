"""Podman over the runtime under test."""
import json

import pytest


RUN = ["run", "--pull=never", "--network", "none"]
BACKGROUND = [*RUN, "--detach"]


def test_run(podman):
    result = podman(*RUN, "tiny", "echo", "here").ok()
    assert result.text == "here"


def test_the_runtime_is_the_one(podman, runtime_program):
    assert podman("info", "--format", "{{.Host.OCIRuntime.Path}}").ok().text == str(runtime_program)
    name = podman(*BACKGROUND, "tiny", "sleep", "1000").ok().text
    assert podman("inspect", "--format", "{{.OCIRuntime}}", name).ok().text == str(runtime_program)


@pytest.mark.parametrize("script, code", [("exit 0", 0), ("exit 42", 42), ("kill -9 $$ & wait; exit 3", 3)])
def test_exit_codes(podman, script, code):
    assert podman(*RUN, "tiny", "sh", "-c", script).code == code


@pytest.mark.parametrize("command, code", [("/not/there", 127), ("notthere", 127), ("/etc/passwd", 126)])
def test_exit_codes_of_bad_commands(podman, command, code):
    assert podman(*RUN, "tiny", command).code == code


def test_streams(podman):
    result = podman(*RUN, "-i", "tiny", "sh", "-c", "cat; echo err >&2", stdin="given")
    assert (result.out, "err" in result.err) == ("given", True)


def test_a_terminal(podman):
    assert "terminal" in podman(*RUN, "-t", "tiny", "sh", "-c", "test -t 0 && test -t 1 && echo terminal").ok().out


def test_logs(podman):
    name = podman(*BACKGROUND, "tiny", "sh", "-c", "echo out; echo err >&2").ok().text
    podman("wait", name).ok()
    logs = podman("logs", name).ok()
    assert (logs.text, logs.err.strip()) == ("out", "err")


def test_exec(podman):
    name = podman(*BACKGROUND, "tiny", "sleep", "1000").ok().text
    assert podman("exec", name, "sh", "-c", "cat /proc/1/comm; exit 0").ok().text == "sleep"
    assert podman("exec", name, "sh", "-c", "exit 9").code == 9
    assert podman("exec", "-u", "1000", "-w", "/tmp", "-e", "A=1", name, "sh", "-c", "id -u; pwd; echo $A").ok().text.split() == ["1000", "/tmp", "1"]
    assert podman("exec", name, "/not/there").code == 127
    assert podman("exec", name, "/etc/passwd").code == 126
    assert "terminal" in podman("exec", "-t", name, "sh", "-c", "test -t 0 && echo terminal").ok().out


def test_stop(podman):
    name = podman(*BACKGROUND, "tiny", "sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done").ok().text
    podman.until(lambda text: text == "ready", "logs", name)  # pid 1 without a handler gets no signal
    podman("stop", "--time", "10", name).ok()
    assert podman("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name).text == "exited 7"


def test_stop_by_force(podman):
    name = podman(*BACKGROUND, "tiny", "sleep", "1000").ok().text
    podman("stop", "--time", "1", name).ok()
    assert podman("inspect", "--format", "{{.State.ExitCode}}", name).text == "137"


def test_kill(podman):
    name = podman(*BACKGROUND, "tiny", "sh", "-c", "trap 'exit 5' USR1; echo ready; while :; do sleep 0.1; done").ok().text
    podman.until(lambda text: text == "ready", "logs", name)  # pid 1 without a handler gets no signal
    podman("kill", "--signal", "USR1", name).ok()
    assert podman("wait", name).ok().text == "5"


def test_restart(podman):
    name = podman(*BACKGROUND, "tiny", "sh", "-c", "trap 'exit 0' TERM; echo started; while :; do sleep 0.1; done").ok().text
    podman("restart", "--time", "5", name).ok()
    assert podman("inspect", "--format", "{{.State.Status}}", name).text == "running"
    podman.until(lambda text: text.split() == ["started", "started"], "logs", name)


def test_pause(podman):
    name = podman(*BACKGROUND, "tiny", "sleep", "1000").ok().text
    podman("pause", name).ok()
    assert podman("inspect", "--format", "{{.State.Status}}", name).text == "paused"
    podman("unpause", name).ok()
    assert podman("exec", name, "echo", "here").ok().text == "here"


def test_stats(podman):
    name = podman(*BACKGROUND, "-m", "64m", "tiny", "sleep", "1000").ok().text
    stats = json.loads(podman("stats", "--no-stream", "--format", "json", name).ok().out)[0]
    assert stats["pids"] == "1" and "67.11MB" in stats["mem_usage"]


def test_limits(podman):
    name = podman(*BACKGROUND, "-m", "64m", "--pids-limit", "50", "--cpu-shares", "512", "tiny", "sleep", "1000").ok().text
    inspected = json.loads(podman("inspect", name).ok().out)[0]["HostConfig"]
    assert (inspected["Memory"], inspected["PidsLimit"], inspected["CpuShares"]) == (64 << 20, 50, 512)
    text = podman("exec", name, "sh", "-c", "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; true").text
    assert text.split() == ["50", str(64 << 20)]


def test_out_of_memory(podman):
    name = podman(*BACKGROUND, "-m", "16m", "tiny", "tail", "/dev/zero").ok().text
    assert podman("wait", name).ok().text == "137"


def test_update_is_refused_or_done(podman):
    """`podman update` came with 4.3."""
    name = podman(*BACKGROUND, "-m", "64m", "tiny", "sleep", "1000").ok().text
    result = podman("update", "--memory", "48m", name)
    assert result.code == 0, result


def test_user_and_capabilities(podman):
    assert podman(*RUN, "--user", "1000:100", "tiny", "sh", "-c", "id -u; id -g").ok().text.split() == ["1000", "100"]
    text = podman(*RUN, "--cap-drop", "all", "--cap-add", "NET_RAW", "tiny", "grep", "CapEff", "/proc/self/status").ok().text
    assert int(text.split()[1], 16) == 1 << 13


def test_volumes(podman, workspace):
    volume = workspace / "volume"
    volume.mkdir(exist_ok=True)
    (volume / "file").write_text("of the host")
    assert podman(*RUN, "-v", f"{volume}:/mnt:ro", "tiny", "cat", "/mnt/file").ok().text == "of the host"
    assert "Read-only" in podman(*RUN, "-v", f"{volume}:/mnt:ro", "tiny", "touch", "/mnt/new").err


@pytest.mark.parametrize("propagation, shows", [("rprivate", False), ("rslave", False), ("rshared", True)])
def test_propagation_of_a_volume(podman, shared_volume, propagation, shows):
    """What the container mounts in a shared volume the host has, too, which is how storage is provided by containers."""
    script = "mount -t tmpfs inner /mnt/inner && touch /mnt/inner/file"
    podman(*RUN, "--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "-v", f"{shared_volume}:/mnt:{propagation}", "tiny", "sh", "-c", script).ok()
    assert (shared_volume / "inner/file").exists() == shows


def test_read_only(podman):
    assert "Read-only" in podman(*RUN, "--read-only", "tiny", "touch", "/new").err


def test_tmpfs(podman):
    assert podman(*RUN, "--tmpfs", "/opt:size=1m", "tiny", "sh", "-c", "grep -c ' /opt tmpfs' /proc/mounts").ok().text == "1"


def test_hostname_and_environment(podman):
    assert podman(*RUN, "--hostname", "box", "-e", "A=1", "tiny", "sh", "-c", "hostname; echo $A").ok().text.split() == ["box", "1"]


def test_sysctl(podman):
    assert podman(*RUN, "--sysctl", "net.ipv4.ip_forward=1", "tiny", "cat", "/proc/sys/net/ipv4/ip_forward").ok().text == "1"


def test_init(podman):
    result = podman(*RUN, "--init", "tiny", "cat", "/proc/1/comm")
    if "catatonit" in result.err and result.code:
        pytest.skip("there is no catatonit")
    assert result.text in ("catatonit", "podman-init", "dumb-init", "tini")


def test_create_and_start(podman):
    name = podman("create", "--pull=never", "--network", "none", "tiny", "sh", "-c", "echo here").ok().text
    assert podman("start", "--attach", name).ok().text == "here"
    assert podman("start", "--attach", name).ok().text == "here"


def test_a_user_namespace(podman):
    result = podman(*RUN, "--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536", "tiny", "cat", "/proc/self/uid_map")
    assert result.ok().text.split() == ["0", "100000", "65536"]


def test_joined_namespaces(podman):
    name = podman(*BACKGROUND, "--hostname", "first", "tiny", "sleep", "1000").ok().text
    link = podman("exec", name, "readlink", "/proc/self/ns/net").ok().text
    assert podman("run", "--pull=never", "--network", f"container:{name}", "tiny", "readlink", "/proc/self/ns/net").ok().text == link


def test_healthcheck(podman):
    name = podman(*BACKGROUND, "--health-cmd", "test -f /healthy", "--health-interval", "disable", "tiny", "sleep", "1000").ok().text
    assert podman("healthcheck", "run", name).code == 1
    podman("exec", name, "touch", "/healthy").ok()
    assert podman("healthcheck", "run", name).code == 0


def test_top(podman):
    name = podman(*BACKGROUND, "tiny", "sleep", "1000").ok().text
    assert podman("top", name, "pid", "comm").ok().text.split()[-1] == "sleep"


def test_remove_by_force(podman):
    name = podman(*BACKGROUND, "tiny", "sleep", "1000").ok().text
    podman("rm", "--force", "--time", "0", name).ok()
    assert podman("ps", "-aq").ok().text == ""
