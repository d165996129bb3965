"""-t and -i: a terminal of the container's own, and what happens meanwhile to the one minirun was started on."""
import hashlib
import json
import os
import signal
import subprocess

import pytest

from bundles import Link
from terminal import Terminal

ENDING = {"it ends by itself": ["payload", "exit", "3"], "it crashes": ["payload", "crash"],
          "it cannot be started": ["not-there"]}


@pytest.fixture
def screen():
    terminal = Terminal()
    yield terminal
    terminal.close()


def lines_of(text):
    """Without -i the terminal outside is not raw and adds a second carriage return."""
    return text.replace("\r\r\n", "\r\n").replace("\r\n", "\n").splitlines()


class TestItsOwn:
    @pytest.mark.parametrize("options", [["-it"], ["-t"], ["-it", "--init"], ["-it", "-u", "1000"], ["-it", "--userns", "private"],
                                         ["-it", "--read-only"], ["-it", "--pid", "host"], ["-it", "--privileged", "-q"]], ids=" ".join)
    def test_a_pty_in_its_own_devpts(self, minirun, plain, screen, options):
        screen.start(minirun, "run", *options, plain, "payload", "facts", "tty", "fds")
        facts = json.loads(screen.finish().ok().out)
        assert facts["tty"] == {"names": ["/dev/pts/0"] * 3, "size": [24, 80], "controlling": True, "foreground": True,
                                "session_leader": True}
        assert facts["fds"] == {"0": "/dev/pts/0", "1": "/dev/pts/0", "2": "/dev/pts/0"}

    def test_it_is_the_console(self, minirun, plain, screen):
        screen.start(minirun, "run", "-it", plain, "sh", "-c", "stat -c %t:%T /dev/pts/0 /dev/console; echo hello > /dev/console")
        assert lines_of(screen.finish().ok().out) == ["88:0", "88:0", "hello"]

    @pytest.mark.parametrize("user", ["0", "1000"])
    def test_it_belongs_to_the_user(self, minirun, plain, screen, user):
        screen.start(minirun, "run", "-t", "-u", user, plain, "sh", "-c", "stat -c '%u:%g %a' /dev/pts/0; : > /dev/pts/0; : > /dev/tty")
        assert lines_of(screen.finish().ok().out) == [f"{user}:5 620"]

    def test_an_image_cannot_put_something_in_its_place(self, minirun, bundle, screen, scratch):
        """CVE-2025-52565: /dev/console and /dev/pts as links of the image's."""
        (scratch / "target").write_text("untouched")
        image = bundle(files={"dev/console": Link(f"../../../../..{scratch}/target"), "dev/pts": Link("/etc"), "dev/ptmx": Link("/etc/passwd")})
        screen.start(minirun, "run", "-t", image, "sh", "-c", "tty; stat -c %F /dev/console; cat /etc/passwd | head -n 1")
        assert lines_of(screen.finish().ok().out) == ["/dev/pts/0", "character special file", "root:x:0:0:root:/root:/bin/sh"]
        assert (scratch / "target").read_text() == "untouched"

    def test_without_it_there_is_none(self, minirun, plain, screen):
        """Not even the host's: the streams are pipes, and there is no controlling terminal (CVE-2017-5226, CVE-2016-8659)."""
        screen.start(minirun, "run", "-i", plain, "payload", "facts", "tty", "fds")
        facts = json.loads(screen.finish().ok().out)
        assert facts["tty"] == {"names": ["", "", ""], "size": [0, 0], "controlling": False, "foreground": False, "session_leader": True}
        assert [link.split(":")[0] for link in facts["fds"].values()] == ["pipe"] * 3

    def test_nothing_can_be_typed_into_it_from_inside(self, minirun, plain, screen):
        attempts = ["tiocsti:0:0", "tiocsti:1:0", "tiocsti:0xffffffff:0"]
        screen.start(minirun, "run", "-it", plain, "payload", "try", *attempts)
        assert json.loads(screen.finish().ok().out) == dict.fromkeys(attempts, "EPERM")

    @pytest.mark.parametrize("options, expected", [([], "xterm"), (["-e", "TERM=dumb"], "dumb")])
    def test_its_kind(self, minirun, plain, screen, options, expected):
        screen.start(minirun, "run", "-t", *options, plain, "sh", "-c", "echo $TERM", env={"TERM": "of-the-host"})
        assert lines_of(screen.finish().ok().out) == [expected]

    def test_without_a_terminal_outside(self, minirun, plain):
        """-t alone needs none: what the container writes goes to standard output."""
        assert minirun.run("-t", plain, "sh", "-c", "tty; payload winsize 0").ok().out == "/dev/pts/0\r\nsize 0x0\r\n"
        minirun.run("-it", plain, "true").refused(
            125, "-t with -i needs a terminal on standard input, and it is not one", hint="leave out -t to pass on a file or a pipe")


