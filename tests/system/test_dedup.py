"""Identical files of different layers share their blocks: load --dedup, import --dedup, image dedup."""
import json
import os
import random
import shutil
import subprocess
import time

import pytest

from archives import digest, docker_archive, entry, hardlink, layer
from harness import MINIRUN, skip
from test_load import tree_of, what_was_loaded_can_be_saved  # noqa: F401

DATA = os.urandom(100_000)
TIME = {"mtime": "1000000000.5"}
# What two layers have in common, and a file of its own, which makes them two.
COMMON = [entry("d", pax={"mtime": "77"}), entry("d/same", DATA, mode=0o750, uid=3, pax=TIME)]
ONE, TWO = layer(*COMMON, entry("one", "1")), layer(*COMMON, entry("two", "2"))


def load(minirun, scratch, name, layers, *words):
    minirun("load", "-q", *words, docker_archive(scratch / "made.tar", layers, names=[name])).ok()


def inodes(minirun, path, *layers):
    return [os.lstat(tree_of(minirun, one) / path).st_ino for one in layers]


def is_well(minirun):
    """Every layer is as it was loaded, and what df says is what du says."""
    assert minirun("image", "verify").ok().out.endswith(": no difference\n")
    usage = json.loads(minirun("system", "df", "--format", "json").ok().out)
    places = [minirun.root / place for place in ("images", "layers", "tags", "staging")]
    du = subprocess.run(["du", "-s", "-c", "--block-size=1", *places], check=True, capture_output=True, text=True).stdout
    assert usage["Size"] == int(du.splitlines()[-1].split()[0])
    assert usage["Size"] == usage["Other"] + sum(one["Size"] for one in usage["Layers"]) + sum(one["Own"] for one in usage["Images"])
    return usage


@pytest.fixture(params=["load --dedup", "image dedup"])
def shared(request, minirun, scratch):
    """Loads images, [(name, layers)], and lets them share by either of the two ways."""
    def load_all(*images):
        words = ["--dedup"] if request.param == "load --dedup" else []
        for name, layers in images:
            load(minirun, scratch, name, layers, *words)
        if not words:
            return minirun("image", "dedup").ok().out
    return load_all


