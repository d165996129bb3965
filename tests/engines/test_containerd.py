"""containerd's ctr, which goes through the same shim as Docker and Kubernetes, over the runtime under test."""
import itertools
import json
import os
import subprocess

import pytest

import processes

IMAGE = "docker.io/library/tiny:latest"
_numbers = itertools.count(1)


@pytest.fixture
def run(ctr, runtime_program, cgroup_parent):
    """Runs a container, in the foreground or with detached=True; its name is in the result."""
    def run(*command, detached=False, options=(), name=None):
        name = name or f"engines-{os.getpid()}-{next(_numbers)}"
        words = ["run", "--runc-binary", runtime_program, "--cgroup", f"/{cgroup_parent}/{name}", *(["--detach"] if detached else ["--rm"]), *options, IMAGE, name, *command]
        result = ctr(*words)
        result.name = name
        return result
    return run


def test_run(run):
    assert run("echo", "here").ok().text == "here"


@pytest.mark.parametrize("code", [0, 1, 42])
def test_exit_codes(run, code):
    assert run("sh", "-c", f"exit {code}").code == code


@pytest.mark.parametrize("command, words", [("/not/there", ["no such file or directory"]), ("notthere", ["executable file not found in $path", "not found in $path"]), ("/etc/passwd", ["permission denied"])])
def test_errors_reach_the_client(run, command, words):
    run(command).failed(*words)


def test_streams(run):
    result = run("sh", "-c", "echo out; echo err >&2")
    assert result.ok().text == "out" and "err" in result.err


def test_a_detached_task(run, ctr):
    name = run("sleep", "1000", detached=True).ok().name
    row = next(line.split() for line in ctr("tasks", "list").ok().lines if line.startswith(name))
    assert row[2] == "RUNNING" and processes.is_running(int(row[1]))


def test_exec(run, ctr):
    name = run("sleep", "1000", detached=True).ok().name
    assert ctr("tasks", "exec", "--exec-id", "one", name, "cat", "/proc/1/comm").ok().text == "sleep"
    assert ctr("tasks", "exec", "--exec-id", "two", name, "sh", "-c", "exit 9").code == 9
    assert ctr("tasks", "exec", "--exec-id", "three", "--cwd", "/tmp", "--user", "1000", name, "sh", "-c", "pwd; id -u").ok().text.split() == ["/tmp", "1000"]
    ctr("tasks", "exec", "--exec-id", "four", name, "/not/there").failed("no such file or directory")


def test_kill(run, ctr):
    name = run("sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.1; done", detached=True).ok().name
    ctr("tasks", "kill", "--signal", "SIGTERM", name).ok()
    ctr.until(lambda text: any(line.split()[0] == name and line.split()[2] == "STOPPED" for line in text.splitlines()), "tasks", "list")
    ctr("tasks", "delete", name)


def test_kill_all(run, ctr):
    name = run("sleep", "1000", detached=True).ok().name
    ctr("tasks", "kill", "--all", "--signal", "SIGKILL", name).ok()
    ctr.until(lambda text: any(line.split()[0] == name and line.split()[2] == "STOPPED" for line in text.splitlines()), "tasks", "list")


def test_pause(run, ctr):
    name = run("sleep", "1000", detached=True).ok().name
    ctr("tasks", "pause", name).ok()
    assert any(line.split()[0] == name and line.split()[2] == "PAUSED" for line in ctr("tasks", "list").lines)
    ctr("tasks", "resume", name).ok()
    assert ctr("tasks", "exec", "--exec-id", "one", name, "echo", "here").ok().text == "here"


def test_processes(run, ctr):
    name = run("sh", "-c", "sleep 1001 & exec sleep 1000", detached=True).ok().name
    ctr.until(lambda text: len(text.splitlines()) == 3, "tasks", "ps", name)


def test_metrics(run, ctr):
    name = run("sleep", "1000", detached=True, options=["--memory-limit", str(64 << 20)]).ok().name
    assert "memory.usage_in_bytes" in ctr("tasks", "metrics", name).ok().out or "memory.usage" in ctr("tasks", "metrics", name).ok().out


def test_delete(run, ctr):
    name = run("true", detached=True).ok().name
    ctr.until(lambda text: any(line.split()[0] == name and line.split()[2] == "STOPPED" for line in text.splitlines()), "tasks", "list")
    ctr("tasks", "delete", name).ok()
    assert name not in ctr("tasks", "list", "-q").lines


@pytest.mark.parametrize("options, script, expected", [
    (["--read-only"], "touch /new 2>&1; true", "touch: /new: Read-only file system"), (["--env", "A=1"], "echo $A", "1"), (["--cwd", "/tmp"], "pwd", "/tmp"),
    (["--privileged"], "grep -c ' ro,' /proc/mounts; true", None), (["--net-host"], "readlink /proc/self/ns/net", "HOST")], ids=lambda value: str(value)[:30])
def test_options(run, options, script, expected):
    result = run("sh", "-c", script, options=options).ok()
    if expected is not None:
        assert result.text == (os.readlink("/proc/self/ns/net") if expected == "HOST" else expected)


def test_a_mount(run, workspace):
    (workspace / "ctr-volume").mkdir(exist_ok=True)
    (workspace / "ctr-volume/file").write_text("of the host")
    assert run("cat", "/mnt/file", options=["--mount", f"type=bind,src={workspace}/ctr-volume,dst=/mnt,options=rbind:ro"]).ok().text == "of the host"


def test_labels_are_no_obstacle(run, ctr):
    name = run("sleep", "1000", detached=True, options=["--label", "a=b"]).ok().name
    assert json.loads(ctr("containers", "info", name).ok().out)["Labels"]["a"] == "b"


def test_the_runtime_is_the_one(run, runtime_program):
    """Only who made a container knows it by name, in the directory that the shim gives it."""
    name = run("sleep", "1000", detached=True).ok().name
    known = subprocess.run([runtime_program, "--root", "/run/containerd/runc/default", "list", "-q"], stdout=subprocess.PIPE, text=True, timeout=20, check=True).stdout
    assert name in known.split()
