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


@pytest.fixture
def guarded(box):
    """With the node of a device that no list has by default, and that anybody may open. See `opens`."""
    need_device_cgroup()
    for path in ("/dev/fuse", "/dev/loop-control", "/dev/cpu_dma_latency", "/dev/rtc0", "/dev/autofs"):
        try:
            os.close(os.open(path, os.O_RDONLY))
        except OSError:
            continue
        number = os.stat(path).st_rdev
        os.mknod(box.rootfs / "opt/device", 0o20666, number)
        box.rule = {"type": "c", "major": os.major(number), "minor": os.minor(number), "access": "rwm"}
        return box
    machine.skip("there is no harmless device in /dev to try it with")


def opens(box, *rules, mode="<"):
    """Whether the container may open it, with these rules behind "nothing is allowed"."""
    box.linux["resources"]["devices"] = [{"allow": False, "access": "rwm"}, *rules]
    return "not permitted" not in box.output(f"(: {mode} /opt/device) 2>&1; true")


@must("config-linux.md", "Allowed Device list")
def test_denied(guarded):
    assert not opens(guarded)


@must("config-linux.md", "Allowed Device list")
def test_allowed(guarded):
    assert opens(guarded, {"allow": True, **guarded.rule})


@must("config-linux.md", "Allowed Device list")
def test_access(guarded):
    assert opens(guarded, {"allow": True, **guarded.rule, "access": "r"})
    assert not opens(guarded, {"allow": True, **guarded.rule, "access": "r"}, mode="<>")
    assert not opens(guarded, {"allow": True, **guarded.rule, "access": "m"})


@must("config-linux.md", "Allowed Device list")
def test_in_the_listed_order(guarded):
    allow, deny = {"allow": True, **guarded.rule}, {"allow": False, **guarded.rule}
    assert not opens(guarded, allow, deny)
    assert opens(guarded, deny, allow)


@must("config-linux.md", "Allowed Device list")
def test_a_wildcard(guarded):
    rule = {"allow": True, **guarded.rule}
    del rule["minor"]
    assert opens(guarded, rule)


@must("config-linux.md", "Allowed Device list")
def test_another_device_is_allowed(guarded):
    assert not opens(guarded, {"allow": True, **guarded.rule, "minor": 77})


@must("config-linux.md", "Allowed Device list")
@pytest.mark.parametrize("rule", [{"allow": True, "access": "rwm"}, {"allow": True, "type": "a", "access": "rwm"}], ids=["no type", "a"])
def test_all_allowed(guarded, rule):
    guarded.linux["resources"]["devices"] = [rule]
    assert "not permitted" not in guarded.output("(: < /opt/device) 2>&1; true")


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
