"""minirun attach, start -a and -i: a container's streams."""
import contextlib
import os
import signal
import time

import pytest

from harness import DEADLINE, until
from observed import ECHO, logged, phase
from terminal import Terminal


def attached(running):
    """Its connection is one that the supervisor has accepted: what it has after the signals' queue."""
    inode = lambda: [os.readlink(f"/proc/{running.popen.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{running.popen.pid}/fd")]
    until(lambda: any(name == "anon_inode:[signalfd]" for name in inode()), "the connection")
    time.sleep(0.1)  # it is accepted


class TestAttach:
    def test_from_the_beginning(self, box, plain):
        """Nothing that it writes is missed, and both streams are kept apart."""
        box("create", "-i", "--name", "web", plain, *ECHO).ok()
        for _ in range(3):
            result = box("start", "-ai", "web", stdin="typed\n")
            assert (result.code, result.out, result.err) == (6, "ready\ngot typed\nover\n", "err typed\n")
        assert box("logs", "web").out == "ready\ngot typed\nover\n" * 3

    def test_the_end_of_input_is_that_of_one_run(self, box, plain):
        box("create", "-i", "--restart", "on-failure:3", "--name", "web", plain, "sh", "-c", "read x && echo got $x; exit 1").ok()
        assert box("start", "-ai", "web", stdin="").code == 1
        until(lambda: phase(box) == "running", "the next run")
        with box.start("attach", "web", stdin=-1) as running:
            attached(running)
            running.write("two\n")
            running.wait_for("got two\n")

    def test_later(self, box, detached):
        detached(*ECHO, options=["-i"])
        logged(box, "ready\n")
        with box.start("attach", "web", stdin=-1) as first, box.start("attach", "--no-stdin", "web") as second:
            attached(first), attached(second)
            first.write("one\n")
            first.wait_for("got one\n")
            second.wait_for("got one\n")
            first.popen.stdin.close()  # not the end of the container's input
            with box.start("attach", "web", stdin=-1) as third:
                third.write("two\n")
                third.wait_for("got two\n")
            box("stop", "-t", "0", "web").ok()
            assert second.popen.wait(DEADLINE) in (137, 143)

    def test_without_input_of_its_own(self, box, detached):
        detached("sh", "-c", "read x; echo read $?; exec sleep 1000")
        logged(box, "read 1\n")
        with box.start("attach", "web", stdin=-1) as running:
            attached(running)
            running.write("x\n")
            box("kill", "web").ok()
            assert running.popen.wait(DEADLINE) == 137

    def test_signals_are_passed_on(self, box, detached):
        detached("sh", "-c", "trap 'echo caught; exit 5' TERM; echo ready; while true; do sleep 0.05; done")
        logged(box, "ready\n")
        with box.start("attach", "web") as running:
            attached(running)
            running.send(signal.SIGTERM)
            result = running.finish()
            assert (result.code, result.out) == (5, "caught\n")

    def test_without_passing_signals_on(self, box, detached):
        detached("sleep", "1000")
        with box.start("attach", "--sig-proxy=false", "web") as running:
            attached(running)
            running.send(signal.SIGINT)
            assert running.finish().ok() and phase(box) == "running"

    def test_a_terminal(self, box, detached):
        with contextlib.closing(Terminal()) as terminal:
            self.use(box, detached, terminal)

    def use(self, box, detached, terminal):
        detached("sh", options=["-it", "-e", "PS1=shell: "])
        terminal.start(box, "attach", "web")
        terminal.type("\nstty size; tty; echo $((6*7))\n")
        terminal.read_until("42")
        assert terminal.is_raw and b"24 80" in terminal.output and b"/dev/pts/0" in terminal.output
        terminal.resize(30, 99)
        terminal.type("stty size\n")
        terminal.read_until("30 99")
        terminal.type(b"\x10\x11")
        assert terminal.finish().code == 0 and terminal.settings() == terminal.before and phase(box) == "running"
        terminal.start(box, "attach", "--detach-keys", "ctrl-a,d", "web")
        terminal.type(b"echo \x10still\n")
        terminal.type(b"\x01d")
        assert terminal.finish().code == 0 and phase(box) == "running"
        terminal.start(box, "attach", "web")
        terminal.type("exit 7\n")
        assert terminal.finish().code == 7 and phase(box) == "exited"

    def test_who_does_not_read_is_let_go(self, box, detached):
        detached("sh", "-c", "read x; dd if=/dev/zero bs=64k count=200 2>/dev/null; exit 8", options=["-i", "--log-driver", "none"])
        reading, writing = os.pipe()
        with box.start("attach", "web", stdin=-1, stdout=writing) as stuck:
            os.close(writing)
            stuck.write("go\n")
            assert box("wait", "web").ok().out == "8\n"
            os.close(reading)
            stuck.popen.wait(DEADLINE)

    def test_many(self, box, detached):
        detached("sh", "-c", "read x; seq 2000", options=["-i"])
        all_of_them = [box.start("attach", "web", stdin=-1) for _ in range(10)]
        for one in all_of_them:
            attached(one)
        all_of_them[0].write("go\n")
        assert all(one.finish().out.split() == [str(n) for n in range(1, 2001)] for one in all_of_them)

    def test_not_there(self, box, plain, detached):
        detached("true")
        box("wait", "web").ok()
        box("attach", "web").refused(125, "container 'web' is not running: it is exited")
        with box.start("run", "--name", "fg", plain, "payload", "wait") as running:
            running.wait_for("ready")
            box("attach", "fg").refused(125, "container 'fg' runs in the foreground of another command", "minirun logs -f shows what it writes")
        box("start", "-a", "web", "fg").refused(125, "minirun start --attach takes one container")

    @pytest.mark.parametrize("keys", ["ctrl-", "nope", "", "ctrl-p,,x"])
    def test_bad_keys(self, box, detached, keys):
        detached("sleep", "1000")
        box("attach", "--detach-keys", keys, "web").refused_with(125, f"--detach-keys '{keys}'", "is no key")

    def test_it_needs_a_terminal(self, box, detached):
        detached("sh", options=["-it"])
        box("attach", "web").refused(125, "container 'web' has a terminal, and standard input here is none", "leave out its input: attach --no-stdin")
