"""What load says of how far it is: bars on a terminal, lines elsewhere, nothing with -q."""
import fcntl
import os
import re
import struct
import subprocess
import termios
import threading

import pytest

from archives import digest, docker_archive, entry, layer

LAYERS = [layer(entry(f"f{n}", os.urandom(3 << 20))) for n in range(3)]
SHORT = [digest(one)[7:19] for one in LAYERS]


class Screen:
    """As much of a terminal as the bars use."""

    def __init__(self, columns):
        self.lines, self.row, self.columns = [""], 0, columns

    def show(self, text):
        for piece in re.findall(r"\x1b\[\d*[A-Z]|\r|\n|[^\x1b\r\n]+", text):
            if piece == "\n":
                self.row += 1
                self.lines += [""] * (self.row + 1 - len(self.lines))
            elif piece.endswith("A") and piece.startswith("\x1b"):
                self.row -= int(piece[2:-1])
                assert self.row >= 0, "above what was written"
            elif piece == "\x1b[J":
                del self.lines[self.row + 1:]
                self.lines[self.row] = ""
            elif piece not in ("\r", "\x1b[K"):
                assert len(piece) < self.columns, "the terminal would go on in the next line"
                self.lines[self.row] = piece


def load_on_a_terminal(minirun, archive, *words, columns=80, rows=24, env=None):
    """What was written there, piece by piece."""
    ours, its = os.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    said = []

    def read():
        try:
            while block := os.read(ours, 65536):
                said.append(block.decode().replace("\r\n", "\n"))
        except OSError:
            pass
    reader = threading.Thread(target=read)
    reader.start()
    result = minirun.start("load", *words, archive, stderr=its, env={"TERM": "xterm", **(env or {})})
    os.close(its)
    ended = result.finish()
    reader.join()
    os.close(ours)
    assert ended.code == 0 and ended.out == "Loaded image: made:1\n"
    return "".join(said)


@pytest.fixture
def archive(scratch):
    return docker_archive(scratch / "a.tar", LAYERS)


class TestBars:
    @pytest.mark.parametrize("columns, rows", [(80, 24), (200, 3), (45, 24), (20, 24), (12, 2)])
    def test_a_bar_a_layer(self, minirun, archive, columns, rows):
        said = load_on_a_terminal(minirun, archive, columns=columns, rows=rows)
        screen = Screen(columns)
        screen.show(said)
        assert sorted(screen.lines) == ["", *sorted(f"{name}: unpacked 3.15MB"[:columns - 1] for name in SHORT)]
        bars = re.findall(r"([0-9a-f]{12}) \[(=*>? *)\] \S+/3\.15MB", said)
        assert {name for name, _ in bars} == (set(SHORT) if columns >= 45 else set())
        assert len({len(bar) for _, bar in bars}) <= 1

    def test_a_dumb_one_has_lines(self, minirun, archive):
        said = load_on_a_terminal(minirun, archive, env={"TERM": "dumb"})
        assert sorted(said.splitlines()) == sorted(f"minirun: {name}: unpacking" for name in SHORT)

    def test_quiet(self, minirun, archive):
        assert load_on_a_terminal(minirun, archive, "-q") == ""


class TestLines:
    def test_elsewhere(self, minirun, archive):
        result = minirun("load", archive)
        assert (result.code, result.out) == (0, "Loaded image: made:1\n")
        assert sorted(result.err.splitlines()) == sorted(f"minirun: {name}: unpacking" for name in SHORT)
        assert minirun("load", archive).ok().out == "Loaded image: made:1\n"

    def test_nobody_listens(self, minirun, archive):
        """A reader of standard error that went away is no reason to stop."""
        with subprocess.Popen(["true"], stdin=subprocess.PIPE) as gone:
            gone.wait()
            result = minirun.start("load", "-q", archive, stderr=gone.stdin).finish()
        assert (result.code, result.out) == (0, "Loaded image: made:1\n")
