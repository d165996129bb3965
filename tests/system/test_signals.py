"""Signals on their way to the container, its time limit, and how its end is told."""
import contextlib
import os
import pathlib
import platform
import re
import select
import signal
import time

import pytest

from harness import DEADLINE, PAYLOAD, children, reap_orphans
from terminal import Terminal

# Of all kinds: those that end a process by default, those that stop it, those that do nothing, one in real time.
FORWARDED = ["HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "TERM", "TSTP", "URG", "WINCH", "POLL", "RTMIN+3"]
ENDING = ["HUP", "INT", "QUIT", "ABRT", "USR1", "TERM", "RTMIN+1"]
INITS = pytest.mark.parametrize("options", [[], ["--init"], ["--pid", "host"]], ids=lambda options: " ".join(options) or "pid 1")


def number_of(name):
    base, _, offset = name.partition("+")
    return signal.Signals["SIG" + base] + int(offset or 0)


def send_and_wait(running, name):
    """Sends a signal to minirun and waits until minirun has taken it out of its queue."""
    running.send(number_of(name))
    end = time.monotonic() + DEADLINE
    while int(re.search(r"^ShdPnd:\s*(\w+)", pathlib.Path(f"/proc/{running.popen.pid}/status").read_text(), re.M)[1], 16):
        assert time.monotonic() < end, f"minirun does not look at {name}"


class TestForwarding:
    @INITS
    @pytest.mark.parametrize("how", ["catch", "sigwait"])
    def test_who_wants_a_signal_gets_it(self, minirun, plain, options, how):
        """With a handler, or blocked and waited for: as tini and other inits do, which have no handlers."""
        with minirun.start("run", *options, plain, "payload", how, len(FORWARDED)) as running:
            running.wait_for("ready")
            for name in FORWARDED:
                running.send(number_of(name))
                running.wait_for(f"got {name}\n")
            assert running.finish().ok().out.splitlines() == ["ready", *(f"got {name}" for name in FORWARDED)]

    @INITS
    @pytest.mark.parametrize("name", ENDING)
    def test_who_does_not_is_ended(self, minirun, plain, options, name):
        """Though the kernel gives pid 1 no signal that it has no handler for."""
        with minirun.start("run", *options, plain, "payload", "wait") as running:
            running.wait_for("ready")
            running.send(number_of(name))
            running.finish().ended(128 + number_of(name))

    @INITS
    def test_who_ignores_it_stays(self, minirun, plain, options):
        with minirun.start("run", *options, plain, "payload", "ignore", "TERM", "INT") as running:
            running.wait_for("ready")
            for name in ("TERM", "INT"):
                send_and_wait(running, name)
            running.send(signal.SIGQUIT)
            running.finish().ended(128 + signal.SIGQUIT)

    @INITS
    @pytest.mark.parametrize("name", ["WINCH", "URG", "CONT", "CHLD"])
    def test_what_does_not_end_a_process_does_not_end_this_one(self, minirun, plain, options, name):
        with minirun.start("run", *options, plain, "payload", "wait") as running:
            running.wait_for("ready")
            send_and_wait(running, name)
            running.send(signal.SIGUSR2)
            running.finish().ended(128 + signal.SIGUSR2)

    def test_a_shell_as_pid_1_with_a_trap(self, minirun, plain):
        with minirun.start("run", plain, "sh", "-c", "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.01; done") as running:
            running.wait_for("ready")
            running.send(signal.SIGTERM)
            assert running.finish().ended(5).out == "ready\nbye\n"

    def test_to_another_user(self, minirun, plain):
        """The init has given up all capabilities but the one for this."""
        with minirun.start("run", "--init", "-u", "1000", plain, "payload", "catch", "1") as running:
            running.wait_for("ready")
            running.send(signal.SIGTERM)
            assert running.finish().ok().out == "ready\ngot TERM\n"

    def test_a_killed_container(self, minirun, plain):
        with minirun.start("run", plain, "payload", "wait") as running:
            running.wait_for("ready")
            os.kill(running.pid, signal.SIGKILL)
            running.finish().ended(137)

    @pytest.mark.parametrize("options", [[], ["--init"]], ids=str)
    def test_the_callers_dispositions_stay_outside(self, minirun, plain, options):
        """nohup ignores SIGHUP, Python SIGPIPE, a background job of a shell SIGINT, a careless daemon SIGCHLD."""
        def ignore():
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGTERM, signal.SIGCHLD):
                signal.signal(number, signal.SIG_IGN)
        process = minirun.start("run", *options, plain, "payload", "facts", "signals", preexec_fn=ignore, restore_signals=False)
        result = process.finish().ok()
        assert result.facts["signals"] == {"blocked": [], "ignored": []}

    def test_minirun_needs_no_reader(self, minirun, plain):
        """The end of a pipe that nobody reads any more is the container's affair, and not the end of minirun."""
        reader, writer = os.pipe()
        running = minirun.start("run", plain, "sh", "-c", "payload winsize 0; echo $? >&2", stdout=writer)
        os.close(writer)
        os.close(reader)
        result = running.finish()
        assert (result.code, result.err.strip()) in ((0, "141"), (0, "74"))  # SIGPIPE, or its failed write(2)


