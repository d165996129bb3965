"""minirun commit, export and cp: what a container that stays has in its root file system, as an image, as an archive and file
by file."""
import fcntl
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import tarfile

import pytest

from bundles import ARCHITECTURE, WHITEOUT, Device, Directory, File, Hardlink, Link, digest, make_tree
from harness import MINIRUN, skip

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

    def test_of_a_bundle_outside_the_store(self, box, bundle):
        """Its layers come into the store, with their whiteouts; the bundle itself makes no image there."""
        source = bundle({"Cmd": ["ls", "/data"]}, {"data/gone": WHITEOUT, "data/new": "new"}, layers=[FILES])
        seen = box.run("--name", "c", source, "sh", "-ec", "echo more > /data/more; rm /data/new" + LISTING).ok().out
        id = box("commit", "c", "made:1").ok().out.strip()
        assert box("images", "-q", "--no-trunc").lines == [id]
        image = facts(box, "made:1")
        assert len(image["RootFS"]["Layers"]) == 4 and image["Config"]["Cmd"] == ["ls", "/data"]
        shutil.rmtree(source)
        assert listed(box.run("made:1", "sh", "-c", LISTING).ok().out) == listed(seen)
        assert box.run("made:1").lines == ["kept", "more"]
        box("image", "verify", "made:1").check(True, "")

    def test_of_a_bundle_that_has_changed(self, box, bundle):
        source = bundle(files=FILES)
        box("create", "--name", "c", source).ok()
        make_tree(source / "layers/002", {"x": "x"})
        box("commit", "c").refused_with(125, f"cannot commit container 'c': '{source}' has other layers than when the container was made")
        shutil.rmtree(source)
        box("commit", "c").refused_with(125, str(source))
        assert box("images", "-q").lines == [] and not list(box.root.glob("layers/*"))

    def test_what_it_refuses(self, box, image, plain, bundle):
        refused = lambda name, sentence, hint=None: box("commit", name, "made").refused_with(125, f"cannot commit container '{name}': {sentence}", hint=hint)
        box("create", "--name", "memory", "--tmpfs-upper", image).ok()
        refused("memory", "what it writes is in memory (--tmpfs-upper)")
        box("create", "--name", "fixed", "--read-only", image).ok()
        refused("fixed", "its root file system is read-only")
        box("create", "--name", "outside", plain).ok()
        inspected = bundle(document=[{"Id": digest(9), "Architecture": ARCHITECTURE, "Os": "linux", "Config": {"Cmd": ["true"]}, "RootFS": {"Type": "layers"}}])
        box("create", "--name", "docker", inspected).ok()
        refused("docker", f"'{inspected}', which it runs, is neither in the store nor a bundle", hint="minirun import")
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


def running(box, image, script="", *, options=()):
    """A container "c" that has done this and waits."""
    box.run("-d", "--name", "c", *options, image, "sh", "-ec", script + "\necho ready; exec sleep 1000").ok()
    while "ready" not in box("logs", "c").out:
        pass


def stopped(box, image, script="", *, options=()):
    box.run("--name", "c", *options, image, "sh", "-ec", script or "true").ok()


STATES = pytest.mark.parametrize("begin", [running, stopped], ids=["running", "stopped"])


def inside(box, begin, *words):
    """What this says in the container, which may have to be started for it."""
    if begin is stopped:
        return box.run("made", *words) if box("commit", "c", "made").ok() else None
    return box("exec", "c", *words)


