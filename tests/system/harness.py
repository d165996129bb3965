"""Starting minirun and looking at what it did."""
import contextlib
import ctypes
import functools
import json
import os
import pathlib
import select
import signal
import subprocess
import time

import pytest

PROJECT = pathlib.Path(__file__).resolve().parents[2]
MINIRUN = pathlib.Path(os.environ.get("MINIRUN_BIN", PROJECT / "build/minirun"))
PAYLOAD = pathlib.Path(os.environ.get("MINIRUN_PAYLOAD", PROJECT / "build/release/tests/payload/minirun-payload"))
FIXTURES = PROJECT.parent / "shared/fixtures"
DEADLINE = 60  # seconds until a test stops to wait for anything; none of them ever should


def skip(reason):
    """Leaves a test out, loudly: with MUST_RUN=1 that is a failure."""
    if os.environ.get("MUST_RUN") == "1":
        pytest.fail(f"MUST_RUN=1, and this test cannot run: {reason}")
    pytest.skip(reason)


@functools.cache
def has_32_bit_calls():
    """Without 32-bit emulation there is no such gate: to try it is a fault, before any filter."""
    done = subprocess.run([PAYLOAD, "try", "int80"], stdout=subprocess.PIPE, text=True)
    return "SIGSEGV" not in done.stdout


def until(condition, what):
    """Waits for the condition; a test fails if it never comes."""
    __tracebackhide__ = True
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"it never came: {what}")
        time.sleep(0.01)


def need(path, how_to_get_it):
    if not pathlib.Path(path).exists():
        skip(f"there is no {path}: {how_to_get_it}")
    return pathlib.Path(path)


class Result:
    """How one call of minirun ended."""

    def __init__(self, args, code, out, err):
        self.args, self.code, self.out, self.err = args, code, out, err

    def __repr__(self):
        words = " ".join(map(str, self.args))
        return f"\n  $ {words}\n  exit code {self.code}\n  stdout {self.out!r}\n  stderr {self.err!r}"

    def ok(self):
        """It ran, and minirun had nothing to say."""
        __tracebackhide__ = True
        self.check((self.code, self.err) == (0, ""), "success, and nothing on stderr")
        return self

    def ended(self, code):
        """It ran and ended with this exit code, and minirun had nothing to say."""
        __tracebackhide__ = True
        self.check((self.code, self.err) == (code, ""), f"exit code {code}, and nothing on stderr")
        return self

    def check(self, condition, expected):
        __tracebackhide__ = True
        if not condition:
            pytest.fail(f"{self}\n  expected {expected}", pytrace=True)

    @property
    def facts(self):
        return json.loads(self.ok().out)

    @property
    def lines(self):
        return self.ok().out.splitlines()

    def refused(self, code, message, hint=None):
        """minirun said just this sentence, perhaps a hint, and nothing ran."""
        __tracebackhide__ = True
        self._one_sentence(code, hint)
        self.check(self.err.splitlines()[0] == "minirun: " + message, message)
        return self

    def refused_with(self, code, *parts, hint=None):
        """The same for a sentence that holds what the test cannot know; these parts are in it."""
        __tracebackhide__ = True
        self._one_sentence(code, hint)
        for part in parts:
            self.check(part in self.err.splitlines()[0], part)
        return self

    def _one_sentence(self, code, hint):
        __tracebackhide__ = True
        said = self.err.splitlines()
        self.check(self.code == code, f"exit code {code}")
        self.check(self.out == "", "nothing on stdout")
        self.check(len(said) in (1, 2) and said[0].startswith("minirun: "), "one sentence")
        self.check(all(line.startswith("  hint: ") for line in said[1:]), "nothing but a hint behind it")
        self.check(hint is None or (len(said) == 2 and hint in said[1]), f"the hint {hint}")