# A program of its own, and where no file in memory can be made for it (memfd_create), a copy of minirun.
MEMFD_CREATE, EXECVEAT = ("319", "322") if platform.machine() == "x86_64" else ("279", "281")
KINDS_OF_INIT = pytest.mark.parametrize("before", [[], [PAYLOAD, "without", MEMFD_CREATE]], ids=["program", "copy"])


class TestInit:
    @KINDS_OF_INIT
    def test_what_it_is(self, minirun, plain, before):
        facts = minirun.run("--init", plain, "payload", "facts", "pid", "init", "tty", "signals", before=before).facts
        assert (facts["pid"], facts["init"]) == (2, "minirun-init")
        assert facts["tty"]["session_leader"]
        assert facts["signals"] == {"blocked": [], "ignored": []}

    @KINDS_OF_INIT
    @pytest.mark.parametrize("options", [["--privileged", "-q"], ["--userns", "private"]], ids=str)
    def test_what_it_can_do_itself(self, minirun, plain, before, options):
        """Signal a child of another user, and nothing more."""
        status = minirun.run("--init", *options, plain, "cat", "/proc/1/status", before=before).ok().lines
        facts = dict(line.split(":\t", 1) for line in status if ":\t" in line)
        assert {facts[key] for key in ("CapPrm", "CapEff")} == {"0000000000000020"} and int(facts["CapBnd"], 16) == 0
        assert (facts["Seccomp"], facts["NoNewPrivs"]) == ("2", "1")

    def test_the_programs_memory(self, minirun, plain):
        """Of minirun's nothing is there any more."""
        with minirun.start("run", "--init", plain, "payload", "wait") as running:
            running.wait_for("ready")
            proc = pathlib.Path(f"/proc/{running.pid}")
            files = {line.split(maxsplit=5)[5].strip() for line in (proc / "maps").read_text().splitlines() if line.split()[4] != "0"}
            assert files == {"/memfd:minirun-init (deleted)"}
            assert os.readlink(proc / "exe") in files and (proc / "environ").read_bytes() == b""
            assert list((proc / "fd").iterdir()) == []
            running.send(signal.SIGTERM)
            running.finish()

    def test_it_cannot_be_started(self, minirun, plain):
        minirun.run("--init", plain, "echo", "runs", before=[PAYLOAD, "without", EXECVEAT]).refused_with(125, "minirun-init")

    def test_without_it_the_command_is_pid_1(self, minirun, plain):
        assert minirun.run(plain, "payload", "facts", "pid", "init").facts == {"args": ["pid", "init"], "pid": 1, "init": "payload"}

    @pytest.mark.parametrize("options, zombies", [(["--init"], 0), ([], 20)], ids=str)
    def test_it_reaps_orphans(self, minirun, plain, options, zombies):
        assert minirun.run(*options, plain, "payload", "orphans", "20").lines == [f"{zombies} of 20 orphans are zombies"]

    def test_orphans_are_its_own_without_a_pid_namespace_too(self, minirun, plain):
        """And not the host's: whoever started minirun does not find itself with children it never had."""
        with minirun.start("run", "--init", "--pid", "host", plain, "sh", "-c", "(payload wait &); payload wait") as running:
            running.wait_for("ready\nready")
            init = running.pid
            assert pathlib.Path(f"/proc/{init}/comm").read_text() == "minirun-init\n"
            assert len(children(init)) == 2
            assert len(children(os.getpid())) == 1
            running.send(signal.SIGTERM)
            running.finish().ended(143)

    @pytest.mark.parametrize("code", [0, 1, 42, 124, 255])
    def test_it_ends_as_the_command_does(self, minirun, plain, code):
        minirun.run("--init", plain, "payload", "exit", code).ended(code)

    def test_it_ends_although_others_run_on(self, minirun, plain):
        for options in ([], ["--init"], ["--pid", "host"], ["--init", "--pid", "host"]):
            assert minirun.run(*options, plain, "payload", "leave-behind").ok().out == "left one behind\n"
            assert reap_orphans() == {}

    def test_ctrl_c_comes_once(self, minirun, plain):
        """Though the init was made by a process of the terminal's foreground group."""
        screen = Terminal()
        try:
            with screen.start(minirun, "run", "--init", plain, "payload", "catch", "2") as running:
                screen.read_until("ready")
                screen.type("\x03")
                screen.read_until("got INT")
                send_and_wait(running, "USR1")
                assert screen.finish().ok().out.split() == ["ready", "^Cgot", "INT", "got", "USR1"]
        finally:
            screen.close()


