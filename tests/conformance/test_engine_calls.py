"""The calls of conmon, containerd's shim and dockerd, word for word, and what they read from the answers."""
import array
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest

import machine
import processes
from requirements import engines
from terminal import ConsoleSocket


@pytest.fixture
def named(box):
    """Engines' ids have 64 hex digits."""
    box.id = f"{os.getpid():08x}" + os.urandom(28).hex()
    yield box


@engines("conmon")
def test_a_container_of_conmon(named):
    box = named
    log = box.path / "oci-log"
    globals_ = ["--log-format=json", "--log", log]
    box.process["args"] = ["/bin/sleep", "1000"]
    box.write()
    with open(box.out, "w+b") as out:
        box.runtime(*globals_, "create", "--bundle", box.path, "--pid-file", box.pid_file, box.id, stdout=out, stderr=out).ok()
    box.runtime("start", box.id).ok()
    (box.path / "process.json").write_text(json.dumps({**box.process, "args": ["/bin/sh", "-c", "exit 5"]}))
    pid_file = box.path / "exec-pid"
    box.runtime(*globals_, "exec", "--pid-file", pid_file, "--process", box.path / "process.json", "--detach", box.id).ok()
    assert processes.exit_status(int(pid_file.read_text())) == 5
    box.runtime("kill", box.id, "15").ok()
    box.runtime("kill", box.id, "9").ok()
    assert box.wait() == -9
    box.runtime("delete", "--force", box.id).ok()


@engines("conmon")
def test_a_terminal_of_conmon(named):
    box = named
    console = ConsoleSocket(box.path / "socket")
    box.process["terminal"] = True
    box.sh("test -t 0 && echo terminal")
    try:
        box.created("--console-socket", console.path, options=["--log-format=json", "--log", box.path / "log"])
        console.receive()
        box.start().ok()
        assert console.read_until(None).strip() == "terminal"
    finally:
        console.close()


@engines("conmon")
@pytest.mark.parametrize("call", ["state", "delete"])
def test_without_an_environment(box, call):
    """conmon calls delete without PATH and HOME."""
    box.ended()
    box.runtime(call, box.id, before=["env", "-i", "PATH=/bin:/usr/bin"] if box.runtime.before else ["env", "-i"]).ok()


@engines("containerd")
def test_a_container_of_the_shim(named):
    box = named
    log = box.path / "log.json"
    globals_ = ["--log", log, "--log-format", "json"]
    box.process["args"] = ["/bin/sleep", "1000"]
    box.write()
    with open(box.out, "w+b") as out:
        box.runtime(*globals_, "create", "--bundle", box.path, "--pid-file", box.pid_file, box.id, stdout=out, stderr=out).ok()
    assert json.loads(box.runtime(*globals_, "state", box.id).ok().out)["status"] == "created"
    box.runtime(*globals_, "start", box.id).ok()
    assert json.loads(box.runtime(*globals_, "ps", "--format", "json", box.id).ok().out) == [box.pid]
    box.runtime(*globals_, "update", "--resources", "-", box.id, stdin=json.dumps({"pids": {"limit": 77}})).ok()
    box.runtime(*globals_, "pause", box.id).ok()
    box.runtime(*globals_, "resume", box.id).ok()
    box.runtime(*globals_, "kill", "--all", box.id, "9").ok()
    assert box.wait() == -9
    box.runtime(*globals_, "kill", box.id, "9").failed("process already finished", "container not running", "no such process", "does not exist")
    box.runtime(*globals_, "delete", box.id).ok()
    box.runtime(*globals_, "delete", box.id).failed("does not exist", "no such file")


@engines("containerd")
@pytest.mark.parametrize("option", ["--no-pivot", "--no-new-keyring"])
def test_options_of_create(box, option):
    box.sh("echo here")
    box.created(option)
    box.start().ok()
    box.wait()
    assert box.out.read_text() == "here\n"


@engines("run --no-subreaper")
def test_no_subreaper(box):
    box.run("--no-subreaper").ok()


@engines("global options")
@pytest.mark.parametrize("options", [["--debug"], ["--log", "/dev/null"], ["--log-format", "text"], ["--log-format", "json"], ["--log-format=json"], ["--rootless", "false"],
                                     ["--rootless=auto"], ["--cgroup-manager", "cgroupfs"], ["--cgroup-manager=cgroupfs"]], ids=" ".join)
