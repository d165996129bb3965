"""minirun load from a pipe: layers are unpacked while the archive comes, and nothing is written twice."""
import contextlib
import gzip
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import tarfile
import threading
import time

import pytest

from archives import config_of, digest, docker_archive, entry, layer, oci_layout
from harness import DEADLINE
from test_load import store_of, tree_of, what_was_loaded_can_be_saved  # noqa: F401

LARGE = layer(*(entry(f"f{n}", os.urandom(50_000)) for n in range(60)))
OTHER = layer(*(entry(f"g{n}", os.urandom(50_000)) for n in range(60)))
MISSING_PARENT = layer(entry("var/new", os.urandom(100_000)))


def oci_archive(path, layers, **more):
    """As skopeo writes it: the blobs in the order of their digests, index.json behind them."""
    made = oci_layout(path.with_suffix(".layout"), layers, **more)
    with tarfile.open(path, "w") as tar:
        for file in sorted(made.rglob("*")):
            tar.add(file, file.relative_to(made))
    return path


def load(minirun, archive, *words):
    """What `cat ARCHIVE | minirun load` came to."""
    with subprocess.Popen(["cat", archive], stdout=subprocess.PIPE) as pipe:
        started = minirun.start("load", *words, stdin=pipe.stdout)
        pipe.stdout.close()
        return started.finish()


def appears(minirun, pattern):
    end = time.monotonic() + DEADLINE
    while not list(minirun.root.glob(pattern)):
        assert time.monotonic() < end, f"there is no {pattern}"
        time.sleep(0.005)


def largest_unnamed_file(pid):
    """In bytes. The threads that unpack open and close files all the while: one that is gone meanwhile is none."""
    sizes = [0]
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            path = f"/proc/{pid}/fd/{fd}"
            sizes.append(os.stat(path).st_size if "(deleted)" in os.readlink(path) else 0)
    return max(sizes)


class TestWhileItComes:
    @pytest.mark.parametrize("make, compress", [(docker_archive, bytes), (oci_archive, bytes), (oci_archive, gzip.compress)],
                             ids=["docker", "oci", "oci gzip"])
    def test_it_is_what_comes_from_a_file(self, minirun, other, scratch, base, make, compress):
        archive = make(scratch / "a.tar", [base, LARGE, layer(entry("small", "s")), OTHER],
                       **({} if make is docker_archive else {"compress": compress}))
        assert load(minirun, archive, "-q").ok().out == other("load", "-q", archive).ok().out == "Loaded image: made:1\n"
        assert store_of(minirun) == store_of(other)
        assert minirun("image", "verify").ok().out == "1 image, 4 layers: no difference\n"

    def test_layers_are_there_before_the_archive_ends(self, minirun, scratch):
        """And nothing of them is in a file that is kept meanwhile."""
        data = docker_archive(scratch / "a.tar", [LARGE, OTHER]).read_bytes()
        end = data.index(OTHER) + len(OTHER)
        started = minirun.start("load", "-q", stdin=subprocess.PIPE)
        started.popen.stdin.write(data[:end])
        started.popen.stdin.flush()
        appears(minirun, "staging/*/1/tree/g50")
        assert largest_unnamed_file(started.popen.pid) == 0
        started.popen.stdin.write(data[end:])
        assert started.finish().ok().out == "Loaded image: made:1\n"

    def test_two_at_once(self, minirun, scratch):
        archives = [docker_archive(scratch / f"{n}.tar", [LARGE, OTHER], names=[f"made:{n}"]) for n in range(2)]
        results = []
        threads = [threading.Thread(target=lambda archive=archive: results.append(load(minirun, archive, "-q"))) for archive in archives]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert sorted(result.ok().out for result in results) == ["Loaded image: made:0\n", "Loaded image: made:1\n"]
        assert len(os.listdir(minirun.root / "layers")) == 2 and os.listdir(minirun.root / "staging") == []

    def test_one_image_of_several_layers_that_need_others(self, minirun, scratch, base):
        """Unpacked once, and settled for two images."""
        one, two = layer(entry("var", mode=0o711)), layer(entry("var", mode=0o750))

        def both(files):
            files |= {"2.json": json.dumps(config_of([base, two, MISSING_PARENT])).encode(), "two/layer.tar": two}
            manifest = json.loads(files["manifest.json"])
            manifest.append({"Config": "2.json", "RepoTags": ["two"], "Layers": ["0/layer.tar", "two/layer.tar", "2/layer.tar"]})
            return files | {"manifest.json": json.dumps(manifest).encode()}
        load(minirun, docker_archive(scratch / "1.tar", [base, one, MISSING_PARENT], names=["one"], change=both), "-q").ok()
        assert [minirun.run(image, "stat", "-c", "%a", "/var").ok().out for image in ("one", "two")] == ["711\n", "750\n"]


