"""config-linux.md "Devices", "Default Devices" and "Allowed Device list"; runtime-linux.md "Dev symbolic links"."""
import os

import pytest

import machine
from requirements import engines, must

DEFAULTS = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}


def describe(box, path):
    """type, octal mode, owner, group, major and minor of a path."""
    kind, mode, uid, gid, major, minor = box.output(f"stat -c '%F|%a|%u|%g|%t|%T' {path}").split("|")
    return kind, int(mode, 8), int(uid), int(gid), int(major, 16), int(minor, 16)


def device(path, kind="c", major=1, minor=5, **more):
    return {"path": path, "type": kind, "major": major, "minor": minor, **more}


@must("config-linux.md", "Default Devices")
@pytest.mark.parametrize("name", DEFAULTS)
def test_default_devices(box, name):
    kind, mode, uid, gid, major, minor = describe(box, f"/dev/{name}")
    assert (kind, major, minor) == ("character special file", *DEFAULTS[name])
    assert mode == 0o666 and uid == 0


@must("config-linux.md", "Default Devices")
@pytest.mark.parametrize("user", [0, 1000])
def test_default_devices_work(box, user):
    box.process["user"] = {"uid": user, "gid": user}
    assert box.output("echo x > /dev/null && dd if=/dev/zero bs=8 count=1 2>/dev/null | wc -c && dd if=/dev/urandom bs=8 count=1 2>/dev/null | wc -c; "
                      "dd if=/dev/random bs=1 count=1 2>/dev/null | wc -c; echo x 2>/dev/null > /dev/full || echo full") == "8\n8\n1\nfull"


@must("config-linux.md", "Default Devices")
def test_ptmx(box):
    target = box.output("readlink /dev/ptmx || stat -c %t:%T /dev/ptmx")
    assert target in ("pts/ptmx", "/dev/pts/ptmx", "5:2")


@must("runtime-linux.md", "Dev symbolic links")
@pytest.mark.parametrize("name, target", [("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2")])
def test_links(box, name, target):
    assert box.output(f"readlink /dev/{name}") == target


@must("config-linux.md", "Default Devices")
def test_no_console_without_a_terminal(box):
    assert box.output("ls /dev").split() and "console" not in box.output("ls /dev").split()


@must("config-linux.md", "Devices")
def test_nothing_else_of_the_hosts(box):
    names = set(box.output("ls /dev").split())
    assert names <= {"core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero"}


@must("config-linux.md", "Devices")
@pytest.mark.parametrize("path", ["/dev/mine", "/dev/below/deep/mine", "/opt/mine"])
def test_a_device(box, path):
    box.linux["devices"] = [device(path, fileMode=0o640, uid=1000, gid=29)]
    assert describe(box, path) == ("character special file", 0o640, 1000, 29, 1, 5)


@must("config-linux.md", "Devices")
def test_a_block_device(box):
    box.linux["devices"] = [device("/dev/block", "b", 7, 200, fileMode=0o600)]
    assert describe(box, "/dev/block") == ("block special file", 0o600, 0, 0, 7, 200)


@must("config-linux.md", "Devices")
@pytest.mark.parametrize("kind", ["c", "u"])
def test_character_devices(box, kind):
    box.linux["devices"] = [device("/dev/mine", kind, fileMode=0o666)]
    assert describe(box, "/dev/mine")[0] == "character special file"


@must("config-linux.md", "Devices")
def test_a_fifo(box):
    box.linux["devices"] = [{"path": "/dev/pipe", "type": "p", "fileMode": 0o622}]
    assert describe(box, "/dev/pipe")[:2] == ("fifo", 0o622)


@must("config-linux.md", "Devices")
def test_the_callers_umask_does_not_matter(box):
    box.linux["devices"] = [device("/dev/mine", fileMode=0o666)]
    assert box.output("stat -c %a /dev/mine", before=["sh", "-c", 'umask 077; exec "$0" "$@"']) == "666"


@must("config-linux.md", "Devices")
def test_a_device_works_when_it_is_allowed(box):
    box.linux["devices"] = [device("/dev/mine", fileMode=0o666)]
    box.linux["resources"]["devices"].append({"allow": True, "type": "c", "major": 1, "minor": 5, "access": "rwm"})
    assert box.output("dd if=/dev/mine bs=4 count=1 2>/dev/null | wc -c") == "4"


