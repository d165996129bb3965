"""Docker, with the runtime under test as the default of a dockerd of its own."""
import json
import os

import pytest

import machine
import processes
from conftest import docker_client, start_docker

RUN = ["run", "--pull", "never", "--network", "none"]
BACKGROUND = [*RUN, "--detach"]
V2 = machine.cgroup_mode() == "unified"


def inspect(docker, name, what):
    return docker("inspect", "--format", "{{" + what + "}}", name).ok().text


def cgroup_value(docker, name, controller, v1, v2):
    """A file of the container's cgroup, on the host."""
    for line in open(f"/proc/{inspect(docker, name, '.State.Pid')}/cgroup").read().splitlines():
        _, controllers, path = line.split(":", 2)
        if V2:
            return (machine.CGROUPS / path.strip("/") / v2).read_text().strip()
        if controller in controllers.split(","):
            return (machine.hierarchies()[controller] / path.strip("/") / v1).read_text().strip()
    return machine.skip(f"there is no controller {controller}")


def test_run(docker):
    assert docker(*RUN, "tiny", "echo", "here").ok().text == "here"


def test_info(docker):
    assert docker("info", "--format", "{{.DefaultRuntime}}").ok().text == docker.runtime
    name = docker(*BACKGROUND, "tiny", "sleep", "1000").ok().text
    assert inspect(docker, name, ".HostConfig.Runtime") == docker.runtime


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_exit_codes(docker, code):
    assert docker(*RUN, "tiny", "sh", "-c", f"exit {code}").code == code


@pytest.mark.parametrize("command, code", [("/not/there", 127), ("notthere", 127), ("/etc/passwd", 126), ("/etc", 126)])
def test_exit_codes_of_bad_commands(docker, command, code):
    assert docker(*RUN, "tiny", command).code == code


def test_streams(docker):
    result = docker(*RUN, "-i", "tiny", "sh", "-c", "cat; echo err >&2", stdin="given")
    assert (result.out, "err" in result.err) == ("given", True)


def test_a_terminal(docker):
    name = docker(*BACKGROUND, "-t", "tiny", "sh", "-c", "test -t 0 && test -t 1 && echo terminal").ok().text
    docker("wait", name).ok()
    assert docker("logs", name).ok().text == "terminal"


def test_logs(docker):
    name = docker(*BACKGROUND, "tiny", "sh", "-c", "echo out; echo err >&2").ok().text
    docker("wait", name).ok()
    logs = docker("logs", name).ok()
    assert (logs.text, logs.err.strip()) == ("out", "err")


def test_exec(docker):
    name = docker(*BACKGROUND, "tiny", "sleep", "1000").ok().text
    assert docker("exec", name, "cat", "/proc/1/comm").ok().text == "sleep"
    assert docker("exec", name, "sh", "-c", "exit 9").code == 9
    assert docker("exec", "-u", "1000", "-w", "/tmp", "-e", "A=1", name, "sh", "-c", "id -u; pwd; echo $A").ok().text.split() == ["1000", "/tmp", "1"]
    assert docker("exec", "-i", name, "cat", stdin="given").ok().out == "given"
    docker("exec", "--detach", name, "touch", "/made").ok()
    docker.until(lambda text: "made" in text, "exec", name, "ls", "/")


@pytest.mark.parametrize("command, code", [("/not/there", 127), ("notthere", 127), ("/etc/passwd", 126)])
def test_exit_codes_of_bad_commands_in_exec(docker, command, code):
    """126 for all of them is what Docker makes of runc's and crun's words, too."""
    name = docker(*BACKGROUND, "tiny", "sleep", "1000").ok().text
    assert docker("exec", name, command).code in (code, 126)


def test_stop(docker):
    name = docker(*BACKGROUND, "tiny", "sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done").ok().text
    docker.until(lambda text: text == "ready", "logs", name)  # pid 1 without a handler gets no signal
    docker("stop", "--time", "10", name).ok()
    assert inspect(docker, name, ".State.Status") + inspect(docker, name, ".State.ExitCode") == "exited7"


