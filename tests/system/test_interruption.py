"""Signals in the midst of work: what is half made is taken away, and the process ends by the signal."""
import os
import random
import shutil
import signal
import subprocess
import time

import pytest

from archives import docker_archive, entry, layer
from harness import skip
from test_load import store_of

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
LARGE = layer(*(entry(f"f{n}", os.urandom(50_000)) for n in range(400)))


@pytest.fixture
def archive(scratch):
    return docker_archive(scratch / "a.tar", [LARGE])


class TestLoad:
    @pytest.mark.parametrize("number", SIGNALS)
    def test_while_it_waits_for_more(self, minirun, archive, number):
        load = minirun.start("load", "-q", stdin=subprocess.PIPE)
        load.popen.stdin.write(archive.read_bytes()[:5 << 20])
        load.popen.stdin.flush()
        time.sleep(0.2)
        load.send(number)
        ended = load.finish()
        assert (ended.code, ended.out, ended.err) == (-number, "", "")
        assert os.listdir(minirun.root / "staging") == [] and minirun("images", "-q").ok().out == ""

    def test_at_any_moment(self, minirun, archive):
        begin = time.monotonic()
        minirun("load", "-q", archive).ok()
        took = time.monotonic() - begin
        seen = set()
        for _ in range(30):
            subprocess.run(["rm", "-rf", minirun.root], check=True)
            load = minirun.start("load", "-q", archive)
            time.sleep(random.uniform(took / 10, took))
            load.send(random.choice(SIGNALS))
            ended = load.finish()
            seen.add(ended.code < 0)
            assert ended.err == ""
            # Before the program is there, the signal finds no store at all.
            staging = minirun.root / "staging"
            assert not staging.exists() or os.listdir(staging) == []
        assert True in seen

    def test_what_is_ignored_stays_so(self, minirun, archive):
        """As under nohup(1)."""
        load = minirun.start("load", "-q", stdin=subprocess.PIPE, before=["env", "--ignore-signal=HUP"])
        time.sleep(0.3)
        load.send(signal.SIGHUP)
        load.popen.stdin.write(archive.read_bytes())
        assert load.finish().ok().out == "Loaded image: made:1\n"

    def test_the_next_load_is_as_any(self, minirun, archive):
        load = minirun.start("load", stdin=subprocess.PIPE)
        time.sleep(0.2)
        load.send(signal.SIGINT)
        load.finish()
        assert minirun("load", "-q", archive).ok().out == "Loaded image: made:1\n"


class TestOthers:
    @pytest.mark.parametrize("words", [["import", "-", "x"], ["image", "verify"], ["image", "unpack", "made:1", "bundle"]], ids=lambda words: words[0] + words[-1])
    def test_nothing_is_left(self, minirun, scratch, archive, words):
        minirun("load", "-q", archive).ok()
        before = store_of(minirun)
        for _ in range(8):
            running = minirun.start(*words, stdin=subprocess.PIPE, cwd=scratch)
            time.sleep(random.uniform(0.02, 0.15))
            running.send(signal.SIGINT)
            ended = running.finish()
            if ended.code == -signal.SIGINT:
                assert store_of(minirun) == before and not (scratch / "bundle").exists()
            subprocess.run(["rm", "-rf", scratch / "bundle"], check=True)

    def test_save_leaves_no_file(self, minirun, scratch, archive):
        """Not even after kill -9: it has no name before it is whole."""
        minirun("load", "-q", archive).ok()
        (scratch / "out").mkdir()
        for number in (signal.SIGINT, signal.SIGKILL) * 8:
            save = minirun.start("save", "-o", scratch / "out/saved.tar", "made:1")
            time.sleep(random.uniform(0.01, 0.1))
            save.send(number)
            save.finish()
            assert os.listdir(scratch / "out") in ([], ["saved.tar"])
        minirun("save", "-o", scratch / "out/saved.tar", "made:1").ok()
        minirun("save", "-o", scratch / "out/saved.tar", "made:1").ok()
        assert os.listdir(scratch / "out") == ["saved.tar"]


class TestOnTheDisk:
    """What a power loss would leave is not to be tried here; the order of the calls is."""

    def calls(self, minirun, *words):
        traced = minirun(*words, before=["strace", "-f", "-qq", "-e", "trace=syncfs,/rename", "-o", "/dev/stderr"])
        assert traced.code == 0
        return traced.err.splitlines()

    def places(self, calls, *words):
        return [number for number, call in enumerate(calls) if all(word in call for word in words)]

    @pytest.mark.parametrize("words", [["load", "-q"], ["import"]])
    def test_layers_are_written_before_they_appear(self, minirun, scratch, archive, strace, words):
        if words == ["import"]:
            (scratch / "a.tar").write_bytes(LARGE)
        calls = self.calls(minirun, *words, archive)
        (synced,) = self.places(calls, "syncfs(")
        (layer_place,), (image,) = self.places(calls, "/layers/sha256-", "rename"), self.places(calls, "/images/", "rename")
        assert synced < layer_place < image
        assert self.places(self.calls(minirun, *words, archive), "syncfs(") == []

    @pytest.fixture
    def strace(self):
        if not shutil.which("strace"):
            skip("there is no strace: apt-get install strace")


class TestRepair:
    @pytest.mark.parametrize("damage", [lambda file: file.write_text("{"), lambda file: file.unlink(), lambda file: file.write_bytes(file.read_bytes() + b" ")])
    def test_load_over_a_damaged_config(self, minirun, archive, damage):
        minirun("load", "-q", archive).ok()
        (image,) = (minirun.root / "images").iterdir()
        whole = (image / "config.json").read_bytes()
        damage(image / "config.json")
        minirun("load", "-q", archive).ok()
        assert (image / "config.json").read_bytes() == whole
        assert minirun("image", "verify").ok().out == "1 image, 1 layer: no difference\n"

    def test_a_whole_one_is_left_alone(self, minirun, archive):
        minirun("load", "-q", archive).ok()
        (image,) = (minirun.root / "images").iterdir()
        before = (image / "config.json").stat().st_ino
        minirun("load", "-q", archive).ok()
        assert (image / "config.json").stat().st_ino == before


class TestHeld:
    def test_verify_keeps_what_it_looks_at(self, minirun, archive):
        minirun("load", "-q", archive).ok()
        with minirun.start("image", "verify") as verify:
            end = time.monotonic() + 30
            while not list(minirun.root.glob("staging/*/0/tree/f1")) and time.monotonic() < end:
                time.sleep(0.001)
            verify.send(signal.SIGSTOP)
            minirun("rmi", "made:1").refused_with(125, "the image 'made:1' is in use: another command reads it just now")
            verify.send(signal.SIGCONT)
            assert verify.finish().ok().out == "1 image, 1 layer: no difference\n"
        minirun("rmi", "made:1").ok()
