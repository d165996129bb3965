"""A user who is not root: his containers, and those of his subordinate ids (subuid(5))."""
import contextlib
import copy
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

import machine
import processes
from requirements import engines, must, ours
from runtime import Container

UID, GID = 54321, 54322
FIRST, COUNT = 700000, 65535


@pytest.fixture
def make(runtime, scratch, busybox):
    """Makes containers of the user; bundle and state are his."""
    users = copy.copy(runtime)
    users.root = scratch / "state"
    users.before = [*runtime.before, "setpriv", "--reuid", str(UID), "--regid", str(GID), "--clear-groups"]
    users.env = {**runtime.env, "XDG_RUNTIME_DIR": str(scratch / "run"), "HOME": str(scratch)}
    made = []

    def make():
        box = Container(users, scratch, busybox)
        made.append(box)
        box.namespace("user")
        # The user can make no cgroup there, and not all runtimes go without.
        del box.linux["cgroupsPath"]
        box.linux["resources"] = {}
        box.linux.update(uidMappings=[{"containerID": 0, "hostID": UID, "size": 1}], gidMappings=[{"containerID": 0, "hostID": GID, "size": 1}])
        pts = next(mount for mount in box.config["mounts"] if mount["destination"] == "/dev/pts")
        pts["options"].remove("gid=5")
        own(box.path)
        return box

    for name in ("state", "run"):
        (scratch / name).mkdir(mode=0o700)
    own(scratch)
    yield make
    for box in made:
        box.destroy()
    processes.end_descendants(os.getpid())


def own(tree):
    """Gives it to the user, but for what other bundles have links to."""
    for directory, _, names in os.walk(tree):
        os.chown(directory, UID, GID)
        for name in names:
            path = os.path.join(directory, name)
            if os.lstat(path).st_nlink == 1:
                os.chown(path, UID, GID, follow_symlinks=False)


@pytest.fixture
def box(make):
    return make()


@pytest.fixture
def ranges(scratch):
    """The user has a name and subordinate ids, as long as the test runs, and for it alone."""
    if not shutil.which("newuidmap"):
        machine.skip("there is no newuidmap: apt-get install uidmap")
    passwd = pathlib.Path("/etc/passwd").read_text() + f"conformance-user:x:{UID}:{GID}::/:/bin/sh\n"
    files = {"/etc/passwd": passwd, "/etc/subuid": f"conformance-user:{FIRST}:{COUNT}\n", "/etc/subgid": f"conformance-user:{FIRST}:{COUNT}\n"}
    with contextlib.ExitStack() as stack:
        for path, text in files.items():
            if not os.path.exists(path):
                machine.skip(f"there is no {path}")
            file = pathlib.Path(tempfile.mkstemp(dir=scratch)[1])
            file.write_text(text)
            file.chmod(0o644)
            processes.mount(file, path, flags=4096)  # MS_BIND
            stack.callback(processes.unmount, path)
        yield


@pytest.fixture
def wide(box, ranges):
    """A container with many ids: 0 is the user's, the others are subordinate ones."""
    box.linux["uidMappings"] = [{"containerID": 0, "hostID": UID, "size": 1}, {"containerID": 1, "hostID": FIRST, "size": COUNT}]
    box.linux["gidMappings"] = [{"containerID": 0, "hostID": GID, "size": 1}, {"containerID": 1, "hostID": FIRST, "size": COUNT}]
    return box


@engines("rootless")
def test_root_inside_is_the_user(box):
    assert box.output("id -u; id -g; cat /proc/self/uid_map; touch /made").split() == ["0", "0", "0", str(UID), "1"]
    made = (box.rootfs / "made").stat()
    assert (made.st_uid, made.st_gid) == (UID, GID)


@engines("rootless")
def test_step_by_step(box):
    box.process["args"] = ["/bin/sleep", "1000"]
    box.create().ok()
    assert box.status == "created"
    box.start().ok()
    assert box.status == "running"
    assert pathlib.Path(f"/proc/{box.pid}").stat().st_uid == UID
    assert box.exec_sh("id -u; hostname").ok().lines == ["0", "conformance"]
    assert os.readlink(f"/proc/{box.pid}/ns/user") in box.exec("/bin/ls", "-l", "/proc/self/ns/user").ok().out
    box.delete().failed()
    box.kill("KILL").ok()
    assert box.wait() == -9
    assert box.status == "stopped"
    box.delete().ok()
    assert list(box.runtime.root.iterdir()) == []


@engines("rootless")
def test_delete_by_force(box):
    box.sleeping()
    pid = box.pid
    box.delete("--force").ok()
    assert processes.wait_until(lambda: not processes.is_running(pid))


@engines("rootless")
def test_each_namespace_is_its_own(box):
    box.sleeping()
    for kind in ("user", "pid", "net", "ipc", "uts", "mnt"):
        assert box.link(kind) != os.readlink(f"/proc/self/ns/{kind}"), kind


@engines("rootless")
def test_root_has_rights_inside(box):
    box.process["capabilities"] = {which: ["CAP_SYS_ADMIN", "CAP_NET_ADMIN"] for which in ("bounding", "effective", "permitted")}
    assert box.output("mount -t tmpfs none /opt && ip addr add 10.9.9.9/32 dev lo && hostname other && hostname") == "other"