def test_stop_by_force(docker):
    name = docker(*BACKGROUND, "tiny", "sleep", "1000").ok().text
    docker("stop", "--time", "1", name).ok()
    assert inspect(docker, name, ".State.ExitCode") == "137"


def test_kill(docker):
    name = docker(*BACKGROUND, "tiny", "sh", "-c", "trap 'exit 5' USR1; echo ready; while :; do sleep 0.1; done").ok().text
    docker.until(lambda text: text == "ready", "logs", name)  # pid 1 without a handler gets no signal
    docker("kill", "--signal", "USR1", name).ok()
    assert docker("wait", name).ok().text == "5"


def test_restart(docker):
    name = docker(*BACKGROUND, "tiny", "sh", "-c", "trap 'exit 0' TERM; echo started; while :; do sleep 0.1; done").ok().text
    docker("restart", "--time", "5", name).ok()
    docker.until(lambda text: text.split() == ["started", "started"], "logs", name)
    assert inspect(docker, name, ".State.Running") == "true"


def test_a_restart_policy(docker):
    name = docker(*BACKGROUND, "--restart", "on-failure:2", "tiny", "sh", "-c", "echo started; exit 1").ok().text
    docker.until(lambda text: text == "2", "inspect", "--format", "{{.RestartCount}}", name)
    docker.until(lambda text: text.split() == ["started"] * 3, "logs", name)


def test_pause(docker):
    name = docker(*BACKGROUND, "tiny", "sleep", "1000").ok().text
    docker("pause", name).ok()
    assert inspect(docker, name, ".State.Status") == "paused"
    docker("unpause", name).ok()
    assert docker("exec", name, "echo", "here").ok().text == "here"


def test_memory(docker):
    name = docker(*BACKGROUND, "-m", "64m", "tiny", "sleep", "1000").ok().text
    assert cgroup_value(docker, name, "memory", "memory.limit_in_bytes", "memory.max") == str(64 << 20)


def test_out_of_memory(docker):
    name = docker(*BACKGROUND, "-m", "16m", "--memory-swap", "16m", "tiny", "tail", "/dev/zero").ok().text
    assert docker("wait", name).ok().text == "137"
    assert inspect(docker, name, ".State.OOMKilled") == "true"


def test_pids_limit(docker):
    name = docker(*BACKGROUND, "--pids-limit", "20", "tiny", "sleep", "1000").ok().text
    assert cgroup_value(docker, name, "pids", "pids.max", "pids.max") == "20"
    result = docker("exec", name, "sh", "-c", "for n in $(seq 30); do sleep 1 & done; true")
    assert "can't fork" in result.out + result.err


def test_cpus(docker):
    name = docker(*BACKGROUND, "--cpu-shares", "512", "--cpuset-cpus", "0", "tiny", "sleep", "1000").ok().text
    assert cgroup_value(docker, name, "cpuset", "cpuset.cpus", "cpuset.cpus") == "0"
    if not V2:
        assert cgroup_value(docker, name, "cpu", "cpu.shares", "") == "512"


def test_update(docker):
    name = docker(*BACKGROUND, "-m", "64m", "--memory-swap", "64m", "tiny", "sleep", "1000").ok().text
    docker("update", "--cpu-shares", "300", name).ok()  # with the memory limits as they are
    docker("update", "--memory", "96m", "--memory-swap", "96m", name).ok()
    assert cgroup_value(docker, name, "memory", "memory.limit_in_bytes", "memory.max") == str(96 << 20)


def test_stats(docker):
    name = docker(*BACKGROUND, "-m", "64m", "tiny", "sleep", "1000").ok().text
    stats = json.loads(docker("stats", "--no-stream", "--format", "{{json .}}", name).ok().out)
    assert stats["PIDs"] == "1" and stats["MemUsage"].endswith("64MiB")