def test_global_options(box, options):
    if not box.runtime.is_ours:
        words = box.runtime("--help", root=False)
        name = options[0].split("=")[0]
        if name not in words.out + words.err:
            pytest.skip(f"it has no {name}")
    if options == ["--log", "/dev/null"]:
        os.mknod(box.path / "null", 0o20666, os.makedev(1, 3))
        options = ["--log", box.path / "null"]
    box.sh("echo here")
    assert box.run(options=options).ok().text == "here"


@engines("--cgroup-manager disabled")
def test_without_cgroups(box):
    """Podman's runtime_supports_nocgroups."""
    if "cgroup-manager" not in box.runtime("--help", root=False).out and not box.runtime.is_ours:
        pytest.skip("it has no --cgroup-manager")
    del box.linux["resources"], box.linux["cgroupsPath"]
    own = pathlib.Path("/proc/self/cgroup").read_text()
    assert box.output("cat /proc/self/cgroup", options=["--cgroup-manager", "disabled"]) + "\n" == own


@engines("global options")
def test_the_default_root(box):
    """Without --root: what is in one directory of the system."""
    box.write()
    result = box.runtime("create", "--bundle", box.path, "--pid-file", box.pid_file, box.id, root=False)
    try:
        result.ok()
        assert json.loads(box.runtime("state", box.id, root=False).ok().out)["status"] == "created"
        box.runtime("state", box.id).failed("does not exist", "no such")
    finally:
        box.runtime("delete", "--force", box.id, root=False)


@engines("global options")
def test_options_with_an_equals_sign(box):
    box.sh("echo here")
    box.write()
    result = box.runtime(f"--root={box.runtime.root}", "run", f"--bundle={box.path}", f"--pid-file={box.pid_file}", box.id, root=False)
    assert result.ok().text == "here"


@engines("usage")
@pytest.mark.parametrize("args", [["nonsense"], ["--nonsense"], ["create", "--nonsense", "x"], ["state", "a", "b"]], ids=" ".join)
def test_words_that_are_none(runtime, args):
    assert runtime(*args).code not in (0, None)


@engines("delete --regex")
def test_delete_regex(box, new_container):
    """Of crun's."""
    if "regex" not in box.runtime("delete", "--help").out:
        pytest.skip("it has no --regex")
    other = new_container()
    for each in (box, other):
        each.ended()
    box.runtime("delete", "--regex", f"conf-{os.getpid()}-.*").ok()
    assert not {box.id, other.id} & set(os.listdir(box.runtime.root))


@engines("run --config")
def test_run_config(box):
    """Of crun's."""
    if "--config" not in box.runtime("run", "--help").out:
        pytest.skip("it has no --config")
    box.sh("echo here")
    box.write()
    os.rename(box.path / "config.json", box.path / "other.json")
    box.runtime("run", "--config", box.path / "other.json", "--bundle", box.path, box.id).ok()


@engines("crash safety")
@pytest.mark.parametrize("after", [0.0, 0.005, 0.01, 0.02, 0.04, 0.08])
def test_a_killed_create_can_be_deleted(box, after):
    box.write()
    with open(box.out, "w+b") as out:
        _, process = box.runtime.popen("create", "--bundle", box.path, "--pid-file", box.pid_file, box.id, stdin=out, stdout=out, stderr=out)
        time.sleep(after)
        process.kill()
        process.wait()
    box.delete("--force").ok()
    assert not (box.runtime.root / box.id).exists()
    assert box.output("echo again") == "again"


@engines("crash safety")
def test_a_killed_delete_can_be_repeated(box):
    box.sleeping()
    for _ in range(2):
        _, process = box.runtime.popen("delete", "--force", box.id, stdin=-3, stdout=-3, stderr=-3)
        time.sleep(0.01)
        process.kill()
        process.wait()
    box.delete("--force").ok()
    assert not (box.runtime.root / box.id).exists()