class TestNames:
    """Where the file system of the store cannot share blocks, as ext4."""

    @pytest.fixture(autouse=True)
    def no_reflinks(self, scratch):
        (scratch / "a").write_bytes(DATA)
        if subprocess.run(["cp", "--reflink=always", scratch / "a", scratch / "b"], capture_output=True).returncode == 0:
            skip("this file system shares blocks")

    def test_the_same_file_is_there_once(self, minirun, shared):
        said = shared(("one", [ONE]), ("two", [TWO]))
        assert said in (None, "Shared with other layers: 1 file, 100 KiB\n")
        first, second = inodes(minirun, "d/same", ONE, TWO)
        assert first == second and os.lstat(tree_of(minirun, TWO) / "d").st_mtime == 77
        usage = is_well(minirun)
        assert sum(one["Size"] for one in usage["Layers"]) < 1.8 * len(DATA)
        assert minirun("image", "dedup").ok().out == "Shared with other layers: 0 files, 0 B\n"

    def test_load_tells_of_it(self, minirun, scratch):
        load(minirun, scratch, "one", [ONE])
        result = minirun("load", "--dedup", docker_archive(scratch / "made.tar", [TWO], names=["two"]))
        assert result.code == 0 and f"{digest(TWO)[7:19]}: shares 1 file, 100 KiB with other layers\n" in result.err

    def test_the_last_layer_keeps_it(self, minirun, shared):
        shared(("one", [ONE]), ("two", [TWO]))
        minirun("rmi", "one").ok()
        assert (tree_of(minirun, TWO) / "d/same").read_bytes() == DATA
        assert os.lstat(tree_of(minirun, TWO) / "d/same").st_nlink == 1
        is_well(minirun)

    @pytest.mark.parametrize("other", [
        entry("d/same", DATA, mode=0o755, uid=3, pax=TIME), entry("d/same", DATA, mode=0o750, uid=4, pax=TIME),
        entry("d/same", DATA, mode=0o750, uid=3, pax={"mtime": "1000000000.25"}), entry("d/same", DATA[:-1] + b"\0", mode=0o750, uid=3, pax=TIME),
        entry("d/same", DATA, mode=0o750, uid=3, pax=TIME | {"SCHILY.xattr.user.a": "b"}), entry("d/elsewhere", DATA, mode=0o750, uid=3, pax=TIME)],
        ids=["mode", "owner", "time", "content", "attributes", "path"])
    def test_what_differs_stays_two_files(self, minirun, shared, other):
        made = layer(COMMON[0], other)
        shared(("one", [ONE]), ("two", [made]))
        assert all(os.lstat(path).st_nlink == 1 for path in minirun.root.glob("layers/*/tree/d/*"))
        is_well(minirun)

    def test_hard_links_of_the_archive_stay_what_they_are(self, minirun, shared):
        """In one layer two names of a file, in the other two files: neither may become the other."""
        names = layer(*COMMON, hardlink("d/again", "d/same"))
        files = layer(*COMMON, entry("d/again", DATA, mode=0o750, uid=3, pax=TIME))
        shared(("names", [names]), ("files", [files]))
        first, second = os.lstat(tree_of(minirun, files) / "d/same"), os.lstat(tree_of(minirun, files) / "d/again")
        assert first.st_ino != second.st_ino and inodes(minirun, "d/again", names) == inodes(minirun, "d/same", names)
        is_well(minirun)

    def test_in_a_container_two_files_are_two(self, minirun, scratch, base, shared):
        above = layer(*COMMON, entry("e", DATA, mode=0o750, uid=3, pax=TIME))
        shared(("x", [base, ONE, above]), ("y", [TWO]))
        script = "[ /d/same -ef /e ] || echo two; echo changed >/e; cmp /d/same /e >/dev/null || echo apart"
        assert minirun.run("x", "sh", "-c", script).ok().out == "two\napart\n"

    def test_a_bundle_of_it_and_back(self, minirun, scratch, shared):
        shared(("one", [ONE]), ("two", [TWO]))
        minirun("image", "unpack", "two", scratch / "bundle").ok()
        assert all(os.lstat(path).st_nlink == 1 for path in scratch.glob("bundle/layers/*/d/same"))

    def test_of_what_is_imported(self, minirun, scratch):
        load(minirun, scratch, "one", [ONE])
        (scratch / "two.tar").write_bytes(TWO)
        minirun("import", "--dedup", scratch / "two.tar", "two").ok()
        assert len(set(inodes(minirun, "d/same", ONE, TWO))) == 1
        is_well(minirun)

    def test_a_damaged_layer_takes_no_part(self, minirun, scratch):
        """Somebody else's bytes must not become this layer's."""
        load(minirun, scratch, "one", [ONE])
        (tree_of(minirun, ONE) / "d/same").write_bytes(b"x" * len(DATA))
        os.utime(tree_of(minirun, ONE) / "d/same", ns=(0, 1000000000500000000))
        load(minirun, scratch, "two", [TWO], "--dedup")
        assert (tree_of(minirun, TWO) / "d/same").read_bytes() == DATA
        minirun("rmi", "one").ok()
        is_well(minirun)

    def test_what_is_in_use_stays(self, minirun, scratch, base):
        load(minirun, scratch, "one", [base, ONE])
        load(minirun, scratch, "two", [base, TWO])
        script = "echo up; read x; cmp /d/same /d/same && echo fine"
        with minirun.start("run", "-i", "one", "sh", "-c", script, stdin=subprocess.PIPE) as first:
            with minirun.start("run", "-i", "two", "sh", "-c", script, stdin=subprocess.PIPE) as second:
                first.wait_for("up")
                second.wait_for("up")
                result = minirun("image", "dedup")
                assert (result.code, result.out) == (0, "Shared with other layers: 0 files, 0 B\n")
                assert result.err == "minirun: 1 layer is as before: in use just now, or not to be read\n"
                for one in (first, second):
                    one.write("\n")
                    one.wait_for("fine")
        assert minirun("image", "dedup").ok().out == "Shared with other layers: 1 file, 100 KiB\n"

    def test_kill_at_any_moment(self, minirun, scratch):
        entries = [entry("d")] + [entry(f"d/{n % 7}/f{n}", DATA[n:n + 3000], pax=TIME) for n in range(400)]
        layers = [layer(*entries, entry(f"own{n}", str(n))) for n in range(4)]
        for number, made in enumerate(layers):
            load(minirun, scratch, f"x{number}", [made])
        begin = time.monotonic()
        subprocess.run(["cp", "-a", minirun.root, scratch / "kept"], check=True)
        minirun("image", "dedup").ok()
        took = time.monotonic() - begin
        for _ in range(25):
            subprocess.run(["rm", "-rf", minirun.root], check=True)
            subprocess.run(["cp", "-a", scratch / "kept", minirun.root], check=True)
            dedup = minirun.start("image", "dedup")
            time.sleep(random.uniform(0, took))
            dedup.popen.kill()
            dedup.finish()
            assert minirun("image", "verify").ok().out == "4 images, 4 layers: no difference\n"
        minirun("image", "dedup").ok()
        assert os.listdir(minirun.root / "staging") == []
        assert os.lstat(next(iter(minirun.root.glob("layers/*/tree/d/0/f0")))).st_nlink == 4
        is_well(minirun)

    def test_beside_loads_and_removals(self, minirun, scratch, base):
        archive = docker_archive(scratch / "a.tar", [base, ONE], names=["x"])
        load(minirun, scratch, "y", [base, TWO])
        for _ in range(10):
            running = [minirun.start(*words) for words in (["load", "-q", "--dedup", archive], ["image", "dedup"], ["rmi", "x"], ["image", "dedup"],
                                                           ["image", "verify"])]
            for one in running:
                one.finish()
        minirun("load", "-q", archive).ok()
        assert minirun.run("x", "cat", "/one").ok().out == "1"
        is_well(minirun)