class TestTheOneOutside:
    def test_raw_meanwhile_and_then_as_before(self, minirun, plain, screen):
        with screen.start(minirun, "run", "-it", plain, "payload", "catch", "1") as running:
            screen.read_until("ready")
            screen.read_while(lambda: not screen.is_raw)
            running.send(signal.SIGUSR1)
            screen.finish().ok()
        assert screen.settings() == screen.before

    @pytest.mark.parametrize("options", [["-t"], ["-i"], []], ids=str)
    def test_untouched_without_both(self, minirun, plain, screen, options):
        with screen.start(minirun, "run", *options, plain, "payload", "catch", "1") as running:
            screen.read_until("ready")
            assert screen.settings() == screen.before
            running.send(signal.SIGUSR1)
            screen.finish().ok()
        assert screen.settings() == screen.before

    @pytest.mark.parametrize("command", ENDING.values(), ids=ENDING)
    def test_restored_however_it_ends(self, minirun, plain, screen, command):
        screen.start(minirun, "run", "-it", plain, *command)
        assert screen.finish().code != 0
        assert screen.settings() == screen.before

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT], ids=lambda number: number.name)
    @pytest.mark.parametrize("options", [[], ["--init"]], ids=str)
    def test_restored_after_a_signal_to_minirun(self, minirun, plain, screen, options, number):
        with screen.start(minirun, "run", "-it", *options, plain, "payload", "wait") as running:
            screen.read_until("ready")
            screen.read_while(lambda: not screen.is_raw)
            running.send(number)
            assert screen.finish().code == 128 + number
        assert screen.settings() == screen.before

    def test_restored_after_the_time_limit_and_after_a_kill_from_outside(self, minirun, plain, screen):
        screen.start(minirun, "run", "-it", "--timeout", "0.3", plain, "payload", "wait")
        assert screen.finish().code == 124
        assert screen.settings() == screen.before
        with screen.start(minirun, "run", "-it", plain, "payload", "catch", "1") as running:
            screen.output = b""
            screen.read_until("ready")
            screen.read_while(lambda: not screen.is_raw)
            os.kill(running.pid, signal.SIGKILL)
            assert screen.finish().code == 137
        assert screen.settings() == screen.before