class TestAgain:
    def said(self, minirun, archive):
        result = load(minirun, archive)
        assert (result.code, result.out) == (0, "Loaded image: made:1\n")
        return result.err

    @pytest.mark.parametrize("first", [load, lambda minirun, archive, quiet: minirun("load", quiet, archive)], ids=["pipe", "file"])
    @pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
    def test_what_is_there_is_not_unpacked(self, minirun, scratch, first, compress):
        archive = oci_archive(scratch / "a.tar", [LARGE, OTHER], compress=compress)
        first(minirun, archive, "-q").ok()
        assert self.said(minirun, archive) == ""

    def test_by_another_compression(self, minirun, scratch):
        """It is learned what the layer comes as, too."""
        minirun("load", "-q", docker_archive(scratch / "a.tar", [LARGE])).ok()
        before = store_of(minirun)
        archive = oci_archive(scratch / "b.tar", [LARGE], compress=gzip.compress)
        assert self.said(minirun, archive) != "" and self.said(minirun, archive) == ""
        assert len(os.listdir(minirun.root / "layers")) == 1
        assert [name for name in store_of(minirun) if not name.startswith("tags/")] == [name for name in before if not name.startswith("tags/")]

    def test_a_layer_that_needs_others_on_top_of_others(self, minirun, scratch, base):
        """It comes out of the store: the archive is not unpacked again."""
        lower = layer(entry("var", mode=0o711))
        load(minirun, oci_archive(scratch / "a.tar", [base, MISSING_PARENT], compress=gzip.compress, name="one:1"), "-q").ok()
        load(minirun, oci_archive(scratch / "b.tar", [base, lower, MISSING_PARENT], compress=gzip.compress, name="two:1"), "-q").ok()
        assert [minirun.run(image, "stat", "-c", "%a", "/var").ok().out for image in ("one:1", "two:1")] == ["755\n", "711\n"]
        assert minirun.run("two:1", "stat", "-c", "%s", "/var/new").ok().out == "100000\n"

    def test_a_name_that_lies(self, minirun, scratch):
        """It says that it is a layer which the store has, and is another one."""
        minirun("load", "-q", docker_archive(scratch / "a.tar", [LARGE])).ok()
        liar = f"{digest(LARGE)[7:]}.tar"

        def rename(files):
            return {liar: files.pop("0/layer.tar")} | files | {"manifest.json": files["manifest.json"].replace(b"0/layer.tar", liar.encode())}
        archive = docker_archive(scratch / "b.tar", [OTHER], names=["lie"], change=rename)
        load(minirun, archive, "-q").refused_with(125, f"its DiffID is {digest(LARGE)}, not {digest(OTHER)}")


class TestNobodyWantsIt:
    def test_what_is_no_layer(self, minirun, scratch):
        junk = {"a.gz": gzip.compress(os.urandom(200_000)), "b.gz": b"\x1f\x8b" + os.urandom(200_000), "c.tar": OTHER[:-70_000],
                "d.tar": layer(entry("../out", os.urandom(100_000))), "e.json": b"{" + os.urandom(200_000), "f.tar": OTHER}
        archive = docker_archive(scratch / "a.tar", [LARGE], change=lambda files: junk | files)
        assert load(minirun, archive, "-q").ok().out == "Loaded image: made:1\n"
        assert len(os.listdir(minirun.root / "layers")) == 1 and os.listdir(minirun.root / "staging") == []

    def test_it_is_told_of(self, minirun, scratch):
        archive = docker_archive(scratch / "a.tar", [LARGE], change=lambda files: {"b.gz": b"\x1f\x8b" + os.urandom(200_000)} | files)
        said = load(minirun, archive).err.splitlines()
        assert sorted(said) == ["minirun: 0/layer.tar: unpacking", "minirun: b.gz: cannot be unpacked", "minirun: b.gz: unpacking"]

    def test_other_platforms(self, minirun, scratch, base):
        others = oci_layout(scratch / "two", [OTHER], platforms=[{"os": "windows", "architecture": "amd64"}], compress=gzip.compress)
        archive = oci_archive(scratch / "a.tar", [base, LARGE], compress=gzip.compress)
        with tarfile.open(archive, "a") as tar:
            tar.add(others / "blobs", "blobs")
        load(minirun, archive, "-q").ok()
        assert len(os.listdir(minirun.root / "layers")) == 2 and os.listdir(minirun.root / "staging") == []