class TestBlocks:
    @pytest.fixture
    def reflinks(self, scratch):
        """Runs shell commands where `store/` is a file system that shares blocks; it is gone with them."""
        made = next((words for words in (["mkfs.xfs", "-q"], ["mkfs.btrfs", "-q"]) if shutil.which(words[0])), None)
        if not made:
            skip("there is neither mkfs.xfs nor mkfs.btrfs: apt-get install xfsprogs")
        with open(scratch / "disk", "wb") as disk:
            disk.truncate(400 << 20)
        subprocess.run([*made, scratch / "disk"], check=True, capture_output=True)
        (scratch / "store").mkdir()
        return ["unshare", "--mount", "sh", "-ec", f'mount -o loop {scratch}/disk {scratch}/store; exec "$@"', "sh"]

    def test_whatever_else_they_are(self, scratch, reflinks):
        """Another path, mode and time; each stays a file of its own."""
        other = layer(entry("elsewhere", DATA), entry("again", DATA, mode=0o600), entry("small", "x"))
        one, two = (docker_archive(scratch / f"{number}.tar", [made], names=[f"x{number}"]) for number, made in enumerate((ONE, other)))
        script = f"""
            $MINIRUN load -q {one}; $MINIRUN load -q --dedup {two}; $MINIRUN image dedup; $MINIRUN image verify
            cd $MINIRUN_ROOT; stat -c %h layers/*/tree/elsewhere; sync -f .
            for file in d/same elsewhere again; do filefrag -v layers/*/tree/$file | awk '$1 == "0:" {{ print $4 }}'; done"""
        env = {**os.environ, "MINIRUN": str(MINIRUN), "MINIRUN_ROOT": str(scratch / "store/root")}
        done = subprocess.run([*reflinks, "sh", "-ec", script], env=env, check=True, capture_output=True, text=True)
        assert done.stdout.splitlines()[:5] == ["Loaded image: x0:latest", "Loaded image: x1:latest", "Shared with other layers: 0 files, 0 B",
                                                "2 images, 2 layers: no difference", "1"]
        blocks = done.stdout.splitlines()[5:]
        assert len(blocks) == 3 and len(set(blocks)) == 1