class Running:
    """minirun while its container runs. Use it in a `with`: at the end of that nothing of it is left."""

    def __init__(self, args, popen):
        self.args, self.popen, self._out, self._err = args, popen, b"", b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Ends the container, and minirun tidies up after it."""
        for pid in children(self.popen.pid) if self.popen.poll() is None else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            self.popen.wait(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        for stream in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if stream:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    @property
    def pid(self):
        """Of the container's first process, as the host numbers it."""
        return children(self.popen.pid)[0]

    def wait_for(self, text):
        """Reads standard output until the text was in it. Returns all that has been read."""
        __tracebackhide__ = True
        end = time.monotonic() + DEADLINE
        while text.encode() not in self._out:
            ready, _, _ = select.select([self.popen.stdout], [], [], max(0, end - time.monotonic()))
            block = os.read(self.popen.stdout.fileno(), 65536) if ready else b""
            if not block:
                pytest.fail(f"{text!r} never came: {self.finish() if ready else self._out}")
            self._out += block
        return self._out.decode("utf-8", "surrogateescape")

    def send(self, number):
        self.popen.send_signal(number)

    def write(self, text):
        self.popen.stdin.write(text.encode())
        self.popen.stdin.flush()

    def finish(self):
        """Waits for the end."""
        try:
            out, err = self.popen.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.communicate()
            pytest.fail(f"{self.args} did not end within {DEADLINE} s; so far {self._out!r}")
        text = lambda data: (data or b"").decode("utf-8", "surrogateescape")
        return Result(self.args, self.popen.returncode, text(self._out) + text(out), text(err))


class Minirun:
    """The program under test, with data and state in a directory of its own."""

    outermost = ()  # words in front of all others: see missing_calls.py

    def __init__(self, root, bundle_path):
        self.root = pathlib.Path(root)
        self.env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MINIRUN_ROOT": str(root),
                    "MINIRUN_BUNDLE_PATH": str(bundle_path)}
        self._running = []

    def start(self, *args, env=None, stdin=subprocess.DEVNULL, before=(), program=MINIRUN, **popen):
        """`before`: words in front of minirun's own, such as setpriv(1) and its options."""
        command = [*map(str, self.outermost), *map(str, before), str(program), *map(str, args)]
        popen.setdefault("stdout", subprocess.PIPE)
        popen.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen(command, env={**self.env, **(env or {})}, stdin=stdin, **popen)
        self._running.append(Running(command, process))
        return self._running[-1]

    def __call__(self, *args, stdin=None, **options):
        """Runs it to its end; `stdin` is text for it."""
        if stdin is None:
            return self.start(*args, **options).finish()
        process = self.start(*args, stdin=subprocess.PIPE, **options)
        with contextlib.suppress(BrokenPipeError):
            process.write(stdin)
        return process.finish()

    def run(self, *args, **options):
        return self("run", *args, **options)

    def attempts(self, bundle, *attempts, options=()):
        """What came of each thing that the payload tried inside: {"keyctl": "EPERM"}."""
        return self.run(*options, bundle, "payload", "try", *attempts).facts

    def stop_all(self):
        for process in self._running:
            process.__exit__()

    def containers(self):
        """The directories of containers, whether they run or were left."""
        return sorted(path.name for path in self.root.glob("containers/*"))

    def names(self):
        return sorted(path.name for path in self.root.glob("run/.names/*"))


def children(pid):
    """Processes whose parent it is, as numbers in the order in which they began."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append((int(fields[19]), int(stat.parent.name)))
    return [number for _, number in sorted(found)]


def descendants(pid):
    return [one for child in children(pid) for one in (child, *descendants(child))]


def become_subreaper():
    """Orphans of whatever is started from here on become our children: they can be seen, waited for and reaped."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(36, 1, 0, 0, 0) != 0:  # PR_SET_CHILD_SUBREAPER
        raise OSError(ctypes.get_errno(), "prctl")


def reap_orphans(grace=10.0):
    """Waits until what was left to us has died. Returns (and ends) what does not die."""
    end = time.monotonic() + grace
    alive = {}
    for pid in children(os.getpid()):
        with contextlib.suppress(ChildProcessError, ProcessLookupError):
            fd = os.pidfd_open(pid)
            name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
            if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
                alive[pid] = name
                signal.pidfd_send_signal(fd, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(fd)
    return alive
