"""config-linux.md "User namespace mappings"."""
import os

import pytest

from requirements import engines, must, should

MAPPING = [{"containerID": 0, "hostID": 100000, "size": 65536}]


@pytest.fixture
def mapped(box):
    """A container in a user namespace of its own."""
    box.namespace("user")
    box.linux.update(uidMappings=MAPPING, gidMappings=MAPPING)
    os.chown(box.rootfs, 100000, 100000)
    return box


@must("config-linux.md", "User namespace mappings")
def test_the_maps(mapped):
    assert [line.split() for line in mapped.output("cat /proc/self/uid_map /proc/self/gid_map").splitlines()] == [["0", "100000", "65536"]] * 2


@must("config-linux.md", "User namespace mappings")
def test_several_ranges(mapped):
    mapped.linux["uidMappings"] = [{"containerID": 0, "hostID": 200000, "size": 1}, {"containerID": 1, "hostID": 300000, "size": 1000}]
    assert [line.split() for line in mapped.output("cat /proc/self/uid_map").splitlines()] == [["0", "200000", "1"], ["1", "300000", "1000"]]


@must("config-linux.md", "User namespace mappings")
def test_ids_on_the_host(mapped):
    mapped.process["user"] = {"uid": 7, "gid": 8}
    mapped.sleeping()
    status = open(f"/proc/{mapped.pid}/status").read().splitlines()
    assert "Uid:\t" + "\t".join(["100007"] * 4) in status and "Gid:\t" + "\t".join(["100008"] * 4) in status


@must("config-linux.md", "User namespace mappings")
def test_ids_inside(mapped):
    assert mapped.output("id -u; id -g") == "0\n0"


@must("config-linux.md", "User namespace mappings")
def test_additional_gids(mapped):
    mapped.process["user"] = {"uid": 1, "gid": 1, "additionalGids": [29]}
    assert "29" in mapped.proc_status()["Groups"].split()


@must("config-linux.md", "User namespace mappings")
def test_files_that_are_made(mapped):
    mapped.output("touch /made; chown 5:6 /made")
    made = (mapped.rootfs / "made").stat()
    assert (made.st_uid, made.st_gid) == (100005, 100006)


@should("config-linux.md", "User namespace mappings")
def test_ownership_of_the_root_is_not_changed(mapped):
    before = {name: (mapped.rootfs / name).lstat().st_uid for name in ("etc/passwd", "bin/busybox", "home/tester", "tmp")}
    mapped.output("true")
    assert {name: (mapped.rootfs / name).lstat().st_uid for name in before} == before


@must("config-linux.md", "User namespace mappings")
def test_files_of_ids_that_are_not_mapped_are_nobodys(mapped):
    assert mapped.output("stat -c '%u %g' /etc/passwd") == "65534 65534"


@must("config-linux.md", "User namespace mappings")
def test_capabilities_count_inside_only(mapped):
    mapped.process["capabilities"] = {which: ["CAP_SYS_ADMIN", "CAP_CHOWN"] for which in ("bounding", "effective", "permitted")}
    assert "not permitted" in mapped.output("chown 0 /etc/passwd 2>&1; true")


@must("config-linux.md", "User namespace mappings")
def test_devices_are_there(mapped):
    assert mapped.output("echo x > /dev/null && dd if=/dev/zero bs=4 count=1 2>/dev/null | wc -c") == "4"


@must("config-linux.md", "User namespace mappings")
@pytest.mark.parametrize("place, kind", [("/proc", "proc"), ("/sys", "sysfs"), ("/dev/pts", "devpts"), ("/dev/mqueue", "mqueue")])
def test_file_systems(mapped, place, kind):
    assert mapped.mounts()[place].kind == kind


@must("config-linux.md", "User namespace mappings")
def test_hostname(mapped):
    assert mapped.output("hostname") == "conformance"


@must("config-linux.md", "User namespace mappings")
def test_masked_and_read_only_paths(mapped):
    mapped.linux.update(maskedPaths=["/proc/keys", "/proc/irq"], readonlyPaths=["/proc/sys"])
    mounts = mapped.mounts()
    assert "ro" in mounts["/proc/sys"].options and {"/proc/keys", "/proc/irq"} <= set(mounts)


@must("config-linux.md", "User namespace mappings")
def test_a_root_that_only_the_host_may_reach(mapped, scratch):
    """Directories above the bundle that the mapped root may not pass."""
    os.chmod(mapped.path, 0o711)
    assert mapped.output("echo here") == "here"


@must("config-linux.md", "User namespace mappings")
def test_exec(mapped):
    mapped.sleeping()
    assert mapped.exec("cat", "/proc/self/uid_map").ok().text.split() == ["0", "100000", "65536"]


@must("config-linux.md", "User namespace mappings")
def test_joining_the_host_network(mapped):
    """sysfs cannot be mounted anew then; a bind of the host's is what engines ask for."""
    mapped.without_namespace("network")
    mapped.config["mounts"] = [mount for mount in mapped.config["mounts"] if mount["destination"] != "/sys"]
    mapped.mount("/sys", "/sys", "none", ["rbind", "nosuid", "noexec", "nodev", "ro"])
    assert mapped.output("readlink /proc/self/ns/net") == os.readlink("/proc/self/ns/net")


@must("runtime.md", "Errors")
@pytest.mark.parametrize("bad", [[{"containerID": 0, "hostID": 1000, "size": 0}], [{"containerID": 0, "hostID": 1000}], [{"containerID": -1, "hostID": 0, "size": 1}],
                                 [{"containerID": 0, "hostID": 0, "size": 10}, {"containerID": 5, "hostID": 50, "size": 10}]],
                         ids=["size 0", "no size", "negative", "overlap"])
def test_mappings_that_are_none(mapped, bad):
    mapped.linux["uidMappings"] = bad
    mapped.run().failed()


@must("runtime.md", "Errors")
def test_a_user_that_is_not_mapped(mapped):
    mapped.process["user"] = {"uid": 70000, "gid": 0}
    mapped.run().failed()


@engines("user namespaces")
def test_a_user_namespace_without_mappings(box):
    """crun maps all ids then, runc refuses; what must not be is a container whose root is nobody."""
    box.namespace("user")
    box.sh("id -u; cat /proc/self/uid_map")
    result = box.run()
    assert result.code != 0 and result.err.strip() or result.lines[0] == "0", result


@engines("cgroups and user namespaces")
def test_lifecycle(mapped):
    mapped.sleeping()
    assert mapped.status == "running"
    mapped.kill().ok()
    assert mapped.wait() == -9
    mapped.delete().ok()


@must("config.md", "Linux mount options", since="1.2")
def test_an_idmapped_volume_follows_the_container(mapped, scratch):
    """With `idmap` and no mapping of its own, the container's is used."""
    path = scratch / "given"
    path.mkdir()
    (path / "file").write_text("x")
    mapped.bind(path, "/mnt", "idmap")
    mapped.sh("stat -c '%u' /mnt/file")
    result = mapped.run()
    # "The runtime MAY use the container's user namespace mapping, otherwise an error MUST be returned."
    assert result.code != 0 or result.text == "0", result