class TestCopy:
    @STATES
    @pytest.mark.parametrize("options", [[], ["--userns", "private"]], ids=str)
    def test_out(self, box, image, scratch, begin, options):
        begin(box, image, "echo text > /file; chown 12:34 /file; chmod 4750 /file; mkdir -p /d/e; echo x > /d/e/x; ln /d/e/x /d/y; ln -s /etc/passwd /d/l", options=options)
        box("cp", "c:/file", scratch / "new").ok()
        info = os.stat(scratch / "new")
        assert (info.st_mode & 0o7777, info.st_uid, info.st_gid, (scratch / "new").read_text()) == (0o750, 0, 0, "text\n")
        box("cp", "-a", "c:file", scratch).ok()
        info = os.stat(scratch / "file")
        assert (info.st_mode & 0o7777, info.st_uid, info.st_gid) == (0o4750, 12, 34)
        box("cp", "c:/d", scratch / "tree").ok()  # a new name
        box("cp", "c:/d", scratch / "tree").ok()  # into it
        assert (scratch / "tree/d/e/x").read_text() == "x\n" and os.readlink(scratch / "tree/l") == "/etc/passwd"
        assert os.stat(scratch / "tree/e/x").st_ino == os.stat(scratch / "tree/y").st_ino
        box("cp", "c:/d/.", scratch / "tree/d").ok()
        assert sorted(os.listdir(scratch / "tree/d")) == ["e", "l", "y"]
        assert not list(scratch.glob("**/.minirun*"))

    @STATES
    @pytest.mark.parametrize("options", [[], ["--userns", "private"]], ids=str)
    def test_in(self, box, image, scratch, begin, options):
        source = make_tree(scratch / "source", {"a": File("a", 0o640, 12, 34), "d/b": "b", "d/again": Hardlink("d/b"), "link": Link("/etc/passwd"), "set": File("s", 0o4755, 0)})
        begin(box, image, "mkdir /into; echo old > /into/a", options=options)
        box("cp", source / "a", "c:/into").ok()
        box("cp", source / "a", "c:/into/kept/").refused_with(125, "there is no such directory")
        box("cp", "-a", source / "a", "c:/into/kept").ok()
        box("cp", source, "c:/into").ok()
        box("cp", f"{source}/.", "c:/merged").ok()
        said = inside(box, begin, "sh", "-c", "cd /into; stat -c '%n %a %u %g' a kept source source/d merged /merged/set 2>/dev/null; cat a /merged/d/b; readlink /merged/link; stat -c %h /merged/d/again")
        assert said.out.splitlines() == ["a 640 0 0", "kept 640 12 34", "source 755 0 0", "source/d 755 0 0", "/merged/set 755 0 0", "ab/etc/passwd", "2"]

    def test_a_stopped_one_finds_it(self, box, image, scratch):
        (scratch / "file").write_text("from outside\n")
        box("create", "--name", "c", image, "cat", "/tmp/file").ok()
        box("cp", scratch / "file", "c:/tmp/").ok()
        box("start", "c").ok()
        box("wait", "c").ok()
        assert box("logs", "c").ok().out == "from outside\n"

    def test_a_runtime_bundle(self, box, runtime_bundle, scratch):
        """It has a ready root file system: there is no image to commit to, and all else works."""
        config, bundle = runtime_bundle(["true"])
        box("create", "--name", "c", bundle.write(config)).check(True, "")
        box("commit", "c").refused_with(125, "cannot commit container 'c': it runs in a ready root file system")
        box("export", "-o", scratch / "c.tar", "c").ok()
        assert "bin/busybox" in archived(scratch / "c.tar")
        box("cp", scratch / "c.tar", "c:/tmp").ok()
        box("cp", "c:/tmp/c.tar", scratch / "again").ok()
        assert (scratch / "again").read_bytes() == (scratch / "c.tar").read_bytes()

    def test_one_whose_files_are_in_memory(self, box, image, scratch):
        running(box, image, options=["--tmpfs-upper"])
        (scratch / "x").write_text("x")
        box("cp", scratch / "x", "c:/tmp").ok()
        assert box("exec", "c", "cat", "/tmp/x").ok().out == "x"

    def test_nobody_starts_it_meanwhile(self, box, image, scratch):
        stopped(box, image)
        (scratch / "x").write_text("x")
        (directory,) = box.root.glob("containers/*")
        with open(directory / "supervisor.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)  # as who copies out of it
            box("start", "c").refused(125, "container 'c' is in use by another command, such as minirun cp")
            box("cp", "c:/data/kept", scratch / "kept").ok()
            box("cp", scratch / "x", "c:/x").refused_with(125, "container 'c' is being started, or another minirun cp writes to it", hint="try again")
        box("start", "c").ok()
        box("wait", "c").ok()

    def test_volumes_of_one_that_runs(self, box, image, scratch):
        volume = make_tree(scratch / "volume", {"x": "x"})
        running(box, image, options=["-v", f"{volume}:/v", "-v", f"{volume}:/fixed:ro"])
        box("cp", "c:/v/x", scratch / "x").ok()
        box("cp", scratch / "x", "c:/v/y").ok()
        assert (volume / "y").read_text() == "x"
        box("cp", scratch / "x", "c:/fixed/z").refused_with(125, "EROFS")
        box("cp", "-q", scratch, "c:/v").ok()  # which holds itself, and the socket of a supervisor
        assert (volume / scratch.name / "volume/y").exists()

    @STATES
    def test_links_stay_in_the_container(self, box, image, scratch, begin):
        """As the source and as the target, in the middle and at the end, of the image's and with dots."""
        secret = make_tree(scratch / "host", {"secret": "of the host"})
        (scratch / "evil").write_text("evil")
        begin(box, image, f"ln -s {secret} /dir; ln -s {secret}/secret /secret; ln -s ../../../../../..{secret} /up; mkdir -p /tmp/t; ln -s {scratch}/made /tmp/t/dangling; ln -s data /here")
        for path in ("/dir/secret", "/up/secret"):
            box("cp", f"c:{path}", scratch / "out").refused(125, f"the container has no '{path}'")
        box("cp", "-L", "c:/secret", scratch / "out").refused(125, "the container has no '/secret'")
        box("cp", "c:/secret", scratch / "out").ok()
        assert os.readlink(scratch / "out") == f"{secret}/secret"
        for path in ("/dir/new", "/up/secret", "/secret", "/tmp/t/dangling"):
            box("cp", scratch / "evil", f"c:{path}").refused_with(125, "the container has no")
        assert os.listdir(secret) == ["secret"] and (secret / "secret").read_text() == "of the host" and not (scratch / "made").exists()
        box("cp", scratch / "evil", "c:/here").ok()  # to where it leads
        assert inside(box, begin, "cat", "/data/evil").ok().out == "evil"
        # A link that has come out is replaced by the next copy, not followed.
        box("cp", "c:/data/kept", scratch / "out").ok()
        assert (scratch / "out").read_text() == "kept\n" and (secret / "secret").read_text() == "of the host"

    def test_while_it_exchanges_directories_and_links(self, box, image, scratch):
        """CVE-2018-15664."""
        secret = make_tree(scratch / "host", {"d/x": "of the host"})
        source = make_tree(scratch / "source", {"d/x": "evil", "d/e/y": "evil"})
        running(box, image, f"mkdir -p /t/d/e /t/keep; echo x > /t/d/x; ln -s {secret}/d /t/link; (while true; do mv /t/d /t/keep/; mv /t/link /t/d; mv /t/d /t/link; mv /t/keep/d /t/d; done) 2>/dev/null &")
        for number in range(40):
            box("cp", f"{source}/.", "c:/t")
            box("cp", "c:/t", scratch / f"out{number}")
            box("cp", "c:/t/d/x", scratch / f"x{number}")
        assert (secret / "d/x").read_text() == "of the host" and os.listdir(secret / "d") == ["x"]
        assert not [one for one in scratch.glob("x*") if one.is_file() and one.read_text() == "of the host"]

    def test_what_is_no_file(self, box, image, scratch):
        """Devices stay where they are, and in the kernel's own file systems nothing is read or written."""
        running(box, image, "mkdir /n; mkfifo /n/pipe 2>/dev/null || true; echo x > /n/x; ln -s /proc/sys/kernel /n/sys")
        os.mknod(scratch / "null", 0o20666, os.makedev(1, 3))
        result = box("cp", "c:/dev", scratch / "dev")
        assert result.code == 0 and "left out" in result.err and not (scratch / "dev/null").exists()
        assert box("cp", "-q", "c:/proc/self", scratch / "self").code in (0, 125)
        assert "left out 1 name" in box("cp", scratch / "null", "c:/n").err
        (scratch / "core_pattern").write_text("evil")
        box("cp", scratch / "core_pattern", "c:/n/sys/").refused_with(125, "the target is in a file system of the kernel's")
        box("cp", scratch / "core_pattern", "c:/etc/hosts").refused_with(125, "something is mounted there")

    def test_what_it_refuses(self, box, image, scratch):
        make_tree(scratch, {"file": "f", "dir/file": "f"})
        stopped(box, image, "mkdir /dir; echo x > /file")
        refused = lambda *words, sentence: box("cp", *words).refused_with(125, sentence)
        refused("c:/none", scratch, sentence="the container has no '/none'")
        refused(scratch / "none", "c:/", sentence=f"there is no '{scratch}/none'")
        refused("c:/file/", scratch, sentence="'/file/' is no directory")
        refused(scratch / "dir", "c:/file", sentence="cannot copy a directory to '/file', which is no directory")
        refused(scratch / "file", "c:/none/x", sentence="the container has no '/none'")
        refused(scratch / "file", "c:/file/", sentence="'/file/'")
        box("cp", scratch / "file", "c:/dir/dir").ok()
        refused(scratch / "dir", "c:/dir", sentence="cannot replace 'dir', which is no directory, by a directory")
        refused("c:/file", "c:/other", sentence="minirun cp does not copy from one container to another")
        refused(scratch / "file", scratch / "other", sentence="neither of the two paths is in a container")
        refused("c:/file", sentence="minirun cp takes a source and a target")
        refused("c:", scratch, sentence="a path is missing behind the colon")
        refused("nobody:/x", scratch, sentence="there is no container 'nobody'")
        box("create", "--name", "fixed", "--read-only", image).ok()
        refused(scratch / "file", "fixed:/", sentence="the container's root file system is read-only")
        box("cp", "fixed:/data/kept", scratch / "kept").ok()
        box("create", "--name", "memory", "--tmpfs-upper", image).ok()
        refused("memory:/data/kept", scratch, sentence="what the container writes is in memory (--tmpfs-upper)")


def packed(*entries):
    """A tar archive: of each entry its name, and its content or what else it is."""
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, content, *more in entries:
                info = tarfile.TarInfo(name)
                info.mode = 0o644
                for key, value in (more[0] if more else {}).items():
                    setattr(info, key, value)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return file.getvalue()


DIRECTORY = {"type": tarfile.DIRTYPE, "mode": 0o711}


class TestCopyStreams:
    def into(self, box, scratch, archive, target="c:/into", options=()):
        (scratch / "archive").write_bytes(archive)
        with open(scratch / "archive") as file:
            return box.start("cp", *options, "-", target, stdin=file).finish()

    def out(self, box, source, *options):
        done = subprocess.run([*map(str, box.outermost), MINIRUN, "cp", *options, source, "-"], env=box.env, capture_output=True, stdin=subprocess.DEVNULL)
        assert (done.returncode, done.stderr) == (0, b""), done
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
            return {one.name: (one, tar.extractfile(one).read() if one.isreg() else None) for one in tar}

    @STATES
    @pytest.mark.parametrize("options", [[], ["--userns", "private"]], ids=str)
    def test_in(self, box, image, scratch, begin, options):
        begin(box, image, "mkdir -m 1777 /into; mkdir -m 700 /into/there /into/looks; echo old > /into/there/a", options=options)
        archive = packed(("there/a", b"a", {"uid": 12, "gid": 34, "mode": 0o4755}), ("new/b", b"b"), ("looks", b"", DIRECTORY),
                         ("link", b"", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}), ("again", b"", {"type": tarfile.LNKTYPE, "linkname": "there/a"}))
        look = ("sh", "-c", "cd /into; stat -c '%n %a %u %g %h' . there looks new there/a new/b; cat again; readlink link")
        self.into(box, scratch, archive).ok()
        assert inside(box, begin, *look).out.splitlines() == [
            ". 1777 0 0 5", "there 700 0 0 2", "looks 711 0 0 2", "new 755 0 0 2", "there/a 755 0 0 2", "new/b 644 0 0 1", "a/etc/passwd"]
        self.into(box, scratch, gzip.compress(archive), options=["-a"]).ok()
        assert "there/a 4755 12 34 2" in inside(box, begin, *look).out

    @STATES
    @pytest.mark.parametrize("options", [[], ["--userns", "private"]], ids=str)
    def test_out(self, box, image, begin, options):
        begin(box, image, "mkdir -p /d/e; echo x > /d/e/x; chown 12:34 /d/e/x; chmod 4750 /d/e/x; ln -s /etc/passwd /d/l; ln /d/e/x /d/y; ln -s d /short", options=options)
        tree = self.out(box, "c:/d")
        assert sorted(tree) == ["d", "d/e", "d/e/x", "d/l", "d/y"] and tree["d/l"][0].linkname == "/etc/passwd"
        info, text = tree["d/e/x"]
        assert (text, info.mode, info.uid, info.gid) == (b"x\n", 0o4750, 12, 34) and tree["d/y"][0].linkname == "d/e/x"
        assert sorted(self.out(box, "c:/d/.")) == [".", "e", "e/x", "l", "y"]
        assert list(self.out(box, "c:/short")) == ["short"] and self.out(box, "c:/short")["short"][0].issym()
        assert "short/e/x" in self.out(box, "c:/short", "-L") and list(self.out(box, "c:/d/e/x")) == ["x"]
        assert "bin/busybox" in self.out(box, "c:/")

    def test_from_one_to_another(self, box, image):
        stopped(box, image, "mkdir /d; echo x > /d/x")
        box("create", "--name", "other", image, "cat", "/tmp/d/x").ok()
        with box.start("cp", "c:/d", "-") as source:
            box.start("cp", "-", "other:/tmp", stdin=source.popen.stdout).finish().ok()
        assert box("start", "-a", "other").ok().out == "x\n"

    def test_volumes_of_one_that_runs(self, box, image, scratch):
        volume = make_tree(scratch / "volume", {"x": "x"})
        running(box, image, options=["-v", f"{volume}:/v"])
        assert self.out(box, "c:/v")["v/x"][1] == b"x" and "v/x" in self.out(box, "c:/")
        self.into(box, scratch, packed(("y", b"y")), "c:/v").ok()
        assert (volume / "y").read_text() == "y"
        assert [name for name in self.out(box, "c:/proc") if name != "proc"] == []

    @STATES
    def test_a_hostile_archive(self, box, image, scratch, begin):
        secret = make_tree(scratch / "host", {"secret": "of the host"})
        begin(box, image, f"mkdir -p /into/keep; ln -s {secret} /into/way; ln -s /etc /into/etc")
        link = lambda name, to: (name, b"", {"type": tarfile.SYMTYPE, "linkname": to})
        hard = lambda name, to: (name, b"", {"type": tarfile.LNKTYPE, "linkname": to})
        for entries, sentence in (
                ([("../out", b"x")], "the entry '../out' leaves the directory"),
                ([("a/../../out", b"x")], "leaves the directory"), ([hard("l", "../../secret")], "leaves the directory"),
                ([link("out", str(secret)), ("out/secret", b"evil")], "lies below 'out', which is no directory in this archive"),
                ([("x", b"x"), hard("l", "none")], "the entry 'l' is a hard link to 'none', which is not before it in the archive"),
                ([link("out", str(secret)), hard("l", "out/secret")], "is a hard link through a symbolic link"),
                ([(".", b"x")], "names the root of the directory")):
            self.into(box, scratch, packed(("before", b"x"), *entries)).refused_with(125, sentence)
        self.into(box, scratch, packed(("a", b"a"))[:700]).refused_with(125, "standard input is c")  # cut off, or corrupt
        self.into(box, scratch, b"no archive" * 100).refused_with(125, "the archive on standard input is no tar archive")
        # Links of the container's do not lead a copy on, and nothing of a refused archive is there.
        for name in ("way/secret", "etc/new"):
            self.into(box, scratch, packed((name, b"evil"))).refused_with(125, "cannot replace")
        assert inside(box, begin, "ls", "/into").out.split() == ["etc", "keep", "way"]
        assert (secret / "secret").read_text() == "of the host" and os.listdir(secret) == ["secret"]
        # From its root on, whatever it is written as.
        self.into(box, scratch, packed(("/abs", b"x"), (f"{'d/' * 600}x", b"x"))).ok()
        assert inside(box, begin, "cat", "/into/abs").out == "x"
        assert not list((box.root / "staging").iterdir())

    def test_what_only_means_something_in_layers(self, box, image, scratch):
        stopped(box, image, "mkdir /into; echo x > /into/kept")
        device = {"type": tarfile.CHRTYPE, "devmajor": 0, "devminor": 0}
        said = self.into(box, scratch, packed((".wh.kept", b"w"), ("d/.wh..wh..opq", b""), ("kept", b"", device),
                                              ("d", b"", DIRECTORY | {"pax_headers": {"SCHILY.xattr.trusted.overlay.opaque": "y"}})))
        assert said.code == 0 and "left out 1 name, of devices, sockets or the kernel's own files: 'kept'" in said.err
        tree = self.out(box, "c:/into")
        assert tree["into/kept"][1] == b"x\n" and tree["into/.wh.kept"][1] == b"w" and "into/d/.wh..wh..opq" in tree

    def test_bounds(self, box, image, scratch):
        stopped(box, image, "mkdir /into")
        self.into(box, scratch, packed(("a", b"a"), ("b", b"b")), options=["--max-entries", "1"]).refused_with(
            125, "the archive on standard input has more than 1 entries", hint="--max-entries")
        self.into(box, scratch, packed(("a", b"a" * 2000)), options=["--max-size", "1k"]).refused_with(125, "unpacks to more than", hint="--max-size")

    def test_what_it_refuses(self, box, image, scratch):
        stopped(box, image, "echo x > /file")
        archive = packed(("a", b"a"))
        self.into(box, scratch, archive, "c:/none").refused_with(125, "the container has no directory '/none'", hint="that is there")
        self.into(box, scratch, archive, "c:/file").refused_with(125, "cannot copy a directory to '/file', which is no directory")
        self.into(box, scratch, archive, "nobody:/").refused_with(125, "there is no container 'nobody'")
        box("cp", "c:/none", "-").refused_with(125, "the container has no '/none'")
        box("cp", "-", "-").refused_with(125, "neither of the two paths is in a container")
