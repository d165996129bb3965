"""config-linux.md "Masked Paths" and "Readonly Paths", and "Personality"."""
import os

import pytest

import machine
from requirements import must, ours


@must("config-linux.md", "Masked Paths")
def test_a_file(box):
    (box.rootfs / "etc/secret").write_text("secret")
    box.linux["maskedPaths"] = ["/etc/secret"]
    assert "secret" not in box.output("cat /etc/secret; true")


@must("config-linux.md", "Masked Paths")
def test_a_directory(box):
    (box.rootfs / "opt/secret").mkdir()
    (box.rootfs / "opt/secret/file").write_text("secret")
    box.linux["maskedPaths"] = ["/opt/secret"]
    assert box.output("ls -A /opt/secret; cat /opt/secret/file 2>/dev/null; true") == ""


@must("config-linux.md", "Masked Paths")
def test_a_directory_cannot_be_written(box):
    (box.rootfs / "opt/secret").mkdir()
    box.linux["maskedPaths"] = ["/opt/secret"]
    assert "Read-only" in box.output("touch /opt/secret/x 2>&1; true")


@must("config-linux.md", "Masked Paths")
@pytest.mark.parametrize("path", ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware", "/proc/acpi"])
def test_paths_of_the_kernel(box, path):
    if not os.path.exists(path):
        machine.skip(f"this kernel has no {path}")
    box.linux["maskedPaths"] = [path]
    assert box.output(f"cat {path} 2>/dev/null; ls -A {path} 2>/dev/null | grep -v ^{path}$; true") == ""
    assert path in box.mounts()


@must("config-linux.md", "Masked Paths")
def test_what_is_not_there_is_left_alone(box):
    box.linux["maskedPaths"] = ["/not/there", "/proc/not-there"]
    assert box.output("ls -d /not /proc/not-there 2>/dev/null; echo here") == "here"


@must("config-linux.md", "Masked Paths")
def test_a_path_in_a_mount(box, scratch):
    (scratch / "given").mkdir()
    (scratch / "given/file").write_text("secret")
    box.bind(scratch / "given", "/mnt")
    box.linux["maskedPaths"] = ["/mnt/file"]
    assert "secret" not in box.output("cat /mnt/file; true")


@must("config-linux.md", "Masked Paths")
def test_none(box):
    box.linux["maskedPaths"] = []
    assert box.output("echo here") == "here"


@must("config-linux.md", "Masked Paths")
def test_a_file_is_still_masked_in_exec(box):
    (box.rootfs / "etc/secret").write_text("secret")
    box.linux["maskedPaths"] = ["/etc/secret"]
    box.sleeping()
    assert "secret" not in box.exec("cat", "/etc/secret").out


@must("config-linux.md", "Readonly Paths")
def test_read_only(box):
    box.linux["readonlyPaths"] = ["/proc/sys", "/etc", "/opt/file"]
    (box.rootfs / "opt/file").write_text("readable")
    mounts = box.mounts()
    assert all("ro" in mounts[path].options for path in box.linux["readonlyPaths"])


@must("config-linux.md", "Readonly Paths")
def test_read_only_has_an_effect(box):
    box.linux["readonlyPaths"] = ["/proc/sys", "/etc"]
    assert box.output("echo x 2>&1 > /proc/sys/kernel/domainname; touch /etc/new 2>&1; cat /etc/passwd | head -1").count("Read-only") == 2
    assert not (box.rootfs / "etc/new").exists()


@must("config-linux.md", "Readonly Paths")
def test_the_rest_can_be_written(box):
    box.linux["readonlyPaths"] = ["/etc"]
    assert box.output("echo x > /opt/new; cat /opt/new") == "x"


@must("config-linux.md", "Readonly Paths")
def test_read_only_what_is_not_there_is_left_alone(box):
    box.linux["readonlyPaths"] = ["/not/there"]
    assert box.output("echo here") == "here"


@must("config-linux.md", "Readonly Paths")
def test_flags_of_the_mount_stay(box):
    box.linux["readonlyPaths"] = ["/dev/shm"]
    assert {"ro", "nosuid", "nodev", "noexec"} <= box.mounts()["/dev/shm"].options


@must("config-linux.md", "Masked Paths")
@pytest.mark.parametrize("field", ["maskedPaths", "readonlyPaths"])
def test_a_path_that_is_not_absolute(box, field):
    """"MUST be absolute": an error, or else taken from the root; not from wherever the runtime is."""
    (box.rootfs / "etc/secret").write_text("secret")
    box.linux[field] = ["etc/secret"]
    box.sh("cat /etc/secret; echo x 2>&1 > /etc/secret; true")
    result = box.run()
    assert result.code != 0 or "Read-only" in result.out or field == "maskedPaths" and "secret" not in result.out


@ours("errors")
@pytest.mark.parametrize("field", ["maskedPaths", "readonlyPaths"])
@pytest.mark.parametrize("value", ["/etc", {"/etc": True}, [1], [None], [["/etc"]]], ids=str)
def test_the_wrong_type_is_an_error(box, field, value):
    """Never a container with less protection than was asked for."""
    box.linux[field] = value
    box.run().failed(field)


@must("config-linux.md", "Personality", since="1.0")
@pytest.mark.skipif(machine.ARCHITECTURE not in ("x86_64", "aarch64"), reason="an architecture without a 32-bit one")
def test_personality_linux32(box):
    box.linux["personality"] = {"domain": "LINUX32"}
    assert box.output("uname -m") in ("i686", "armv8l", "armv7l")


@must("config-linux.md", "Personality")
def test_personality_linux(box):
    box.linux["personality"] = {"domain": "LINUX"}
    assert box.output("uname -m") == machine.ARCHITECTURE


@must("config-linux.md", "Personality")
@pytest.mark.parametrize("personality", [{"domain": "NONSENSE"}, {"domain": "LINUX32", "flags": ["NONSENSE"]}], ids=["domain", "flag"])
def test_personality_that_does_not_exist(box, personality):
    box.linux["personality"] = personality
    box.run().failed()