@must("config-linux.md", "Devices")
def test_a_file_of_another_kind_is_there(box):
    (box.rootfs / "opt/mine").write_text("a file")
    box.linux["devices"] = [device("/opt/mine")]
    box.run().failed()


@must("config-linux.md", "Devices")
def test_the_device_is_there_already(box):
    os.mknod(box.rootfs / "opt/mine", 0o20666, os.makedev(1, 5))
    box.linux["devices"] = [device("/opt/mine", fileMode=0o666)]
    assert describe(box, "/opt/mine")[4:] == (1, 5)


@must("config-linux.md", "Devices")
@pytest.mark.parametrize("entry", [{"path": "/dev/x", "type": "x", "major": 1, "minor": 5}, {"path": "/dev/x", "type": "", "major": 1, "minor": 5},
                                   {"path": "/dev/x", "type": "c", "major": "1", "minor": 5}, {"type": "c", "major": 1, "minor": 5}],
                         ids=["type", "no type", "major", "no path"])
def test_entries_that_are_none(box, entry):
    box.linux["devices"] = [entry]
    box.run().failed()


# The device cgroup

def need_device_cgroup():
    machine.need_controller("devices")


LOOK = "dd if=/opt/zero of=/dev/null bs=1 count=1 2>&1 | tail -1; true"


@must("config-linux.md", "Allowed Device list")
def test_denied(box):
    need_device_cgroup()
    os.mknod(box.rootfs / "opt/loop", 0o60666, os.makedev(7, 0))
    os.mknod(box.rootfs / "opt/kmsg", 0o20666, os.makedev(1, 11))
    assert box.output("cat /opt/kmsg 2>&1; cat /opt/loop 2>&1; true").count("not permitted") == 2


@must("config-linux.md", "Allowed Device list")
def test_allowed(box):
    need_device_cgroup()
    os.mknod(box.rootfs / "opt/kmsg", 0o20666, os.makedev(1, 11))
    box.linux["resources"]["devices"].append({"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"})
    assert "not permitted" not in box.output("dd if=/opt/kmsg bs=8192 count=1 2>&1 >/dev/null; true")
    assert "not permitted" in box.output("echo x 2>&1 > /opt/kmsg; true")


@must("config-linux.md", "Allowed Device list")
def test_in_the_listed_order(box):
    need_device_cgroup()
    os.mknod(box.rootfs / "opt/kmsg", 0o20666, os.makedev(1, 11))
    allow = {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "rwm"}
    box.linux["resources"]["devices"] = [{"allow": False, "access": "rwm"}, allow, {**allow, "allow": False}]
    assert "not permitted" in box.output("dd if=/opt/kmsg bs=8192 count=1 2>&1 >/dev/null; true")
    box.linux["resources"]["devices"] = [{"allow": False, "access": "rwm"}, {**allow, "allow": False}, allow]
    assert "not permitted" not in box.output("dd if=/opt/kmsg bs=8192 count=1 2>&1 >/dev/null; true")


@must("config-linux.md", "Allowed Device list")
def test_a_wildcard(box):
    need_device_cgroup()
    os.mknod(box.rootfs / "opt/kmsg", 0o20666, os.makedev(1, 11))
    box.linux["resources"]["devices"].append({"allow": True, "type": "c", "major": 1, "access": "rwm"})
    assert "not permitted" not in box.output("dd if=/opt/kmsg bs=8192 count=1 2>&1 >/dev/null; true")


@must("config-linux.md", "Allowed Device list")
def test_all_allowed(box):
    need_device_cgroup()
    os.mknod(box.rootfs / "opt/kmsg", 0o20666, os.makedev(1, 11))
    box.linux["resources"]["devices"] = [{"allow": True, "access": "rwm"}]
    assert "not permitted" not in box.output("dd if=/opt/kmsg bs=8192 count=1 2>&1 >/dev/null; true")


@engines("default devices")
def test_default_devices_are_always_allowed(box):
    """Whatever the list says: runc and crun add them."""
    need_device_cgroup()
    assert box.output("echo x > /dev/null; dd if=/dev/zero bs=4 count=1 2>/dev/null | wc -c") == "4"


@engines("default devices")
def test_nodes_may_be_made_but_not_opened(box):
    """mknod of any device is allowed by default, as runc has it."""
    need_device_cgroup()
    assert "not permitted" in box.output("mknod /tmp/kmsg c 1 11 2>&1; cat /tmp/kmsg 2>&1; true")
    assert (box.rootfs / "tmp/kmsg").is_char_device()
