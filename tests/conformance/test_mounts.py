"""config.md "Mounts", and config-linux.md "Default Filesystems"."""
import os
import subprocess

import pytest

import machine
import mountinfo
import processes
from requirements import engines, must, ours, should

RELATIME = {"relatime", "noatime"}


def given(scratch, name="given", **files):
    """A directory on the host with files in it."""
    path = scratch / name
    path.mkdir()
    for file, text in (files or {"file": "of the host"}).items():
        (path / file).write_text(text)
    return path


def mounted(scratch, name="given"):
    """The same as a mount, with another one below."""
    path = scratch / name
    path.mkdir()
    processes.mount("tmpfs", path, "tmpfs", 0, "size=1m")
    (path / "file").write_text("of the host")
    (path / "below").mkdir()
    processes.mount("tmpfs", path / "below", "tmpfs", 0, "size=1m")
    (path / "below/deep").write_text("deep")
    return path


# Default file systems

@should("config-linux.md", "Default Filesystems")
@pytest.mark.parametrize("place, kind", [("/proc", "proc"), ("/sys", "sysfs"), ("/dev/pts", "devpts"), ("/dev/shm", "tmpfs"), ("/dev", "tmpfs"), ("/dev/mqueue", "mqueue")])
def test_file_systems(box, place, kind):
    assert box.mounts()[place].kind == kind


@must("config.md", "Mounts")
def test_proc_is_that_of_the_pid_namespace(box):
    assert box.output("cat /proc/1/cmdline; ls -d /proc/[0-9]*; true").startswith("/bin/sh\0-c\0")
    assert len(box.output("ls -d /proc/[0-9]* | cat; true").splitlines()) <= 3


@must("config.md", "Mounts")
def test_devpts_is_a_new_instance(box):
    assert box.output("ls /dev/pts") == "ptmx"
    assert box.output("stat -c %a /dev/pts/ptmx") == "666"


# Order, destinations, sources

@must("config.md", "Mounts")
def test_in_the_listed_order(box, scratch):
    box.bind(given(scratch, "one", file="one"), "/mnt/a")
    box.mount("/mnt")  # covers the first
    box.bind(given(scratch, "two", file="two"), "/mnt/b")
    assert box.output("ls /mnt; cat /mnt/b/file") == "b\ntwo"


@must("config.md", "Mounts")
def test_in_the_listed_order_the_last_wins(box, scratch):
    box.bind(given(scratch, "one", file="one"), "/mnt")
    box.bind(given(scratch, "two", file="two"), "/mnt")
    assert box.output("cat /mnt/file") == "two"


@must("config.md", "Mounts", since="1.1")
def test_a_relative_destination_is_below_the_root(box, scratch):
    box.bind(given(scratch), "srv/here")
    box.process["cwd"] = "/home"
    assert box.output("cat /srv/here/file") == "of the host"


@engines("mounts")
def test_destinations_are_made(box, scratch):
    path = given(scratch)
    box.bind(path, "/new/directory")
    box.bind(path / "file", "/new/place/file")
    assert box.output("cat /new/directory/file; cat /new/place/file") == "of the host" * 2


@must("config.md", "Mounts")
def test_a_bind_of_a_file(box, scratch):
    box.bind(given(scratch) / "file", "/etc/passwd")
    assert box.output("cat /etc/passwd") == "of the host"


@must("config.md", "Mounts", since="1.1")
def test_a_source_relative_to_the_bundle(box):
    (box.path / "beside").mkdir()
    (box.path / "beside/file").write_text("of the bundle")
    box.bind("beside", "/mnt")
    assert box.output("cat /mnt/file", cwd="/") == "of the bundle"


@must("config.md", "Mounts")
@pytest.mark.parametrize("kind", ["bind", "none", "", "tmpfs", None])
def test_the_type_of_a_bind_is_a_dummy(box, scratch, kind):
    entry = box.mount("/mnt", given(scratch), kind, ["bind"])
    if kind is None:
        del entry["type"]
    assert box.output("cat /mnt/file") == "of the host"


@must("config.md", "Mounts")
@pytest.mark.parametrize("option, deep", [("bind", "1"), ("rbind", "0")])
def test_bind_and_rbind(box, scratch, option, deep):
    box.mount("/mnt", mounted(scratch), "none", [option])
    assert box.output("cat /mnt/file; test -f /mnt/below/deep; echo $?") == f"of the host{deep}"