class TestTimeLimit:
    @pytest.mark.parametrize("options", [[], ["--init"]], ids=str)
    @pytest.mark.parametrize("limit", ["0.2", "200ms", "0.1s"])
    def test_who_does_not_handle_the_signal(self, minirun, plain, options, limit):
        assert minirun.run("--timeout", limit, *options, plain, "payload", "wait").ended(124).out == "ready\n"

    @pytest.mark.parametrize("options, image, expected", [
        ([], {}, "TERM"), ([], {"StopSignal": "SIGQUIT"}, "QUIT"), ([], {"StopSignal": "3"}, "QUIT"), ([], {"StopSignal": "RTMIN+3"}, "RTMIN+3"),
        (["--stop-signal", "USR1"], {"StopSignal": "SIGQUIT"}, "USR1"), (["--stop-signal", "SIGINT", "--init"], {}, "INT")], ids=str)
    def test_first_the_stop_signal(self, minirun, bundle, options, image, expected):
        """However it then ends, it was the time limit."""
        result = minirun.run("--timeout", "0.3", *options, bundle(image), "payload", "catch", "1").ended(124)
        assert result.out == f"ready\ngot {expected}\n"

    @pytest.mark.parametrize("options", [[], ["--init"], ["--pid", "host"]], ids=str)
    @pytest.mark.parametrize("stop", ["0.2", "0"])
    def test_then_kill(self, minirun, plain, options, stop):
        command = ["payload", "ignore", "TERM"]
        assert minirun.run("--timeout", "0.2", "--stop-timeout", stop, *options, plain, *command).ended(124).out == "ready\n"

    def test_all_of_its_processes_end(self, minirun, plain):
        """Those in another session as well: what timeout(1) does not reach."""
        script = "payload leave-behind; payload ignore TERM & (payload ignore TERM &); payload ignore TERM"
        for options in ([], ["--init"], ["--pid", "host"]):
            assert minirun.run("--timeout", "0.3", "--stop-timeout", "0.1", *options, plain, "sh", "-c", script).ended(124)
            assert reap_orphans() == {}

    def test_a_signal_from_outside_is_no_time_limit(self, minirun, plain):
        with minirun.start("run", "--timeout", "1h", plain, "payload", "wait") as running:
            running.wait_for("ready")
            running.send(signal.SIGTERM)
            running.finish().ended(143)

    def test_one_that_is_not_reached(self, minirun, plain):
        minirun.run("--timeout", "1m", plain, "payload", "exit", "7").ended(7)

    def test_it_holds_while_nobody_reads(self, minirun, plain):
        """A pipe that is full: with -t minirun itself writes to it."""
        reader, writer = os.pipe()
        running = minirun.start("run", "-t", "--timeout", "0.5", plain, "sh", "-c", "head -c 1000000 /dev/zero", stdout=writer)
        os.close(writer)
        os.read(reader, 1)  # it runs
        process = os.pidfd_open(running.pid)
        assert select.select([process], [], [], DEADLINE)[0], "the container outlived its time limit"
        os.close(process)
        while os.read(reader, 65536):
            pass
        os.close(reader)
        running.finish().ended(124)

    def test_it_holds_at_the_end_too(self, minirun, plain):
        """What the container left is more than the pipe takes, and nobody reads."""
        reader, writer = os.pipe()
        running = minirun.start("run", "-t", "--timeout", "0.5", plain, "sh", "-c", "exec head -c 70000 /dev/zero", stdout=writer)
        os.close(writer)
        process = os.pidfd_open(running.popen.pid)
        assert select.select([process], [], [], DEADLINE)[0], "minirun outlived the time limit"
        os.close(process)
        os.close(reader)
        running.finish()

    @pytest.mark.parametrize("options", [[], ["-t"]], ids=str)
    def test_it_holds_on_a_terminal_that_nobody_reads(self, minirun, plain, options):
        """poll(2) says that a terminal takes something, not how much."""
        person, tty = os.openpty()
        running = minirun.start("run", "--timeout", "0.5", *options, plain, "sh", "-c", "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done", stdout=tty)
        os.close(tty)
        process = os.pidfd_open(running.popen.pid)
        assert select.select([process], [], [], DEADLINE)[0], "minirun outlived the time limit"
        os.close(process)
        os.close(person)
        assert running.finish().code == 124

    def test_a_signal_after_the_end_is_not_the_end(self, minirun, plain):
        """Who does not wait for the last output any longer learns how the container ended all the same."""
        reader, writer = os.pipe()
        running = minirun.start("run", "-t", plain, "sh", "-c", "exec cat /dev/zero", stdout=writer)
        end = time.monotonic() + DEADLINE
        while select.select([], [writer], [], 0)[1]:  # until there is output that has to wait
            assert time.monotonic() < end, "the pipe does not fill"
            time.sleep(0.01)
        os.close(writer)
        container = os.pidfd_open(running.pid)
        os.kill(running.pid, signal.SIGKILL)
        assert select.select([container], [], [], DEADLINE)[0]
        process = os.pidfd_open(running.popen.pid)
        assert not select.select([process], [], [], 0.5)[0], "minirun did not wait for a reader"
        running.send(signal.SIGTERM)
        assert select.select([process], [], [], DEADLINE)[0], "minirun still waits for a reader"
        for fd in container, process, reader:
            os.close(fd)
        running.finish().ended(137)

    def test_a_signal_ends_the_wait_for_a_reader(self, minirun, plain):
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        fill = b"x" * 4096
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, fill)
        os.set_blocking(writer, True)
        running = minirun.start("run", "-t", plain, "echo", "hello", stdout=writer)
        os.close(writer)
        process = os.pidfd_open(running.popen.pid)
        assert not select.select([process], [], [], 1)[0], "minirun did not wait for a reader"
        os.kill(running.popen.pid, signal.SIGTERM)
        assert select.select([process], [], [], DEADLINE)[0], "minirun still waits for a reader"
        os.close(process)
        os.close(reader)
        running.finish().ended(0)


