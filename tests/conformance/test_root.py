"""config.md "Root"."""
from requirements import must


@must("config.md", "Root")
def test_readonly(box):
    box.config["root"]["readonly"] = True
    mounts = box.mounts()
    assert "ro" in mounts["/"].options


@must("config.md", "Root")
def test_readonly_cannot_be_written(box):
    box.config["root"]["readonly"] = True
    assert "Read-only file system" in box.output("touch /new 2>&1; mkdir /tmp/new 2>&1; true")
    assert not (box.rootfs / "new").exists()


@must("config.md", "Root")
def test_readonly_is_false_by_default(box):
    assert box.output("echo here > /new; cat /new") == "here"
    assert (box.rootfs / "new").read_text() == "here\n"


@must("config.md", "Root")
def test_readonly_false(box):
    box.config["root"]["readonly"] = False
    assert "rw" in box.mounts()["/"].options


@must("config.md", "Root")
def test_path_relative_to_the_bundle(box):
    (box.path / "deeper").mkdir()
    box.rootfs.rename(box.path / "deeper/root")
    box.config["root"]["path"] = "deeper/root"
    assert box.output("echo here") == "here"


@must("config.md", "Root")
def test_path_absolute(box, scratch):
    box.rootfs.rename(scratch / "elsewhere")
    box.config["root"]["path"] = str(scratch / "elsewhere")
    assert box.output("echo here") == "here"


@must("config.md", "Root")
def test_path_has_to_be_there(box):
    box.config["root"]["path"] = "not-there"
    box.run().failed("no such file", "not-there")


@must("config.md", "Root")
def test_path_has_to_be_a_directory(box):
    (box.path / "file").write_text("")
    box.config["root"]["path"] = "file"
    box.run().failed()


@must("config.md", "Root")
def test_only_the_root_is_seen(box):
    """Nothing of the host's tree is in sight, not by .. either."""
    (box.path / "secret").write_text("secret")
    assert box.output("ls /../../../ | sort | head -3; cat /../secret 2>&1; true").splitlines()[:3] == ["bin", "dev", "etc"]
    assert box.output(f"cat {box.path}/secret 2>/dev/null; echo $?") == "1"


@must("config.md", "Root")
def test_root_is_required(box):
    del box.config["root"]
    box.run().failed()
