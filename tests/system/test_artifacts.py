"""minirun run --artifacts PATH:DIR: what is copied out of a container that has ended. The copying itself is tested in
tests/unit/runtime/copy_out_test.cpp; here the container is the one who is hostile."""
import json
import os
import pathlib
import shutil
import signal
import stat
import time

import jsonschema
import pytest

from bundles import Link
from harness import PROJECT

SCHEMA = json.loads((PROJECT / "docs/report.schema.json").read_text())
KINDS = [[], ["--userns", "private"], ["--tmpfs-upper"], ["--userns", "private", "--tmpfs-upper"], ["--pid", "host"], ["--init"], ["-u", "1000"]]


@pytest.fixture
def copied(minirun, scratch, plain):
    """Runs a script, and copies PATH to out/. Returns out/, what the report says of it, and the result."""
    def run(path, script, *options, image=plain, code=0):
        result = minirun.run("--report", scratch / "report", "--artifacts", f"{path}:{scratch}/out", "--tmpfs", "/memory:exec", *options, image, "sh", "-c", script)
        assert result.code == code, result
        report = json.loads((scratch / "report").read_text())
        jsonschema.validate(report, SCHEMA)
        artifact, = report["artifacts"]
        assert (artifact["path"], artifact["directory"]) == (path, f"{scratch}/out")
        assert [name for name in os.listdir(scratch / "out") if name.startswith(".")] == []
        return scratch / "out", artifact, result
    return run


def tree(path):
    """{path below it: its content, None of a directory, a link's target}"""
    found = {}
    for one in sorted(pathlib.Path(path).rglob("*")):
        found[str(one.relative_to(path))] = Link(os.readlink(one)) if one.is_symlink() else None if one.is_dir() else one.read_text()
    return found


@pytest.mark.parametrize("options", KINDS, ids=str)
@pytest.mark.parametrize("place", ["/tmp/results", "/memory/results", "/dev/shm/results"])
def test_a_directory(copied, options, place):
    """From the root file system and from a tmpfs, which only the container's mount namespace has."""
    script = f"mkdir -p {place}/sub; cd {place}; echo one > f; echo two > sub/g; ln -s ../f sub/link; chmod 640 f"
    out, artifact, result = copied(place, script, *options)
    assert tree(out) == {"results": None, "results/f": "one\n", "results/sub": None, "results/sub/g": "two\n", "results/sub/link": Link("../f")}
    assert (artifact["files"], artifact["bytes"], artifact["skipped"], artifact["missing"], artifact["error"]) == (2, 8, 0, False, None)
    assert result.err == ""
    info = os.stat(out / "results/f")
    assert (info.st_uid, info.st_gid, info.st_mode & 0o7777) == (0, 0, 0o640)


def test_a_file_and_several(minirun, scratch, plain):
    minirun.run("--artifacts", f"/tmp/a:{scratch}/out", "--artifacts", f"/tmp/b:{scratch}/out", "--artifacts", f"/tmp/a:{scratch}/other/deep", plain,
                "sh", "-c", "echo a > /tmp/a; echo b > /tmp/b").ok()
    assert tree(scratch / "out") == {"a": "a\n", "b": "b\n"} and tree(scratch / "other") == {"deep": None, "deep/a": "a\n"}


def test_a_relative_directory(minirun, scratch, plain):
    minirun.run("--artifacts", "/etc/passwd:here", plain, "true", cwd=scratch).ok()
    assert (scratch / "here/passwd").read_text().startswith("root:")


def test_of_a_container_that_fails(copied):
    for code, script, options in (7, "echo 1 > /tmp/f; exit 7", []), (124, "echo 1 > /tmp/f; sleep 100", ["--timeout", "0.5"]), (137, "echo 1 > /tmp/f; payload raise KILL", ["--pid", "host"]):
        out, artifact, _ = copied("/tmp/f", script, *options, code=code)
        assert artifact["files"] == 1 and (out / "f").read_text() == "1\n"
        shutil.rmtree(out)