@must("config.md", "Mounts")
def test_a_bind_can_be_written(box, scratch):
    path = given(scratch)
    box.bind(path, "/mnt")
    box.output("echo of the container > /mnt/file")
    assert (path / "file").read_text() == "of the container\n"


@must("config.md", "Mounts")
def test_a_link_in_the_image_leads_nowhere_outside(box, scratch):
    """It is resolved inside of the root."""
    path = given(scratch)
    outside = scratch / "outside"
    outside.mkdir()
    (box.rootfs / "link").symlink_to(outside)
    box.bind(path, "/link/inner")
    box.run()
    assert list(outside.iterdir()) == []


@must("config.md", "Mounts")
def test_a_link_to_an_absolute_path_is_inside(box, scratch):
    (box.rootfs / "link").symlink_to("/opt")
    box.bind(given(scratch), "/link/inner")
    assert box.output("cat /opt/inner/file") == "of the host"


@must("runtime.md", "Errors")
@pytest.mark.parametrize("options", [["bind"], ["rbind", "ro"]], ids=str)
def test_a_source_that_is_not_there(box, options):
    box.mount("/mnt", box.path / "not-there", "bind", options)
    box.run().failed("no such file")


@must("runtime.md", "Errors")
def test_a_type_that_does_not_exist(box):
    box.mount("/mnt", "x", "nonsensefs")
    box.run().failed("no such device", "nonsensefs")


@must("runtime.md", "Errors")
def test_an_option_that_does_not_exist(box):
    box.mount("/mnt", options=["nonsense=1"])
    box.run().failed("invalid argument", "nonsense")


@should("config.md", "Linux mount options")
def test_unknown_options_go_to_the_file_system(box):
    box.mount("/mnt", options=["size=1234k", "mode=0711", "uid=1000", "nr_inodes=77"])
    mount = box.mounts()["/mnt"]
    assert {"size=1236k", "mode=711", "uid=1000"} <= mount.super_options  # in pages
    assert box.output("stat -c '%a %u' /mnt") == "711 1000"


@must("config.md", "Mounts")
def test_no_mounts_at_all(box):
    box.config["mounts"] = []
    assert box.output("echo here") == "here"


# Options