@engines("rootless")
def test_devices(box):
    assert box.output("""head -c 3 /dev/zero | od -An -tx1; echo lost >/dev/null && head -c 1 /dev/urandom | wc -c
                         : >/dev/full 2>/dev/null; echo x 2>&1 >/dev/full | grep -c 'No space'""").split() == ["00", "00", "00", "1", "1"]


@ours("rootless")
def test_a_device_of_the_host_keeps_its_mode(box):
    before = os.stat("/dev/null").st_mode
    box.output("chmod 0 /dev/null; chown 0 /dev/null; true")
    assert os.stat("/dev/null").st_mode == before


@engines("rootless")
def test_masked_and_readonly_paths(box):
    (box.rootfs / "secret").write_text("words")
    box.linux["maskedPaths"] = ["/secret", "/proc/keys"]
    box.linux["readonlyPaths"] = ["/proc/sys"]
    assert box.output("cat /secret; cat /proc/keys; echo 1 2>/dev/null >/proc/sys/kernel/domainname || echo refused") == "refused"


@engines("rootless")
def test_mounts(box, scratch):
    (scratch / "shared").mkdir()
    own(scratch / "shared")
    box.mount("/opt", "tmpfs", "tmpfs", ["size=1m"])
    box.bind(scratch / "shared", "/root/rw", "rw")
    box.bind(scratch / "shared", "/root/ro", "ro")
    assert box.output("touch /opt/a /root/rw/b; touch /root/ro/c 2>/dev/null || ls /root/ro") == "b"


@engines("rootless")
def test_readonly_root(box):
    box.config["root"]["readonly"] = True
    assert box.output("touch /made 2>/dev/null || echo refused") == "refused"


@engines("rootless")
def test_seccomp(box):
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}
    assert "No space" in box.output("mkdir /opt/a 2>&1 || true")


@engines("rootless")
@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"])
def test_hooks(box, kind):
    inside = kind == "startContainer"
    (box.rootfs / "seen").write_text("")
    script = box.script("hook", f"cat >{'/seen' if inside else box.rootfs / 'seen'}")
    if inside:
        os.link(script, box.rootfs / "hook")
    own(box.path)
    os.chown(box.rootfs / "seen", UID, GID)
    box.config["hooks"] = {kind: [{"path": "/hook" if inside else str(script)}]}
    box.run().ok()
    assert box.id in (box.rootfs / "seen").read_text()


@engines("rootless")
def test_a_command_that_is_not_there(box):
    box.process["args"] = ["/not/there"]
    box.run().failed("no such file", "not found")
    assert list(box.runtime.root.iterdir()) == []


@ours("rootless")
def test_a_limit_needs_a_cgroup_that_the_user_can_make(box):
    box.linux["resources"] = {"memory": {"limit": 100 << 20}}
    box.run().failed("--systemd-cgroup")


@engines("rootless")
def test_a_cgroup_that_the_user_cannot_make(box):
    """Engines name one, and count on that."""
    box.linux["cgroupsPath"] = box.cgroup
    box.linux["resources"] = {"devices": [{"allow": False, "access": "rwm"}]}
    assert box.output("echo here") == "here"


@ours("rootless")
def test_without_a_user_namespace(box):
    box.without_namespace("user")
    del box.linux["uidMappings"], box.linux["gidMappings"]
    box.run().failed("spec --rootless")


@ours("rootless")
def test_other_groups_need_ranges(box):
    """The one that it has anyway needs none."""
    box.process["user"]["additionalGids"] = [0]
    assert box.output("id -g") == "0"
    box.process["user"]["additionalGids"] = [1]
    box.run().failed("gidMappings")


@must("config-linux.md", "User namespace mappings")
def test_ranges(wide):
    wide.process["user"] = {"uid": 7, "gid": 8, "additionalGids": [29]}
    wide.process["args"] = ["/bin/sleep", "1000"]
    wide.started()
    status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{wide.pid}/status").read_text().splitlines() if ":\t" in line)
    assert (status["Uid"].split()[0], status["Gid"].split()[0], status["Groups"].split()) == (str(FIRST + 6), str(FIRST + 7), [str(FIRST + 28)])
    assert wide.exec_sh("id -u; cat /proc/self/uid_map").ok().out.split() == ["7", "0", str(UID), "1", "1", str(FIRST), str(COUNT)]
    wide.kill("KILL").ok()
    assert wide.wait() == -9
    wide.delete().ok()


@must("config-linux.md", "User namespace mappings")
def test_owners_of_ranges(wide):
    wide.output("touch /made && chown 5:6 /made")
    made = (wide.rootfs / "made").stat()
    assert (made.st_uid, made.st_gid) == (FIRST + 4, FIRST + 5)


@ours("rootless")
def test_ids_of_others(box, ranges):
    box.linux["uidMappings"].append({"containerID": 1, "hostID": FIRST + COUNT, "size": 10})
    box.run().failed("/etc/subuid")