def test_missing(copied):
    for path in "/no/such", "/etc/passwd/below", "/dangling":
        out, artifact, result = copied(path, "ln -s /nowhere /dangling; exit 3", code=3)
        assert artifact["missing"] and artifact["files"] == 0 and os.listdir(out) == []
        assert result.err == f"minirun: --artifacts '{path}': the container has left no such file or directory\n"


def test_of_one_that_never_ran(minirun, scratch, plain):
    minirun.run("--artifacts", f"/etc:{scratch}/out", plain, "not-there").refused_with(127, "not-there")
    assert os.listdir(scratch / "out") == []


class TestWhatIsThere:
    def test_is_not_replaced(self, minirun, scratch, plain):
        (scratch / "out").mkdir()
        for make in (lambda path: path.write_text("mine"), lambda path: path.mkdir(), lambda path: path.symlink_to("/nowhere")):
            make(scratch / "out/passwd")
            minirun.run("--artifacts", f"/etc/passwd:{scratch}/out", plain, "echo", "ran").refused_with(125, "there is 'passwd' in that directory already", hint="remove it")
            shutil.rmtree(scratch / "out/passwd") if (scratch / "out/passwd").is_dir() else os.unlink(scratch / "out/passwd")

    def test_nor_is_another_copy(self, minirun, scratch, plain):
        minirun.run("--artifacts", f"/a/x:{scratch}/out", "--artifacts", f"/b/x:{scratch}/./out/", plain, "true").refused_with(125, "there is 'x' in that directory already")

    def test_a_link_for_a_directory(self, minirun, scratch, plain):
        """It may come from an earlier container, in a volume."""
        (scratch / "out").symlink_to("/etc")
        for name in "out", "out/":
            minirun.run("--artifacts", f"/etc/passwd:{scratch}/{name}", plain, "true").refused_with(125, "is a symbolic link", hint="name the directory itself")

    def test_a_file_for_a_directory(self, minirun, scratch, plain):
        (scratch / "out").write_text("")
        minirun.run("--artifacts", f"/etc:{scratch}/out", plain, "true").refused_with(125, "cannot make the directory")
        minirun.run("--artifacts", f"/etc:{scratch}/out/below", plain, "true").refused_with(125, "cannot make the directory")


@pytest.mark.parametrize("value, words", [("/out", "expected PATH:DIR"), ("/out:", "expected PATH:DIR"), ("out:dir", "expected PATH:DIR"), (":dir", "expected PATH:DIR"),
                                          ("/:dir", "the whole root"), ("/a/..:dir", "the whole root")])
def test_what_is_no_artifact(minirun, plain, value, words):
    minirun.run("--artifacts", value, plain, "true").refused_with(125, words)