def test_top(docker):
    name = docker(*BACKGROUND, "tiny", "sleep", "1000").ok().text
    assert docker("top", name).ok().lines[1].endswith("sleep 1000")


def test_healthcheck(docker):
    name = docker(*BACKGROUND, "--health-cmd", "test -f /healthy", "--health-interval", "1s", "--health-retries", "2", "tiny", "sleep", "1000").ok().text
    docker.until(lambda text: text == "unhealthy", "inspect", "--format", "{{.State.Health.Status}}", name)
    docker("exec", name, "touch", "/healthy").ok()
    docker.until(lambda text: text == "healthy", "inspect", "--format", "{{.State.Health.Status}}", name)


@pytest.mark.parametrize("options, script, expected", [
    (["--read-only"], "touch /new 2>&1; true", "touch: /new: Read-only file system"), (["-e", "A=1"], "echo $A", "1"), (["-w", "/new/place"], "pwd", "/new/place"),
    (["--user", "1000:100"], "id -u; id -g", "1000\n100"), (["--hostname", "box"], "hostname", "box"), (["--sysctl", "net.ipv4.ip_forward=1"], "cat /proc/sys/net/ipv4/ip_forward", "1"),
    (["--cap-drop", "all"], "grep CapEff /proc/self/status | tr -d '0\\t'", "CapEff:"), (["--security-opt", "no-new-privileges"], "grep NoNewPrivs /proc/self/status | cut -f 2", "1"),
    (["--tmpfs", "/opt"], "grep -c ' /opt tmpfs' /proc/mounts", "1"), (["--ulimit", "nofile=100:200"], "ulimit -Hn", "200"), (["--group-add", "29"], "id -G", "0 29"),
    (["--oom-score-adj", "500"], "cat /proc/self/oom_score_adj", "500"), (["--shm-size", "1m"], "df -k /dev/shm | tail -1 | tr -s ' ' | cut -d ' ' -f 2", "1024"),
    (["--device", "/dev/fuse"], "test -c /dev/fuse && echo there", "there"), (["--ipc", "private"], "echo here", "here"), (["--init"], "cat /proc/1/comm", None),
    (["--privileged"], "mount -t tmpfs none /mnt && echo mounted", "mounted"), (["--security-opt", "seccomp=unconfined"], "grep Seccomp: /proc/self/status | cut -f 2", "0"),
    ([], "grep Seccomp: /proc/self/status | cut -f 2", "2")], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_options(docker, options, script, expected):
    if "--privileged" in options:
        machine.need_capability("CAP_SYS_RESOURCE", 24)  # which is among those that it asks for
    result = docker(*RUN, *options, "tiny", "sh", "-c", script)
    if options == ["--init"]:
        if "docker-init" in result.err and result.code:
            pytest.skip("there is no docker-init")
        assert result.text in ("docker-init", "tini")
        return
    assert result.ok().text == expected


@pytest.mark.parametrize("mode", ["host", "container"])
def test_joined_namespaces(docker, mode):
    if mode == "host":
        assert docker("run", "--pull", "never", "--network", "host", "tiny", "readlink", "/proc/self/ns/net").ok().text == os.readlink("/proc/self/ns/net")
        return
    name = docker(*BACKGROUND, "tiny", "sleep", "1000").ok().text
    link = docker("exec", name, "readlink", "/proc/self/ns/net").ok().text
    assert docker("run", "--pull", "never", "--network", f"container:{name}", "--pid", f"container:{name}", "tiny", "sh", "-c", "readlink /proc/self/ns/net; cat /proc/1/comm").ok().text.split() == [link, "sleep"]


def test_volumes(docker, workspace):
    volume = workspace / "docker-volume"
    volume.mkdir(exist_ok=True)
    (volume / "file").write_text("of the host")
    assert docker(*RUN, "-v", f"{volume}:/mnt:ro", "tiny", "cat", "/mnt/file").ok().text == "of the host"
    docker("volume", "create", "named").ok()
    docker(*RUN, "--rm", "-v", "named:/data", "tiny", "sh", "-c", "echo kept > /data/file").ok()
    assert docker(*RUN, "--rm", "-v", "named:/data", "tiny", "cat", "/data/file").ok().text == "kept"
    docker("volume", "rm", "named").ok()


@pytest.mark.parametrize("propagation, shows", [("rprivate", False), ("rslave", False), ("rshared", True)])
def test_propagation_of_a_volume(docker, shared_volume, propagation, shows):
    """What the container mounts in a shared volume the host has, too, which is how storage is provided by containers."""
    script = "mount -t tmpfs inner /mnt/inner && touch /mnt/inner/file"
    docker(*RUN, "--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "-v", f"{shared_volume}:/mnt:{propagation}", "tiny", "sh", "-c", script).ok()
    assert (shared_volume / "inner/file").exists() == shows


def test_cp_and_commit(docker, workspace):
    name = docker(*BACKGROUND, "tiny", "sh", "-c", "echo made > /made; sleep 1000").ok().text
    docker.until(lambda text: "made" in text, "exec", name, "ls", "/")
    docker("cp", f"{name}:/made", workspace / "copied").ok()
    assert (workspace / "copied").read_text() == "made\n"
    docker("commit", name, "tiny-changed").ok()
    assert docker(*RUN, "tiny-changed", "cat", "/made").ok().text == "made"
    docker("rmi", "-f", "tiny-changed").ok()


def test_a_build(docker, workspace):
    directory = workspace / "docker-build"
    directory.mkdir(exist_ok=True)
    (directory / "Dockerfile").write_text('FROM tiny\nRUN echo built > /built\nCMD ["cat", "/built"]\n')
    result = docker("build", "--network", "none", "-t", "tiny-built", directory)
    assert docker(*RUN, "tiny-built").text == "built", result
    docker("rmi", "-f", "tiny-built")


def test_what_a_killed_container_leaves(docker):
    """Its first process is killed behind Docker's back."""
    name = docker(*BACKGROUND, "tiny", "sleep", "1000").ok().text
    os.kill(int(inspect(docker, name, ".State.Pid")), 9)
    docker.until(lambda text: text == "exited 137", "inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name)


def test_userns_remap(docker_engine, workspace, runtime_path, runtime_program, containerd, image_archive, cgroup_parent):
    """A daemon whose containers are all in a user namespace."""
    for name in ("subuid", "subgid"):  # in this process's mount namespace only, which dockerd inherits
        (workspace / name).write_text("nobody:100000:65536\nnogroup:100000:65536\n")
        if not os.path.exists(f"/etc/{name}"):
            machine.skip(f"there is no /etc/{name}: apt-get install uidmap")
        processes.mount(workspace / name, f"/etc/{name}", None, 4096)
    home = workspace / f"dr-{docker_engine.runtime}"  # Docker takes root, who is not remapped, for a way to say no
    daemon = start_docker(home, docker_engine.runtime, runtime_program, containerd.socket, cgroup_parent, "--userns-remap", "nobody:nogroup")
    try:
        client = docker_client(home, workspace, image_archive)
        mapping = client(*RUN, "tiny", "cat", "/proc/self/uid_map").ok().text.split()
        assert mapping[0] == "0" and mapping[1] != "0"
        name = client(*BACKGROUND, "tiny", "sleep", "1000").ok().text
        assert client("exec", name, "id", "-u").ok().text == "0"
        pid = inspect(client, name, ".State.Pid")
        assert f"Uid:\t{mapping[1]}\t" in open(f"/proc/{pid}/status").read()
        client("rm", "-f", name).ok()
    finally:
        daemon.stop()
        for name in ("subuid", "subgid"):
            processes.unmount(f"/etc/{name}")