class TestKeys:
    @pytest.mark.parametrize("key, name", [("\x03", "INT"), ("\x1c", "QUIT"), ("\x1a", "TSTP")])
    def test_the_containers_terminal_makes_signals_of_them(self, minirun, plain, screen, key, name):
        with screen.start(minirun, "run", "-it", plain, "payload", "catch", "1"):
            screen.read_until("ready")
            screen.type(key)
            screen.read_until(f"got {name}")
            screen.finish().ok()

    def test_a_shell_has_job_control(self, minirun, plain, screen):
        """Ctrl-C ends what it runs in the foreground and not the shell, which is pid 1 here."""
        with screen.start(minirun, "run", "-it", "-e", "PS1=>", plain, "sh"):
            screen.type("payload wait\n")
            screen.read_until("ready")
            screen.type("\x03")
            screen.type("echo $?; exit 7\n")
            assert screen.finish().code == 7
        assert "130" in lines_of(screen.output.decode())
        assert b"job control turned off" not in screen.output

    def test_they_are_echoed_once(self, minirun, plain, screen):
        with screen.start(minirun, "run", "-it", plain, "sh", "-c", "echo ready; cat; echo end"):
            screen.read_until("ready\r\n")
            screen.type("hello\n")
            screen.read_until("hello\r\nhello\r\n")
            screen.type("\x04")  # end of file
            assert screen.finish().ok().out == "ready\r\nhello\r\nhello\r\nend\r\n"

    def test_all_bytes_arrive_as_they_are(self, minirun, plain, screen):
        every = bytes(range(256))
        with screen.start(minirun, "run", "-it", plain, "sh", "-c", "stty raw -echo; echo ready; head -c 256 | od -An -v -tx1"):
            screen.read_until("ready\n")
            screen.read_while(lambda: not screen.is_raw)
            screen.type(every)
            shown = screen.finish().ok().out.split("ready\n")[1]
        assert bytes.fromhex(shown) == every

    def test_more_than_the_buffers_hold(self, minirun, plain, screen):
        with screen.start(minirun, "run", "-it", plain, "sh", "-c", "stty raw -echo; echo ready; head -c 300000 | busybox md5sum"):
            screen.read_until("ready\n")
            screen.read_while(lambda: not screen.is_raw)
            data = os.urandom(150000).hex().encode()
            screen.type(data)
            shown = screen.finish().ok().out.split("ready\n")[1]
        assert shown.split()[0] == hashlib.md5(data).hexdigest()

    def test_what_nobody_reads_does_not_keep_it_from_ending(self, minirun, plain, screen):
        with screen.start(minirun, "run", "-it", plain, "sh", "-c", "stty raw -echo; exec payload wait") as running:
            screen.read_until("ready")
            assert screen.type_until_full() > 4096
            running.send(signal.SIGTERM)
            assert screen.finish().code == 143


class TestWithoutATerminalInside:
    """-i alone, at a terminal: lines go through a pipe."""

    def test_lines_and_the_end_of_file(self, minirun, plain, screen):
        with screen.start(minirun, "run", "-i", plain, "sh", "-c", "echo ready; cat; echo end"):
            screen.read_until("ready")
            screen.type("one\n")
            screen.read_until("one\r\none\r\n")
            screen.type("\x04")
            assert lines_of(screen.finish().ok().out) == ["ready", "one", "one", "end"]

    @pytest.mark.parametrize("options", [["-i"], [], ["-t"]], ids=str)
    def test_ctrl_c(self, minirun, plain, screen, options):
        """It is a signal to minirun, and minirun passes it on."""
        with screen.start(minirun, "run", *options, plain, "payload", "wait"):
            screen.read_until("ready")
            screen.type("\x03")
            assert screen.finish().code == 130


class TestOutput:
    @pytest.mark.parametrize("options", [["-it"], ["-t"], []], ids=str)
    def test_all_of_it_comes(self, minirun, plain, screen, options):
        """Also what is written just before the end."""
        screen.start(minirun, "run", *options, plain, "sh", "-c", "head -c 400000 /dev/zero; printf last")
        out = screen.finish().ok().out
        assert out.count("\0") == 400000 and out.endswith("last")

    def test_to_a_pipe(self, minirun, plain):
        out = minirun.run("-t", plain, "sh", "-c", "head -c 400000 /dev/zero; printf last").ok().out
        assert out.count("\0") == 400000 and out.endswith("last")

    def test_standard_error_is_apart_without_t(self, minirun, plain, screen):
        result = screen.start(minirun, "run", plain, "sh", "-c", "echo out; echo err >&2", stderr=subprocess.PIPE).finish()
        assert result.err == "err\n"
        assert screen.read_until("out\r\n") == "out\r\n"


class TestSize:
    @pytest.mark.parametrize("options", [["-it"], ["-t"], ["-it", "--init"]], ids=str)
    def test_the_same_from_the_start_and_when_it_changes(self, minirun, plain, options):
        screen = Terminal(33, 77)
        try:
            with screen.start(minirun, "run", *options, plain, "payload", "winsize", "2"):
                screen.read_until("size 33x77")
                screen.resize(50, 132)
                screen.read_until("size 50x132")
                screen.resize(10, 20)
                assert lines_of(screen.finish().ok().out) == ["size 33x77", "size 50x132", "size 10x20"]
        finally:
            screen.close()
