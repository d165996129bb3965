"""minirun commit and export: what a container that stays has in its root file system, as an image and as an archive."""
import json
import os
import re
import shutil
import subprocess
import tarfile

import pytest

from bundles import Directory, File, Hardlink, Link
from harness import skip

# All that a tree shows: names, types, modes, owners, links, sizes, times.
LISTING = r"""
find / -xdev ! -type d -exec stat -c '%n|%F|%a|%u|%g|%h|%N|%s|%Y' {} +
find / -xdev -type d -exec stat -c '%n|%F|%a|%u|%g|%Y' {} +
"""
CHANGES = """
rm /data/gone /tree/below
rm -r /old && mkdir /old && echo new > /old/new
rm -r /becomes-file && echo file > /becomes-file
rm /becomes-directory && mkdir -m 711 /becomes-directory && echo x > /becomes-directory/x
echo more >> /data/kept && chmod 4711 /data/kept
echo one > /one && ln /one /two && ln -s nowhere /dangling
chown -R 12:34 /tree && touch -t 200102030405 /tree/other
mkdir -m 1777 /sticky && head -c 300000 /dev/zero > /sticky/zeros
"""
FILES = {"data/gone": "x", "data/kept": "kept\n", "old/a": "a", "old/b/c": "c", "becomes-file/x": "x", "becomes-directory": "x",
         "tree/below": "x", "tree/other": File("other", 0o640, 7, 8), "linked": "l", "linked-too": Hardlink("linked"), "way": Link("data"),
         "private": Directory(0o700, 5, 6)}


def listed(text):
    """The listing without the places of mounts, whose times are of their run."""
    return sorted(line for line in text.splitlines() if not re.match(r"/(dev|proc|sys|etc(/host.*|/resolv.conf)?)?\|", line))


@pytest.fixture
def box(minirun):
    """minirun, and at the end of the test none of its containers."""
    yield minirun
    minirun.stop_all()
    for name in minirun("ps", "-aq", "--no-trunc").lines:
        minirun("rm", "-f", name).ok()


@pytest.fixture
def image(box, bundle):
    """An image in the store, with files in a layer of its own."""
    box("load", bundle(files=FILES, name="sample")).ok()
    return "sample:latest"


def facts(box, name):
    return json.loads(box("image", "inspect", name).ok().out)[0]


def upper(box, container):
    return box.root / "containers" / box("inspect", "-f", "{{.Id}}", container).ok().out.strip() / "upper"