class TestRefused:
    def refused(self, minirun, archive, *parts, hint=None, words=()):
        load(minirun, archive, "-q", *words).refused_with(125, *parts, hint=hint)
        assert store_of(minirun) == []

    @pytest.mark.parametrize("part", [0.1, 0.6, 0.9])
    def test_cut_off(self, minirun, scratch, part):
        archive = docker_archive(scratch / "a.tar", [LARGE, OTHER])
        cut = int(len(LARGE + OTHER) * part)
        archive.write_bytes(archive.read_bytes()[:cut])
        self.refused(minirun, archive, "the archive on standard input is corrupt at byte ",
                     f"the last entry before that is '{int(part * 2)}/layer.tar'")

    def test_a_layer_that_is_cut_off(self, minirun, scratch):
        archive = docker_archive(scratch / "a.tar", [LARGE], change=lambda files: files | {"0/layer.tar": gzip.compress(LARGE)[:-5000]})
        self.refused(minirun, archive, "layer '0/layer.tar' in the archive on standard input is cut off: its gzip data ends at byte ")

    def test_a_layer_that_was_changed(self, minirun, scratch):
        archive = docker_archive(scratch / "a.tar", [LARGE], change=lambda files: files | {"0/layer.tar": OTHER})
        self.refused(minirun, archive, f"its DiffID is {digest(OTHER)}, not {digest(LARGE)}")

    def test_a_blob_that_was_changed(self, minirun, scratch):
        archive = oci_archive(scratch / "a.tar", [LARGE], compress=lambda data: gzip.compress(data, mtime=1))
        archive.write_bytes(archive.read_bytes().replace(gzip.compress(LARGE, mtime=1), gzip.compress(LARGE, mtime=2)))
        self.refused(minirun, archive, "its digest is sha256:", hint="damaged or was changed")

    def test_a_hostile_entry(self, minirun, scratch):
        archive = docker_archive(scratch / "a.tar", [layer(entry("../out", os.urandom(100_000)))])
        self.refused(minirun, archive, "the entry '../out' leaves the layer")

    def test_without_an_end(self, minirun):
        info = tarfile.TarInfo("0/layer.tar")
        info.size = 1 << 60
        endless = minirun.start("load", "-q", stdin=subprocess.PIPE)
        endless.popen.stdin.write(info.tobuf(tarfile.GNU_FORMAT) + bytes(10_000))
        endless.popen.stdin.flush()
        endless.finish().refused_with(125, "'0/layer.tar' in the archive on standard input has more than 64 GiB", hint="--max-size")

    def test_a_layer_in_place_of_a_document(self, minirun, scratch):
        archive = docker_archive(scratch / "a.tar", [LARGE], change=lambda files: files | {"config.json": OTHER})
        self.refused(minirun, archive, "'config.json' in the archive on standard input is no JSON")

    def test_no_space(self, minirun, scratch):
        """What was complete before stays, what is half done goes; and the rest of the archive is not waited for."""
        (scratch / "root").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", scratch / "root"], check=True)
        try:
            load(minirun, docker_archive(scratch / "a.tar", [LARGE]), "-q").ok()
            before = store_of(minirun)
            data = docker_archive(scratch / "b.tar", [layer(entry("x", os.urandom(8 << 20)))]).read_bytes()
            started = minirun.start("load", "-q", stdin=subprocess.PIPE)
            with pytest.raises(BrokenPipeError):
                for begin in range(0, len(data), 1 << 16):
                    started.popen.stdin.write(data[begin:begin + (1 << 16)])
                while True:
                    started.popen.stdin.write(bytes(1 << 16))
            started.finish().refused_with(125, "cannot unpack 'x' of layer '0/layer.tar'", "No space left on device", hint="make space")
            assert store_of(minirun) == before
        finally:
            subprocess.run(["umount", scratch / "root"], check=True)


class TestInterrupted:
    def test_at_any_moment(self, minirun, scratch):
        archive = docker_archive(scratch / "a.tar", [LARGE, OTHER])
        begin = time.monotonic()
        load(minirun, archive, "-q").ok()
        took = time.monotonic() - begin
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL) * 8:
            subprocess.run(["rm", "-rf", minirun.root], check=True)
            with subprocess.Popen(["cat", archive], stdout=subprocess.PIPE) as pipe:
                started = minirun.start("load", "-q", stdin=pipe.stdout)
                pipe.stdout.close()
                time.sleep(random.uniform(0, took))
                started.send(number)
                assert started.finish().err == ""
            if number != signal.SIGKILL:
                assert not (minirun.root / "staging").exists() or os.listdir(minirun.root / "staging") == []
        load(minirun, archive, "-q").ok()
        assert os.listdir(minirun.root / "staging") == []
        assert minirun("image", "verify").ok().out == "1 image, 2 layers: no difference\n"


def test_memory_stays_small(minirun, scratch):
    """However large the archive is."""
    large = layer(*(entry(f"f{number}", random.randbytes(1 << 20)) for number in range(150)))
    data = docker_archive(scratch / "a.tar", [large]).read_bytes()
    started = minirun.start("load", "-q", stdin=subprocess.PIPE)
    started.popen.stdin.write(data[:-1])
    started.popen.stdin.flush()
    appears(minirun, "staging/*/0/tree/f149")
    status = pathlib.Path(f"/proc/{started.popen.pid}/status").read_text()
    assert int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) < 64 << 10
    started.popen.stdin.write(data[-1:])
    assert started.finish().ok().out == "Loaded image: made:1\n"