class TestExitCodes:
    @pytest.mark.parametrize("code", [0, 1, 2, 3, 63, 100, 124, 125, 126, 127, 128, 137, 200, 254, 255])
    def test_the_commands_own(self, minirun, plain, code):
        minirun.run(plain, "payload", "exit", code).ended(code)

    @pytest.mark.parametrize("name", [*ENDING, "KILL", "PIPE", "RTMIN+30"])
    @pytest.mark.parametrize("options", [["--init"], ["--pid", "host"]], ids=str)
    def test_a_signal_of_its_own(self, minirun, plain, options, name):
        minirun.run(*options, plain, "payload", "raise", name).ended(128 + number_of(name))

    def test_pid_1_does_not_end_itself(self, minirun, plain):
        assert minirun.run(plain, "payload", "raise", "KILL").ok().out == "still alive\n"

    @pytest.mark.parametrize("options", [[], ["--init"]], ids=str)
    def test_a_crash(self, minirun, plain, options):
        assert minirun.run(*options, plain, "payload", "crash").code in (128 + signal.SIGILL, 128 + signal.SIGTRAP)

    def test_minirun_failed(self, minirun, plain):
        minirun.run("-u", "nobody-here", plain, "true").refused(
            125, "user 'nobody-here' is not in the image's /etc/passwd", hint="give a user that the image has")

    def test_no_command(self, minirun, plain):
        minirun.run(plain, "/etc/passwd").refused(
            126, "cannot run '/etc/passwd': it is not executable: permission denied", hint="chmod +x it in the image")
        minirun.run(plain, "nope").refused(
            127, "command 'nope': executable file not found in $PATH (/usr/local/bin:/usr/bin:/bin)", hint="check the spelling")