@must("config.md", "Linux mount options")
@pytest.mark.parametrize("option", ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime"])
@pytest.mark.parametrize("kind", ["tmpfs", "bind"])
def test_flags(box, scratch, kind, option):
    if kind == "bind":
        box.bind(given(scratch), "/mnt", option)
    else:
        box.mount("/mnt", options=[option])
    assert option in box.mounts()["/mnt"].options


@must("config.md", "Linux mount options")
@pytest.mark.parametrize("options, there, not_there", [
    (["rw"], {"rw"}, set()), (["ro", "rw"], {"rw"}, {"ro"}), (["rw", "ro"], {"ro"}, {"rw"}), (["noexec", "exec"], set(), {"noexec"}),
    (["nodev", "dev"], set(), {"nodev"}), (["nosuid", "suid"], set(), {"nosuid"}), (["noatime", "atime"], set(), {"noatime"}),
    (["nodiratime", "diratime"], set(), {"nodiratime"}), (["relatime"], {"relatime"}, set()),
    (["strictatime"], set(), RELATIME), (["noatime", "strictatime"], set(), RELATIME), (["defaults"], {"rw"}, {"nosuid", "nodev", "noexec"}),
    (["ro", "defaults"], set(), {"nosuid", "nodev", "noexec"}), (["nosuid", "nodev", "noexec", "ro"], {"nosuid", "nodev", "noexec", "ro"}, set())], ids=str)
def test_options_of_a_mount(box, options, there, not_there):
    box.mount("/mnt", options=options)
    found = box.mounts()["/mnt"].options
    assert there <= found and not not_there & found


@must("config.md", "Linux mount options")
@pytest.mark.parametrize("option", ["async", "loud", "norelatime", "nostrictatime", "noiversion", "nolazytime", "silent", "iversion"])
def test_options_that_show_nowhere_are_known(box, option):
    """What is not known would go to the file system, which would refuse it."""
    box.mount("/mnt", options=[option])
    assert box.mounts()["/mnt"].kind == "tmpfs"


@must("config.md", "Linux mount options")
@pytest.mark.parametrize("option", ["sync", "dirsync", "lazytime"])
def test_options_of_the_file_system(box, option):
    box.mount("/mnt", options=[option])
    assert option in box.mounts()["/mnt"].super_options


@must("config.md", "Linux mount options")
def test_read_only_has_an_effect(box, scratch):
    path = given(scratch)
    box.bind(path, "/mnt", "ro")
    assert "Read-only file system" in box.output("touch /mnt/new 2>&1; true")
    assert not (path / "new").exists()


@must("config.md", "Linux mount options")
def test_noexec_has_an_effect(box, scratch):
    path = given(scratch, file="#!/bin/sh\necho ran\n")
    os.chmod(path / "file", 0o755)
    box.bind(path, "/mnt", "noexec")
    assert "Permission denied" in box.output("/mnt/file 2>&1; true")


@must("config.md", "Linux mount options")
def test_nodev_has_an_effect(box, scratch):
    path = given(scratch)
    os.mknod(path / "null", 0o20666, os.makedev(1, 3))
    box.bind(path, "/mnt", "nodev")
    assert "Permission denied" in box.output("cat /mnt/null 2>&1; true")


@must("config.md", "Linux mount options")
def test_remount(box):
    box.mount("/mnt", options=["size=1m"])
    box.mount("/mnt", options=["remount", "ro", "size=1m"])
    assert "ro" in box.mounts()["/mnt"].options


@should("config.md", "Linux mount options")
def test_flags_of_the_host_stay_with_a_bind(box, scratch):
    """What the source's mount forbids, a bind of it does not allow."""
    (scratch / "given").mkdir()
    processes.mount("tmpfs", scratch / "given", "tmpfs", 2 | 4 | 8, "size=1m")  # nosuid, nodev, noexec
    box.bind(scratch / "given", "/mnt")
    assert {"nosuid", "nodev", "noexec"} <= box.mounts()["/mnt"].options


@must("config.md", "Linux mount options")
@pytest.mark.parametrize("option, check", [("private", "is_private"), ("rprivate", "is_private"), ("shared", "is_shared"), ("rshared", "is_shared")])
def test_propagation(box, scratch, option, check):
    box.mount("/mnt", mounted(scratch), "none", ["rbind", option])
    mounts = box.mounts()
    assert getattr(mounts["/mnt"], check)()
    if option.startswith("r"):
        assert getattr(mounts["/mnt/below"], check)()


@must("config.md", "Linux mount options")
@pytest.mark.parametrize("option", ["slave", "rslave"])
def test_slave(box, scratch, option):
    path = mounted(scratch)
    processes.mount(None, path, None, 1 << 20)  # MS_SHARED
    processes.mount(None, path / "below", None, 1 << 20)
    box.linux["rootfsPropagation"] = "rslave"
    box.mount("/mnt", path, "none", ["rbind", option])
    mounts = box.mounts()
    assert mounts["/mnt"].is_slave()
    if option == "rslave":
        assert mounts["/mnt/below"].is_slave()


@must("config.md", "Linux mount options")
@pytest.mark.parametrize("option", ["unbindable", "runbindable"])
def test_unbindable(box, scratch, option):
    box.mount("/mnt", mounted(scratch), "none", ["rbind", option])
    mounts = box.mounts()
    assert mounts["/mnt"].tags == ["unbindable"]
    if option == "runbindable":
        assert mounts["/mnt/below"].tags == ["unbindable"]


RECURSIVE = {"rro": "ro", "rnosuid": "nosuid", "rnodev": "nodev", "rnoexec": "noexec", "rnoatime": "noatime", "rnodiratime": "nodiratime", "rnosymfollow": "nosymfollow"}


@should("config.md", "Linux mount options", since="1.1")
@pytest.mark.parametrize("option", RECURSIVE)
def test_recursive_flags(box, scratch, option):
    box.mount("/mnt", mounted(scratch), "none", ["rbind", option])
    mounts = box.mounts()
    assert RECURSIVE[option] in mounts["/mnt"].options and RECURSIVE[option] in mounts["/mnt/below"].options


@should("config.md", "Linux mount options", since="1.1")
@pytest.mark.parametrize("option, gone", [("rrw", "ro"), ("rexec", "noexec"), ("rdev", "nodev"), ("rsuid", "nosuid"), ("ratime", "noatime"), ("rdiratime", "nodiratime"), ("rsymfollow", "nosymfollow")])
def test_recursive_flags_taken_away(box, scratch, option, gone):
    flag = {"ro": 1, "noexec": 8, "nodev": 4, "nosuid": 2, "noatime": 1024, "nodiratime": 2048, "nosymfollow": 256}[gone]
    path = scratch / "given"
    path.mkdir()
    processes.mount("tmpfs", path, "tmpfs", 0, "size=1m")
    (path / "below").mkdir()
    processes.mount("tmpfs", path / "below", "tmpfs", flag, "size=1m")
    if gone == "ro":
        processes.mount(None, path / "below", None, 32)  # the file system itself may be written …
        processes.mount(None, path / "below", None, 32 | 4096 | 1)  # … and the mount may not
    box.mount("/mnt", path, "none", ["rbind", option])
    assert gone not in box.mounts()["/mnt/below"].options


@should("config.md", "Linux mount options", since="1.1")
@pytest.mark.parametrize("option, expected", [("rstrictatime", RELATIME), ("rrelatime", {"noatime"})])
def test_recursive_access_times(box, scratch, option, expected):
    box.mount("/mnt", mounted(scratch), "none", ["rbind", option])
    mounts = box.mounts()
    assert not expected & mounts["/mnt"].options and not expected & mounts["/mnt/below"].options


@should("config.md", "Linux mount options", since="1.1")
@pytest.mark.parametrize("options, there", [(["nosymfollow"], True), (["nosymfollow", "symfollow"], False)], ids=str)
def test_nosymfollow(box, options, there):
    box.mount("/mnt", options=options)
    assert ("nosymfollow" in box.mounts()["/mnt"].options) == there


@must("config.md", "Linux mount options")
def test_plain_ro_is_not_recursive(box, scratch):
    box.mount("/mnt", mounted(scratch), "none", ["rbind", "ro"])
    mounts = box.mounts()
    assert "ro" in mounts["/mnt"].options and "ro" not in mounts["/mnt/below"].options


@should("config.md", "Linux mount options")
def test_tmpcopyup(box):
    (box.rootfs / "opt/file").write_text("of the image")
    os.chmod(box.rootfs / "opt/file", 0o640)
    os.chown(box.rootfs / "opt/file", 1000, 1000)
    box.mount("/opt", options=["tmpcopyup"])
    assert box.output("cat /opt/file; stat -c ' %a %u' /opt/file; echo new > /opt/file") == "of the image 640 1000"
    assert (box.rootfs / "opt/file").read_text() == "of the image"


# Mounts and mappings of ids

MAPPING = [{"containerID": 0, "hostID": 100000, "size": 65536}]


@should("config.md", "POSIX-platform Mounts", since="1.1")
@pytest.mark.parametrize("option", ["idmap", "ridmap"])
def test_an_idmapped_mount(box, scratch, option):
    """A mapping of the mount's own: the file of 1000 on the host is that of 101000 in the container."""
    path = scratch / "given"
    path.mkdir()
    (path / "file").write_text("x")
    os.chown(path / "file", 1000, 1000)
    box.mount("/mnt", path, "bind", ["bind", option], uidMappings=MAPPING, gidMappings=MAPPING)
    assert box.output("stat -c '%u %g' /mnt/file") == "101000 101000"


@must("config.md", "Linux mount options", since="1.2")
def test_idmap_without_any_mapping(box, scratch):
    box.bind(given(scratch), "/mnt", "idmap")
    box.run().failed()


@must("config.md", "POSIX-platform Mounts", since="1.1")
def test_uid_mappings_without_gid_mappings(box, scratch):
    box.mount("/mnt", given(scratch), "bind", ["bind", "idmap"], uidMappings=MAPPING)
    box.run().failed()


@must("config.md", "POSIX-platform Mounts", since="1.1")
def test_ids_that_the_mapping_lacks_are_nobodys(box, scratch):
    path = scratch / "given"
    path.mkdir()
    (path / "file").write_text("x")
    os.chown(path / "file", 70000, 70000)
    box.mount("/mnt", path, "bind", ["bind", "idmap"], uidMappings=MAPPING, gidMappings=MAPPING)
    assert box.output("stat -c '%u %g' /mnt/file") == "65534 65534"


@must("config.md", "Linux mount options", since="1.2")
def test_idmap_by_the_containers_own_mapping(box, scratch):
    path = scratch / "given"
    path.mkdir()
    (path / "file").write_text("x")
    os.chown(path / "file", 7, 7)
    box.namespace("user")
    box.linux.update(uidMappings=MAPPING, gidMappings=MAPPING)
    os.chown(box.rootfs, 100000, 100000)
    box.bind(path, "/mnt", "idmap")
    assert box.output("stat -c '%u %g' /mnt/file") == "7 7"
    assert os.stat(path / "file").st_uid == 7


@must("config.md", "Linux mount options", since="1.2")
@pytest.mark.parametrize("option, below", [("idmap", "5"), ("ridmap", "100005")])
def test_idmap_of_what_is_mounted_below(box, scratch, option, below):
    path = mounted(scratch)
    for directory in (path, path / "below"):
        (directory / "file").write_text("x")
        os.chown(directory / "file", 5, 5)
    box.mount("/mnt", path, "none", ["rbind", option], uidMappings=MAPPING, gidMappings=MAPPING)
    assert box.output("stat -c %u /mnt/file /mnt/below/file") == f"100005\n{below}"


@engines("crun's idmap option")
@pytest.mark.parametrize("option, shown", [("idmap=uids=5-300-10#20-30-1;gids=5-300-10", "300 300"), ("idmap=uids=@5-3-1;gids=@5-3-1", "100003 100003")])
def test_mappings_in_the_option(box, scratch, option, shown):
    path = scratch / "given"
    path.mkdir()
    (path / "file").write_text("x")
    os.chown(path / "file", 5, 5)
    if "@" in option:
        box.namespace("user")
        box.linux.update(uidMappings=MAPPING, gidMappings=MAPPING)
        os.chown(box.rootfs, 100000, 100000)
        shown = "3 3"
    box.bind(path, "/mnt", option)
    assert box.output("stat -c '%u %g' /mnt/file") == shown


@engines("crun's idmap option")
def test_mappings_in_the_option_that_are_none(box, scratch):
    box.bind(given(scratch), "/mnt", "idmap=uids=1-2;gids=1-2-3")
    box.run().failed("idmap=uids=1-2")


# Propagation of the root

@must("config-linux.md", "Rootfs Mount Propagation")
@pytest.mark.parametrize("value, check", [("private", "is_private"), ("shared", "is_shared"), ("rprivate", "is_private")])
def test_rootfs_propagation(box, value, check):
    box.linux["rootfsPropagation"] = value
    assert getattr(box.mounts()["/"], check)()


@must("config-linux.md", "Rootfs Mount Propagation")
def test_rootfs_propagation_unbindable(box):
    box.linux["rootfsPropagation"] = "unbindable"
    assert box.mounts()["/"].tags == ["unbindable"]


@must("config-linux.md", "Rootfs Mount Propagation")
@pytest.mark.parametrize("value", ["slave", "rslave"])
def test_rootfs_propagation_slave(box, scratch, value):
    """What is mounted on the host later comes into a shared volume of the container."""
    path = mounted(scratch)
    processes.mount(None, path, None, 1 << 20)
    box.linux["rootfsPropagation"] = value
    box.mount("/mnt", path, "none", ["rbind", "rslave"])
    box.sleeping()
    (path / "late").mkdir()
    processes.mount("tmpfs", path / "late", "tmpfs", 0, "size=1m")
    mounts = mountinfo.parse(open(f"/proc/{box.pid}/mountinfo").read())
    assert "/mnt/late" in mounts


@must("config-linux.md", "Rootfs Mount Propagation")
def test_rootfs_propagation_that_does_not_exist(box):
    box.linux["rootfsPropagation"] = "nonsense"
    box.run().failed()


def shared(path):
    """It and what is mounted below it, in peer groups of their own."""
    for point in (path, path / "below"):
        if os.path.ismount(point):
            processes.mount(None, point, None, 1 << 20)  # MS_SHARED
    (path / "inner").mkdir()
    return path


def mount_inside(box, point):
    """By a process in the container's mount namespace that may do it. Whether it shows on the host."""
    before = set(mountinfo.parse(open("/proc/self/mountinfo").read()))
    subprocess.run(["nsenter", "-t", str(box.pid), "-m", "/bin/busybox", "mount", "-t", "tmpfs", "inner", point], check=True)
    return set(mountinfo.parse(open("/proc/self/mountinfo").read())) - before


@engines("volumes that are shared")
@pytest.mark.parametrize("value", ["shared", "rshared"])
@pytest.mark.parametrize("option", ["shared", "rshared"])
def test_a_shared_volume_of_a_shared_root(box, scratch, value, option):
    """What bind-propagation=rshared and Kubernetes's Bidirectional ask for: mounts go both ways."""
    path = shared(mounted(scratch))
    (path / "late").mkdir()
    box.linux["rootfsPropagation"] = value
    box.mount("/mnt", path, "none", ["rbind", option])
    box.sleeping()
    assert mount_inside(box, "/mnt/inner") == {str(path / "inner")}
    processes.mount("tmpfs", path / "late", "tmpfs", 0, "size=1m")
    assert "/mnt/late" in mountinfo.parse(open(f"/proc/{box.pid}/mountinfo").read())


@must("config-linux.md", "Rootfs Mount Propagation")
@pytest.mark.parametrize("option", ["rprivate", "rslave", "rshared"])
@pytest.mark.parametrize("value", [None, "private", "rprivate", "slave", "rslave", "shared", "rshared"])
def test_nothing_shows_on_the_host_unasked(box, scratch, value, option):
    """Neither what is mounted in a volume nor beside it, unless both the volume and the root are shared."""
    if option == "rshared" and value in ("private", "slave", "shared", "rshared"):
        pytest.skip("the word for the root says nothing of mounts below it, or it is shared, too")
    path = shared(mounted(scratch))
    processes.mount(box.rootfs, box.rootfs, None, 4096)  # MS_BIND
    processes.mount(None, box.rootfs, None, 1 << 20)
    (box.rootfs / "beside").mkdir()
    if value:
        box.linux["rootfsPropagation"] = value
    box.mount("/mnt", path, "none", ["rbind", option])
    box.sleeping()
    assert mount_inside(box, "/mnt/inner") == set()
    assert mount_inside(box, "/beside") == set()


@ours("isolation")
@pytest.mark.parametrize("value", ["private", "slave", "unbindable"])
def test_a_shared_volume_alone_does_not_reach_the_host(box, scratch, value):
    path = shared(mounted(scratch))
    box.linux["rootfsPropagation"] = value
    box.mount("/mnt", path, "none", ["rbind", "rshared"])
    box.sleeping()
    assert mount_inside(box, "/mnt/inner") == set()


@must("config-linux.md", "Rootfs Mount Propagation")
@pytest.mark.parametrize("value, comes_in, tags", [("rslave", True, ["master"]), ("private", False, []), ("shared", False, ["shared"])])
def test_what_the_host_mounts_in_the_root(box, scratch, value, comes_in, tags):
    """A slave receives it. A shared root has a peer group of its own: not the host's, nor that of its slaves."""
    processes.mount(box.rootfs, box.rootfs, None, 4096)  # MS_BIND
    processes.mount(None, box.rootfs, None, 1 << 20)
    (box.rootfs / "late").mkdir()
    box.linux["rootfsPropagation"] = value
    box.sleeping()
    root = mountinfo.parse(open(f"/proc/{box.pid}/mountinfo").read())["/"]
    assert [tag.partition(":")[0] for tag in root.tags] == tags
    processes.mount("tmpfs", box.rootfs / "late", "tmpfs", 0, "size=1m")
    assert ("/late" in mountinfo.parse(open(f"/proc/{box.pid}/mountinfo").read())) == comes_in


@must("config-linux.md", "Rootfs Mount Propagation")
@pytest.mark.parametrize("value, option, check", [("private", "rslave", "is_slave"), ("shared", "rprivate", "is_private"), ("slave", "rprivate", "is_private")])
def test_a_volume_has_its_own_propagation(box, scratch, value, option, check):
    """The root's is that of the root's mount."""
    path = shared(mounted(scratch))
    box.linux["rootfsPropagation"] = value
    box.mount("/mnt", path, "none", ["rbind", option])
    mounts = box.mounts()
    assert getattr(mounts["/mnt"], check)() and getattr(mounts["/mnt/below"], check)()


@must("config-linux.md", "Rootfs Mount Propagation")
def test_mounts_of_the_container_stay_in_it(box, scratch):
    before = open("/proc/self/mountinfo").read()
    box.bind(given(scratch), "/mnt")
    box.sleeping()
    assert open("/proc/self/mountinfo").read() == before


@must("config-linux.md", "Mount Label")
def test_mount_label_without_selinux(box):
    """It cannot be applied."""
    if os.path.exists("/sys/fs/selinux/enforce"):
        machine.skip("this kernel has SELinux")
    box.linux["mountLabel"] = "system_u:object_r:svirt_sandbox_file_t:s0:c715,c811"
    box.run().failed()


@engines("mounts")
@pytest.mark.parametrize("options", [[], ["ro"]], ids=str)
def test_a_cgroup_mount(box, options):
    box.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", *options])
    mounts = box.mounts()
    found = [mount for place, mount in mounts.items() if mount.kind in ("cgroup", "cgroup2")]
    assert found
    if options:
        assert all("ro" in mount.options for mount in found)