class TestHostile:
    """Nothing of the host comes along, nothing hangs, nothing is written elsewhere."""

    def test_links(self, copied, scratch):
        secret = scratch / "secret"
        secret.write_text("the host's")
        script = f"""mkdir -p /tmp/o/d/e; cd /tmp/o
            ln -s /etc/shadow a; ln -s {secret} b; ln -s ../../../../../..{secret} c; ln -s /proc/1/root{secret} d/d
            ln -s .. up; ln -s ../.. d/e/root; ln -s d/e/root/../../{secret} clever; ln -s /tmp/o/d absolute; ln -s d/e fine; echo > f"""
        out, artifact, result = copied("/tmp/o", script)
        assert set(tree(out / "o")) == {"d", "d/e", "d/e/root", "fine", "f"} and artifact["skipped"] == 7
        assert result.err.startswith("minirun: --artifacts '/tmp/o': left out 7 names, which are special files, links to elsewhere, or not to be read: ")

    def test_the_path_itself_is_a_link(self, copied, scratch):
        """It is followed, in the container's root."""
        out, artifact, _ = copied("/tmp/o", "ln -s ../../../../../../etc/passwd /tmp/o")
        assert (out / "o").read_text().startswith("root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/") and artifact["files"] == 1
        shutil.rmtree(out)
        assert copied("/tmp/o", f"ln -s {scratch}/report /tmp/o")[1]["missing"]
        for target in "/proc/self/root/etc/shadow", "/proc/1/cwd", "/proc/self/exe", "/dev/fd/0":
            out, artifact, _ = copied("/tmp/o", f"ln -s {target} /tmp/o")
            assert artifact["files"] == 0 and os.listdir(out) == [], target

    def test_a_directory_swapped_for_a_link(self, copied):
        """While others are still at it, without a pid namespace."""
        script = """mkdir -p /tmp/o/d; echo mine > /tmp/o/d/shadow
            (while :; do mv /tmp/o/d /tmp/o/x; ln -s /etc /tmp/o/d; rm /tmp/o/d; mv /tmp/o/x /tmp/o/d; done) >/dev/null 2>&1 & sleep 0.3"""
        out, artifact, _ = copied("/tmp/o", script, "--pid", "host")
        assert {text for text in tree(out).values() if isinstance(text, str)} <= {"mine\n"}

    def test_special_files(self, copied):
        script = "mkdir /tmp/o; cd /tmp/o; busybox mkfifo fifo; payload try mknod >/dev/null 2>&1; busybox mknod null c 1 3; echo 1 > f"
        out, artifact, _ = copied("/tmp/o", script, "--cap-add", "MKNOD")
        assert tree(out / "o") == {"f": "1\n"} and artifact["skipped"] >= 1

    @pytest.mark.parametrize("path", ["/dev/null", "/dev/zero", "/dev/ptmx", "/proc/self/environ", "/proc/kmsg", "/proc", "/sys/kernel", "/sys", "/dev/pts", "/dev/mqueue", "/proc/sys/kernel/hostname"])
    def test_what_is_the_kernels(self, copied, path):
        out, artifact, _ = copied(path, "true")
        assert artifact["files"] == 0 and (artifact["skipped"] == 1 or artifact["missing"]) and os.listdir(out) == []

    def test_dev_as_a_whole(self, copied):
        out, artifact, _ = copied("/dev", "echo 1 > /dev/shm/kept")
        assert {name: text for name, text in tree(out / "dev").items() if text is not None} == {"shm/kept": "1\n", "ptmx": Link("pts/ptmx")} and artifact["skipped"] > 5

    def test_set_user_id(self, copied):
        out, _, _ = copied("/tmp/o", "mkdir /tmp/o; cp /bin/busybox /tmp/o/sh; chmod 6777 /tmp/o/sh; chmod 3777 /tmp/o")
        assert stat.S_IMODE(os.stat(out / "o/sh").st_mode) == stat.S_IMODE(os.stat(out / "o").st_mode) == 0o777

    @pytest.mark.parametrize("place", ["/tmp", "/memory"])
    def test_a_sparse_file(self, copied, place):
        """1 TiB that takes no room."""
        out, artifact, _ = copied(f"{place}/big", f"echo begin > {place}/big; dd if=/dev/zero of={place}/big bs=1 count=1 seek=1099511627775 2>/dev/null")
        info = os.stat(out / "big")
        assert info.st_size == 1 << 40 and info.st_blocks < 4096 and artifact["bytes"] < 1 << 20

    def test_hard_links(self, copied):
        script = "mkdir /tmp/o; cd /tmp/o; dd if=/dev/zero of=0 bs=1M count=1 2>/dev/null; i=1; while [ $i -lt 100 ]; do ln 0 $i; i=$((i+1)); done"
        out, artifact, _ = copied("/tmp/o", script, "--tmpfs-upper")
        assert (artifact["files"], artifact["bytes"]) == (1, 1 << 20) and os.stat(out / "o/57").st_nlink == 100

    def test_a_deep_tree(self, copied):
        script = "mkdir /memory/o; cd /memory/o; i=0; while [ $i -lt 230 ]; do mkdir d && cd d; i=$((i+1)); done; true"
        out, artifact, _ = copied("/memory/o", script)
        assert artifact["skipped"] == 1 and len(list((out / "o").rglob("*"))) == 200

    def test_names(self, copied):
        out, artifact, result = copied("/tmp/o", r"""mkdir /tmp/o; cd /tmp/o; busybox mkfifo "$(printf '\033[2Jminirun: fine\n')"; echo 1 > "$(printf 'a\nb\377')" """)
        assert os.listdir(os.fsencode(out / "o")) == [b"a\nb\xff"]
        assert result.err.count("\n") == 1 and "\x1b" not in result.err

    def test_the_target_in_a_volume(self, minirun, scratch, plain):
        """The container puts a link to /etc where the results go; they go where the directory was."""
        (scratch / "volume/results").mkdir(parents=True)
        before = set(os.listdir("/etc"))
        script = "echo 1 > /tmp/stolen; mv /v/results /v/moved; ln -s /etc /v/results"
        minirun.run("-v", f"{scratch}/volume:/v", "--artifacts", f"/tmp/stolen:{scratch}/volume/results", plain, "sh", "-c", script).ok()
        assert set(os.listdir("/etc")) == before and (scratch / "volume/moved/stolen").read_text() == "1\n"

    def test_the_target_is_removed(self, minirun, scratch, plain):
        (scratch / "volume/results").mkdir(parents=True)
        result = minirun.run("-v", f"{scratch}/volume:/v", "--artifacts", f"/etc/passwd:{scratch}/volume/results", plain, "sh", "-c", "busybox rmdir /v/results; exit 5")
        assert result.code == 5 and "'/etc/passwd' was not copied" in result.err

    def test_the_name_comes_up_meanwhile(self, minirun, scratch, plain):
        (scratch / "volume/results").mkdir(parents=True)
        result = minirun.run("-v", f"{scratch}/volume:/v", "--artifacts", f"/tmp/f:{scratch}/volume/results", plain, "sh", "-c", "echo new > /tmp/f; echo old > /v/results/f")
        assert result.code == 0 and "cannot put the copy into its place: File exists" in result.err
        assert tree(scratch / "volume/results") == {"f": "old\n"}

    def test_no_room(self, minirun, scratch, plain):
        """Nothing half is left."""
        (scratch / "small").mkdir()
        if os.system(f"mount -t tmpfs -o size=1m tmpfs {scratch}/small") != 0:
            pytest.skip("no tmpfs can be mounted here")
        try:
            result = minirun.run("--artifacts", f"/tmp/o:{scratch}/small", plain, "sh", "-c", "mkdir /tmp/o; echo 1 > /tmp/o/a; dd if=/dev/zero of=/tmp/o/b bs=1M count=3 2>/dev/null; exit 4")
            assert result.code == 4 and "No space left" in result.err and os.listdir(scratch / "small") == []
        finally:
            os.system(f"umount {scratch}/small")


def test_a_signal_ends_a_long_copy(minirun, scratch, plain):
    """The report is written all the same."""
    script = "mkdir /memory/o; cd /memory/o; i=0; while [ $i -lt 4000 ]; do i=$((i+1)); : > $i; done; echo made"
    with minirun.start("run", "--report", scratch / "report", "--tmpfs", "/memory", "--artifacts", f"/memory/o:{scratch}/out", plain, "sh", "-c", script) as running:
        running.wait_for("made")
        deadline = time.monotonic() + 20
        while not os.listdir(scratch / "out") and time.monotonic() < deadline:
            time.sleep(0.005)
        running.send(signal.SIGTERM)
        result = running.finish()
    artifact, = json.loads((scratch / "report").read_text())["artifacts"]
    if artifact["error"] is None:
        pytest.skip("the copy was faster than the signal")
    assert "interrupted" in artifact["error"] and os.listdir(scratch / "out") == [] and result.code == 0


def test_not_in_a_dry_run(minirun, scratch, plain):
    """Which says that the mounts are kept, and makes no directory."""
    assert "keep its mounts for when it has ended" in minirun.run("--dry-run", "--artifacts", f"/tmp:{scratch}/out", plain).ok().out
    assert not (scratch / "out").exists()
