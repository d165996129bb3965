"""Pseudo-terminals for the tests: what a person's terminal is to minirun."""
import contextlib
import fcntl
import os
import select
import struct
import termios
import time

import pytest

from harness import DEADLINE, Result


def _become_controlling_terminal():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A pty pair. The test types and reads at one end; the other is minirun's terminal, and stays open here to be
    looked at."""

    def __init__(self, rows=24, columns=80):
        self.person, self.tty = os.openpty()
        self.name = os.ttyname(self.tty)
        self.resize(rows, columns)
        self.before = self.settings()
        self.output = b""
        self.running = None

    def close(self):
        os.close(self.person)
        os.close(self.tty)

    def settings(self):
        """All of termios(3), as a value to compare."""
        return termios.tcgetattr(self.tty)

    @property
    def is_raw(self):
        """Neither lines are edited here, nor is anything echoed, nor do keys become signals."""
        return self.settings()[3] & (termios.ICANON | termios.ECHO | termios.ISIG) == 0

    def resize(self, rows, columns):
        """The kernel sends SIGWINCH to the foreground processes."""
        fcntl.ioctl(self.person, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def start(self, minirun, *args, **options):
        """Starts minirun in a session of its own on this terminal, as a shell's login would be."""
        for stream in ("stdin", "stdout", "stderr"):
            options.setdefault(stream, self.tty)
        self.running = minirun.start(*args, start_new_session=True, preexec_fn=_become_controlling_terminal, **options)
        return self.running

    def type(self, text):
        """As if it were typed. Reads meanwhile, since echo and output have to go somewhere."""
        data = text if isinstance(text, bytes) else text.encode()
        end = time.monotonic() + DEADLINE
        while data:
            if time.monotonic() > end:
                pytest.fail(f"nobody takes what is typed; {len(data)} bytes are left")
            readable, writable, _ = select.select([self.person], [self.person], [], 1)
            if readable:
                self._read()
            if writable:
                data = data[os.write(self.person, data[:1024]):]

    def type_until_full(self):
        """Types until nothing more fits into any buffer on the way. Returns how many bytes that were."""
        os.set_blocking(self.person, False)
        typed = 0
        # Nothing for this long: no buffer will take more.
        while select.select([], [self.person], [], 1)[1]:
            with contextlib.suppress(BlockingIOError):
                typed += os.write(self.person, b"x" * 1024)
        os.set_blocking(self.person, True)
        return typed

    def read_until(self, text):
        """Until the text has been on the screen. Returns all that was."""
        __tracebackhide__ = True
        end = time.monotonic() + DEADLINE
        while text.encode() not in self.output:
            if not select.select([self.person], [], [], max(0, end - time.monotonic()))[0]:
                pytest.fail(f"{text!r} never came: {self.output!r}")
            self._read()
        return self.output.decode()

    def read_while(self, condition):
        """As long as something holds."""
        __tracebackhide__ = True
        end = time.monotonic() + DEADLINE
        while condition():
            if time.monotonic() > end:
                pytest.fail(f"waited in vain; so far {self.output!r}")
            if select.select([self.person], [], [], 0.01)[0]:
                self._read()

    def finish(self):
        """Waits for minirun's end. What was on the screen is its standard output."""
        process = self.running.popen
        self.read_while(lambda: process.poll() is None)
        while select.select([self.person], [], [], 0)[0]:
            self._read()
        return Result(self.running.args, process.returncode, self.output.decode("utf-8", "surrogateescape"), "")

    def _read(self):
        self.output += os.read(self.person, 65536)