@engines("at once")
def test_creates_of_one_name_at_once(box):
    """One of them wins, and that one works."""
    box.process["args"] = ["/bin/sleep", "1000"]
    box.write()
    with open(box.out, "w+b") as out:
        calls = [box.runtime.popen("create", "--bundle", box.path, "--pid-file", box.path / f"pid{number}", box.id, stdin=out, stdout=out, stderr=out)[1] for number in range(4)]
        codes = [call.wait(20) for call in calls]
    assert codes.count(0) == 1, codes
    box.start().ok()
    assert box.status == "running"


class Datagrams:
    """A service manager's end of NOTIFY_SOCKET."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(20)
        self.env = {"NOTIFY_SOCKET": str(path)}

    def received(self):
        return set(self.socket.recv(4096).decode().split())


# busybox has no client for datagrams: a program of the test's own sends what sd_notify(3) would.
NOTIFY = r"""
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(int argc, char **argv) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strncpy(to.sun_path, getenv("NOTIFY_SOCKET"), sizeof to.sun_path - 1);
    int s = socket(AF_UNIX, SOCK_DGRAM, 0);
    for (int i = 1; i < argc; i++)
        if (sendto(s, argv[i], strlen(argv[i]), 0, (struct sockaddr *)&to, sizeof to) < 0) return 1;
    pause();
}
"""


@pytest.fixture(scope="session")
def notify_program(workspace):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("g++")
    if not compiler:
        machine.skip("there is no compiler")
    program = workspace / "notify"
    subprocess.run([compiler, "-x", "c", "-static", "-o", program, "-"], input=NOTIFY, text=True, check=True)
    return program


@pytest.fixture
def notifying(box, notify_program):
    os.link(notify_program, box.rootfs / "bin/notify")
    box.process["args"] = ["/bin/notify", "STATUS=soon", "READY=1"]
    box.manager = Datagrams(box.path / "manager")
    yield box
    box.manager.socket.close()


@engines("NOTIFY_SOCKET")
def test_readiness_is_passed_on(notifying):
    box = notifying
    box.created(env=box.manager.env)
    box.start(env=box.manager.env).ok()
    assert box.manager.received() == {"READY=1", f"MAINPID={box.pid}"}


@engines("NOTIFY_SOCKET")
def test_readiness_of_a_detached_run(notifying):
    box = notifying
    with open(box.out, "w+b") as out:
        box.run("--detach", "--pid-file", box.pid_file, env=box.manager.env, stdout=out, stderr=out).ok()
    assert box.manager.received() == {"READY=1", f"MAINPID={box.pid}"}


@engines("NOTIFY_SOCKET")
def test_readiness_of_a_run(notifying):
    box = notifying
    box.write()
    _, process = box.runtime.popen("run", "--bundle", box.path, "--pid-file", box.pid_file, box.id, env=box.manager.env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert box.manager.received() == {"READY=1", f"MAINPID={box.pid}"}
    box.kill("KILL").ok()
    assert process.wait(20) == 137


@engines("NOTIFY_SOCKET")
def test_a_program_that_ends_before_it_is_ready(box):
    manager = Datagrams(box.path / "manager")
    box.process["args"] = ["/bin/true"]
    box.created(env=manager.env)
    box.start(env=manager.env).ok()
    manager.socket.close()


@engines("--pidfd-socket")
@pytest.mark.parametrize("command", ["create", "run", "exec"])
def test_pidfd_socket(box, command):
    if "pidfd-socket" not in box.runtime(command, "--help").out:
        pytest.skip("of newer runc")
    if command == "exec":
        box.sleeping()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(box.path / "pidfd"))
        listener.listen()
        listener.settimeout(20)
        box.process["args"] = ["/bin/sleep", "1000"]
        options = ["--pidfd-socket", box.path / "pidfd", "--pid-file", box.pid_file]
        if command == "create":
            box.create(*options).ok()
        elif command == "run":
            with open(box.out, "w+b") as out:
                box.run("--detach", *options, stdout=out, stderr=out).ok()
        else:
            with open(box.out, "w+b") as out:
                box.runtime("exec", "--detach", *options, box.id, "sleep", "1000", stdout=out, stderr=out).ok()
        connection, _ = listener.accept()
        with connection:
            _, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
    (fd,) = array.array("i", ancillary[0][2])
    try:
        assert f"Pid:\t{box.pid}" in open(f"/proc/self/fdinfo/{fd}").read()
    finally:
        os.close(fd)
