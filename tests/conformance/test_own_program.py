"""Nothing of the runtime itself is in a container's reach: docs/architecture.md, "Engines"."""
import contextlib
import ctypes
import errno
import json
import os
import signal
import socket
import stat
import struct
import subprocess
import threading

import pytest

import processes
from requirements import ours


@pytest.fixture(autouse=True)
def only_minirun(runtime):
    """How it is kept is each runtime's own affair."""
    if not runtime.is_ours:
        pytest.skip("it is about how minirun keeps itself")


def hook(box, kind, **keys):
    box.config.setdefault("hooks", {}).setdefault(kind, []).append(keys)


def reason_against_writing(path):
    with pytest.raises(OSError) as refused:
        os.close(os.open(path, os.O_WRONLY))
    return errno.errorcode[refused.value.errno]


@ours("CVE-2019-5736")
def test_the_program_cannot_be_written_to(box):
    """A created container's process is the runtime still. Who holds on to it can wait until it does not run any more."""
    box.created()
    held = os.open(f"/proc/{box.pid}/exe", os.O_RDONLY)
    box.delete("--force").ok()
    try:
        assert reason_against_writing(f"/proc/self/fd/{held}") == "EROFS"
    finally:
        os.close(held)


@ours("CVE-2019-5736")
@pytest.mark.parametrize("name", ["/bin/hk", "another"])
def test_a_start_container_hook_is_no_link_to_it(box, name):
    """Whatever its argv[0] is called."""
    os.symlink("/proc/self/exe", box.rootfs / "bin/hk")
    hook(box, "startContainer", path="/bin/hk", args=[name, "--version"])
    box.created()
    box.start().failed("/proc")


@ours("CVE-2024-21626")
@pytest.mark.parametrize("options, env", [(["--preserve-fds", "1"], {}), ([], {"LISTEN_FDS": "4"})], ids=["preserve-fds", "LISTEN_FDS"])
def test_its_own_descriptors_are_not_handed_on(box, options, env):
    """What is not open cannot be handed on; sockets without LISTEN_PID are meant for somebody else."""
    box.sh("ls /proc/self/fd | tr '\\n' ' '")
    result = box.run(*options, env=env)
    if options:
        result.failed("3", "not open")
    else:
        assert result.ok().text.split() == ["0", "1", "2", "3"]  # ls has opened the last one


@ours("state")
def test_a_socket_that_nobody_listens_to_is_no_created_container(box, runtime):
    """start was killed right behind its work."""
    box.sleeping()
    left = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    directory = os.open(f"{runtime.root}/{box.id}", os.O_RDONLY)
    left.bind(f"/proc/self/fd/{directory}/start")
    left.close()
    os.close(directory)
    assert box.status == "running"
    box.start().failed("running")
    assert box.exec("echo", "in").ok().text == "in"


@ours("exec")
@pytest.mark.parametrize("options, words", [(["--apparmor", "no-such"], "AppArmor"), (["--process-label", "a:b:c:d"], "SELinux")])
def test_what_confines_is_not_passed_over(box, options, words):
    if words == "AppArmor" and os.path.exists("/sys/kernel/security/apparmor"):
        pytest.skip("this machine has AppArmor")
    if words == "SELinux" and os.path.exists("/sys/fs/selinux/enforce"):
        pytest.skip("this machine has SELinux")
    box.sleeping()
    box.runtime("exec", *options, box.id, "true").failed(words)


@ours("exec")
def test_exec_grants_what_create_has_granted(box):
    """Also where the runtime lacks a capability that the config.json lists."""
    for kind in ("bounding", "effective", "permitted"):
        box.process["capabilities"].setdefault(kind, []).append("CAP_SYS_RESOURCE")
    box.sleeping()
    box.exec("true").ok()


@ours("spec")
def test_nobody_else_can_write_what_spec_writes(runtime, scratch):
    runtime("spec", "--bundle", scratch).ok()
    assert stat.S_IMODE(os.stat(scratch / "config.json").st_mode) & 0o022 == 0


@ours("hooks")
def test_a_create_container_hook_may_write_to_a_read_only_root(box):
    """The root becomes read-only behind it."""
    box.config["root"]["readonly"] = True
    hook(box, "createContainer", path="/bin/sh", args=["sh", "-c", f"touch {box.rootfs}/made"])
    box.sh("ls /made; touch /other")
    result = box.run()
    assert result.code != 0 and "/made" in result.out and "Read-only" in result.err


@ours("hooks")
def test_a_create_container_hook_is_root_in_the_user_namespace(box, scratch):
    (scratch / "log").touch()
    os.chmod(scratch / "log", 0o666)
    os.chmod(scratch, 0o777)
    box.namespace("user")
    box.linux["uidMappings"] = box.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    hook(box, "createContainer", path="/bin/sh", args=["sh", "-c", f"id -u > {scratch}/log"])
    box.process["args"] = ["/bin/true"]
    box.run().ok()
    assert (scratch / "log").read_text() == "0\n"


@ours("joined pid namespace")
def test_no_helper_is_born_in_another_containers_pid_namespace(new_container):
    """The numbers that the other container gives: the new container's process has the very next one."""
    first, second = new_container(), new_container()
    first.sleeping()
    before = json.loads(first.runtime("ps", "--format", "json", first.id).ok().out)
    last = int(first.exec("sh", "-c", "echo $$").ok().text)
    second.namespace("pid", f"/proc/{before[0]}/ns/pid")
    second.namespace("user")
    second.linux["uidMappings"] = second.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    second.sh("echo $$")
    assert int(second.run().ok().text) == last + 1