class TestCommit:
    @pytest.mark.parametrize("options", [[], ["--userns", "private"]], ids=str)
    def test_it_is_what_the_container_saw(self, box, image, options):
        seen = box.run("--name", "c", *options, image, "sh", "-ec", CHANGES + LISTING).ok().out
        said = box("commit", "c", "made:1").ok().out
        assert re.fullmatch("sha256:[0-9a-f]{64}\n", said)
        assert listed(box.run(*options, "made:1", "sh", "-c", LISTING).ok().out) == listed(seen)
        assert box.run("made:1", "sh", "-c", "cat /old/new /data/kept /two; ls /old").ok().out == "new\nkept\nmore\none\nnew\n"
        box("image", "verify", "made:1").check(True, "")

    def test_attributes(self, box, image):
        box.run("--name", "c", image, "sh", "-c", "echo x > /x; mkdir /private/d; mkdir /hers; echo y > /old/b/y").ok()
        place = upper(box, "c")
        os.setxattr(place / "x", "user.a", b"b")
        os.setxattr(place / "x", "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))
        # What a container can set itself says nothing of the layers below.
        os.setxattr(place / "old/b", "user.overlay.opaque", b"y")
        box("commit", "c", "made").ok()
        assert box.run("made", "ls", "/old/b").ok().out == "c\ny\n"
        layer = box.root / "layers" / facts(box, "made")["RootFS"]["Layers"][-1].replace(":", "-") / "tree"
        assert os.getxattr(layer / "x", "user.a") == b"b" and os.getxattr(layer / "x", "security.capability")[:4] == bytes.fromhex("01000002")
        assert os.listxattr(layer / "old/b") == []

    def test_its_config(self, box, image):
        box.run("--name", "c", "-e", "OF=the container", image, "sh", "-c", "echo x > /x").ok()
        before = facts(box, image)
        id = box("commit", "-a", "me", "--message", "by hand", "-c", 'CMD ["cat", "/x"]', "-c", "ENV A=b", "c", "made").ok().out.strip()
        after = facts(box, "made")
        assert (after["Id"], after["Author"], after["Comment"]) == (id, "me", "by hand")
        assert after["RootFS"]["Layers"][:-1] == before["RootFS"]["Layers"]
        assert (after["Config"]["Cmd"], after["Config"]["Env"]) == (["cat", "/x"], [*before["Config"]["Env"], "A=b"])
        assert box.run("made").ok().out == "x\n"
        config = json.loads((box.root / "images" / id[7:] / "config.json").read_text())
        last = config["history"][-1]
        assert (last["created"], last["created_by"], last["author"], last["comment"]) == (config["created"], "sh -c echo x > /x", "me", "by hand")

    def test_upon_a_committed_one(self, box, image):
        for number, below in ((1, image), (2, "made:1"), (3, "made:2")):
            box.run("--name", f"c{number}", below, "sh", "-c", f"echo {number} > /n{number}; rm -f /n{number - 1}").ok()
            box("container", "commit", f"c{number}", f"made:{number}").ok()
        assert box.run("made:3", "sh", "-c", "ls / | grep ^n").ok().out == "n3\n"
        box("rm", "c2").ok()
        box("rmi", "made:1").ok()
        assert box.run("made:3", "cat", "/n3").ok().out == "3\n"

    def test_one_that_runs_stands_still(self, box, image):
        """It goes on behind it, whatever has come of it; one that is paused stays so."""
        box.run("-d", "--name", "c", image, "sh", "-c", "echo x > /x; echo ready; sleep 1000").ok()
        while "ready" not in box("logs", "c").out:
            pass
        status = lambda: box("inspect", "-f", "{{.State.Status}}", "c").ok().out.strip()
        for options in ((), ("--pause=false",)):
            box("commit", *options, "c", "made").ok()
            assert status() == "running" and box.run("made", "cat", "/x").ok().out == "x\n"
        box("commit", "--max-entries", "1", "c").refused_with(125, "the container's writable layer has more than 1 entries", hint="--max-entries raises the limit")
        assert status() == "running"
        box("pause", "c").ok()
        box("commit", "c").ok()
        assert status() == "paused"

    def test_one_that_never_ran(self, box, image):
        box("create", "--name", "c", image).ok()
        box("commit", "c", "made").ok()
        assert box.run("made", "cat", "/data/kept").ok().out == "kept\n"

    def test_skopeo_reads_it(self, box, image, scratch):
        if not shutil.which("skopeo"):
            skip("there is no skopeo")
        box.run("--name", "c", image, "sh", "-ec", CHANGES).ok()
        box("commit", "c", "made:1").ok()
        box("save", "-o", scratch / "made.tar", "made:1").ok()
        skopeo = lambda *words: subprocess.run(["skopeo", *words], cwd=scratch, check=True, capture_output=True, text=True).stdout
        skopeo("copy", "--quiet", "--insecure-policy", "docker-archive:made.tar", "oci:layout:made")
        assert len(json.loads(skopeo("inspect", "oci:layout:made"))["Layers"]) == len(facts(box, "made:1")["RootFS"]["Layers"])

    def test_what_it_refuses(self, box, image, plain):
        refused = lambda name, sentence, hint=None: box("commit", name, "made").refused_with(125, f"cannot commit container '{name}': {sentence}", hint=hint)
        box("create", "--name", "memory", "--tmpfs-upper", image).ok()
        refused("memory", "what it writes is in memory (--tmpfs-upper)")
        box("create", "--name", "fixed", "--read-only", image).ok()
        refused("fixed", "its root file system is read-only")
        box("create", "--name", "outside", plain).ok()
        refused("outside", f"'{plain}', which it runs, is not in the store", hint="minirun load")
        box("commit", "nobody").refused(125, "there is no container 'nobody'", "minirun ps -a lists them")
        box("commit").refused_with(125, "minirun commit takes a container", hint="minirun commit CONTAINER NAME[:TAG]")
        box("commit", "memory", "Not A Name").refused_with(125, "Not A Name")
        box("commit", "-c", "RUN x", "outside").refused_with(125, "--change 'RUN x': unknown instruction 'RUN'")
        box("commit", "-m", os.fsdecode(b"\xff"), "outside").refused_with(125, "is no UTF-8")
        assert box("images", "-q").lines == [facts(box, image)["Id"][7:19]]


def archived(path):
    """name -> what the archive says of it."""
    with tarfile.open(path) as tar:
        return {member.name: member for member in tar}


class TestExport:
    @pytest.mark.parametrize("options", [[], ["--userns", "private"]], ids=str)
    def test_it_is_what_the_container_saw(self, box, image, scratch, options):
        """As an archive, and as an image that is made of that."""
        seen = box.run("--name", "c", *options, image, "sh", "-ec", CHANGES + LISTING).ok().out
        box("export", "-o", scratch / "c.tar", "c").ok()
        entries = archived(scratch / "c.tar")
        assert not [name for name, entry in entries.items() if entry.ischr() and entry.devmajor == 0]
        assert entries["two"].islnk() and entries["two"].linkname == "one"
        box("import", scratch / "c.tar", "made").ok()
        again = box.run(*options, "-e", "PATH=/bin", "made", "sh", "-c", LISTING).ok().out
        assert listed(again) == listed(seen)

    def test_one_that_runs(self, box, image, scratch):
        """To standard output, and without what is in its volume."""
        box.run("-d", "--name", "c", "-v", f"{scratch}:/volume", image, "sh", "-c", "echo x > /x; echo y > /volume/y; echo ready; sleep 1000").ok()
        while "ready" not in box("logs", "c").out:
            pass
        with open(scratch / "c.tar", "wb") as file:
            box.start("export", "c", stdout=file).finish().ok()
        entries = archived(scratch / "c.tar")
        assert "x" in entries and "data/gone" in entries and "volume" in entries and "volume/y" not in entries
        assert entries["data"].isdir() and entries["way"].linkname == "data" and (entries["private"].uid, entries["private"].mode) == (5, 0o700)

    def test_attributes_and_odd_names(self, box, image, scratch):
        box.run("--name", "c", image, "sh", "-c", "echo x > /x; echo w > /.wh.x").ok()
        os.setxattr(upper(box, "c") / "x", "user.a", b"b")
        box("export", "-o", scratch / "c.tar", "c").ok()
        entries = archived(scratch / "c.tar")
        assert entries["x"].pax_headers["SCHILY.xattr.user.a"] == "b" and ".wh.x" in entries

    def test_without_a_writable_layer(self, box, image, plain, scratch):
        """One that never ran, one that is read-only, and one of a bundle outside of the store."""
        for name, words in (("new", [image]), ("fixed", ["--read-only", image]), ("outside", [plain])):
            box("create", "--name", name, *words).ok()
            box("export", "-o", scratch / "c.tar", name).ok()
            assert "bin/busybox" in archived(scratch / "c.tar")
        box("start", "new").ok()
        assert box("wait", "new").ok()

    def test_older_kernels(self, box, image, scratch):
        box.run("--name", "c", image, "rm", "/data/gone").ok()
        box("export", "-o", scratch / "c.tar", "c", env={"MINIRUN_WITHOUT": "lowerdir+"}).ok()
        assert "data/gone" not in archived(scratch / "c.tar") and "data/kept" in archived(scratch / "c.tar")

    def test_what_it_refuses(self, box, image, scratch):
        box("create", "--name", "memory", "--tmpfs-upper", image).ok()
        box("export", "-o", scratch / "c.tar", "memory").refused_with(125, "what the container writes is in memory (--tmpfs-upper)")
        box("export", "nobody").refused(125, "there is no container 'nobody'", "minirun ps -a lists them")
        box("export").refused_with(125, "minirun export takes one container", hint="minirun export -o FILE CONTAINER")
        main, other = os.openpty()
        said = box.start("export", "memory", stdout=other).finish()
        os.close(main)
        os.close(other)
        said.refused_with(125, "no file is given: standard output is a terminal", hint="minirun export -o FILE CONTAINER")
        assert not (scratch / "c.tar").exists()