def take_start_socket(pid):
    """As a process with CAP_SYS_PTRACE does it that shares the pid namespace of a created container."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            fd = libc.syscall(438, pidfd, int(name), 0)  # pidfd_getfd
            with contextlib.suppress(OSError):
                taken = socket.socket(fileno=fd)
                if taken.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    return taken
                taken.close()
    finally:
        os.close(pidfd)
    pytest.fail("the container waits on no socket")


def stop(pid):
    """Until it has stopped: before, it may take a connection itself."""
    os.kill(pid, signal.SIGSTOP)
    assert processes.wait_until(lambda: processes.stat_fields(pid)[0] == "T")


def report(kind, step=0, error=2, item=-1, layer=-1, detail=b"x" * 236):
    """The runtime's ChildReport."""
    return struct.pack("5i236s", kind, step, error, item, layer, detail)


TERMINAL, LISTENER, ARRIVED, FAILURE = range(4)


@ours("joined pid namespace")
@pytest.mark.parametrize("message", [report(FAILURE, step=100000), report(FAILURE, step=-5000), report(FAILURE), report(LISTENER, item=0), report(ARRIVED), report(TERMINAL),
                                     report(77), b"", b"short", report(FAILURE) + b"long"],
                         ids=["step", "negative", "failure", "listener", "arrived", "terminal", "kind", "empty", "short", "long"])
def test_what_is_not_the_childs_is_no_report(box, message):
    """Somebody else answers in its place."""
    box.created()
    with take_start_socket(box.pid) as taken:
        stop(box.pid)

        def answer():
            while True:
                connection, _ = taken.accept()
                with connection:
                    if connection.recv(1):  # others only look whether somebody listens
                        connection.send(message)
                        return

        thread = threading.Thread(target=answer)
        thread.start()
        box.start().failed("something else than its report")
        thread.join()


@ours("joined pid namespace")
def test_delete_by_force_of_what_somebody_keeps_from_starting(box):
    box.created()
    with take_start_socket(box.pid):
        stop(box.pid)
        started = []
        thread = threading.Thread(target=lambda: started.append(box.start()))
        thread.start()
        assert not processes.wait_until(lambda: started, 1)
        box.delete("--force").ok()
        thread.join()
        started[0].failed()


@ours("exec")
def test_exec_waits_until_the_container_is_made(box, scratch):
    """Before that the host's tree is in its mount namespace."""
    os.mkfifo(scratch / "fifo")
    hook(box, "createRuntime", path="/bin/sh", args=["sh", "-c", f"read line <{scratch}/fifo"])
    box.process["args"] = ["/bin/sleep", "1000"]
    results = {}

    def call(name, what):
        thread = threading.Thread(target=lambda: results.update({name: what()}))
        thread.start()
        return thread

    create = call("create", box.create)
    assert processes.wait_until(lambda: os.path.lexists(box.runtime.root / box.id / "process"))
    entered = call("exec", lambda: box.exec("ls", "/"))
    assert not processes.wait_until(lambda: "exec" in results, 0.5)
    (scratch / "fifo").write_text("go\n")
    create.join()
    entered.join()
    results["create"].ok()
    assert set(results["exec"].ok().out.split()) == {path.name for path in box.rootfs.iterdir()}


@ours("CVE-2019-5736")
def test_a_program_that_is_another_one_by_the_time_of_start(box):
    """A link to what the runtime itself runs from, put there behind create's back."""
    program = box.rootfs / "bin/program"
    os.link(box.rootfs / "bin/busybox", program)
    box.process["args"] = ["/bin/program", "true"]
    box.created()
    program.unlink()
    os.symlink("/proc/self/exe", program)
    box.start().failed("/proc")
    assert "minirun-oci" not in box.out.read_text()


@ours("state")
def test_a_container_of_another_user(box):
    """Its hooks would run as who deletes it."""
    hook(box, "poststop", path="/bin/sh", args=["sh", "-c", f"touch {box.path}/ran"])
    box.created()
    record = box.runtime.root / box.id
    os.chown(record, 54321, 54321)
    for command in (["state", box.id], ["delete", "--force", box.id], ["kill", box.id, "KILL"]):
        box.runtime(*command).failed("another user's")
    os.chown(record, 0, 0)
    assert not (box.path / "ran").exists()
    box.delete("--force").ok()


@ours("delete")
def test_delete_by_force_of_what_run_watches(box):
    """Both want to undo it."""
    for _ in range(5):
        box.process["args"] = ["/bin/sleep", "1000"]
        box.write()
        _, process = box.runtime.popen("run", "--bundle", box.path, "--pid-file", box.pid_file, box.id, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert processes.wait_until(lambda: box.pid_file.exists() and box.pid_file.read_text())
        box.delete("--force").ok()
        assert process.wait(20) == 137
        box.pid_file.unlink()
        assert not (box.runtime.root / box.id).exists()


@ours("delete")
def test_what_a_container_without_pid_namespace_and_cgroup_leaves(box):
    """It is found by its mount namespace, also where that belongs to its user namespace."""
    box.without_namespace("pid")
    box.namespace("user")
    box.linux["uidMappings"] = box.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    del box.linux["cgroupsPath"]
    box.linux["resources"] = {}
    box.config["mounts"] = [mount for mount in box.config["mounts"] if mount["destination"] != "/sys"]
    os.chmod(box.rootfs / "opt", 0o777)
    box.sh("sleep 1000 & echo $! >/opt/other; wait")
    box.created(options=["--cgroup-manager", "disabled"])
    box.start().ok()
    assert processes.wait_until(lambda: (box.rootfs / "opt/other").exists() and (box.rootfs / "opt/other").read_text())
    other = int((box.rootfs / "opt/other").read_text())
    assert processes.is_running(other)
    box.delete("--force").ok()
    assert processes.wait_until(lambda: not processes.is_running(other))
