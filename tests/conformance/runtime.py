"""Calling a runtime, and the containers that it makes."""
import contextlib
import itertools
import json
import os
import pathlib
import signal
import subprocess
import tempfile

import pytest

import machine
import mountinfo
import processes
from bundle import Bundle

DEADLINE = 30 * processes.PATIENCE  # seconds for a call; none should need more than one or two
# What runc, crun and others say; engines look for these words too. Case does not count.
NO_SUCH_CONTAINER = ("does not exist", "no such", "not found")
NOT_RUNNING = ("process already finished", "container not running", "no such process", "does not exist", "is not running", "not running")
_numbers = itertools.count(1)


class Result:
    """How a call ended."""

    def __init__(self, args, code, out, err):
        self.args, self.code, self.out, self.err = args, code, out, err

    def __repr__(self):
        words = " ".join(map(str, self.args))
        return f"\n  $ {words}\n  exit code {self.code}\n  stdout {self.out!r}\n  stderr {self.err!r}"

    def check(self, condition, expected):
        __tracebackhide__ = True
        if not condition:
            pytest.fail(f"expected {expected}: {self}")
        return self

    def ok(self):
        __tracebackhide__ = True
        return self.check(self.code == 0, "success")

    def ended(self, code):
        __tracebackhide__ = True
        return self.check(self.code == code, f"exit code {code}")

    def failed(self, *words):
        """With an error, and one of these words in what it said."""
        __tracebackhide__ = True
        self.check(self.code != 0, "an error")
        # Go's runtime ends so after a panic; who is killed by a signal has generated no error either.
        self.check(self.code > 0 and "panic:" not in self.err and "goroutine " not in self.err, "an error, not a crash")
        return self.says(*words) if words else self.check(self.err.strip(), "words about the error")

    def says(self, *words):
        __tracebackhide__ = True
        said = (self.err + self.out).lower()
        return self.check(any(word.lower() in said for word in words), f"one of {words}")

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def text(self):
        return self.out.strip()


class Runtime:
    """A program with runc's command line, with a state directory of its own."""

    def __init__(self, path, workspace):
        self.path = pathlib.Path(path)
        self.name = self.path.name
        self.workspace = workspace
        self.root = workspace / f"state-{self.name}"
        self.before = []
        self.cgroup_parent = f"conformance-{os.getpid()}"
        self.env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        version = subprocess.run([path, "--version"], stdout=subprocess.PIPE, text=True, timeout=DEADLINE).stdout
        self.version = version.splitlines()[0] if version else "?"
        lines = dict(line.split(": ", 1) for line in version.splitlines() if ": " in line)
        self.spec_version = tuple(int(number) for number in lines.get("spec", "1.0").split("-")[0].split(".")[:2])
        self.is_ours = self.name.startswith("minirun")
        if self.version.startswith("crun") and machine.cgroup_mode() == "hybrid":
            # crun wants one kind of hierarchies or the other; in a mount namespace of its own there is only version 1.
            self.before = ["unshare", "-m", "--propagation", "slave", "sh", "-c", 'umount /sys/fs/cgroup/unified; exec "$0" "$@"']

    def popen(self, *args, options=(), root=True, before=(), env=None, **popen):
        state = ["--root", self.root] if root else []
        command = [str(word) for word in (*before, *self.before, self.path, *state, *options, *args)]
        return command, subprocess.Popen(command, env={**self.env, **(env or {})}, **popen)

    def __call__(self, *args, stdin=None, timeout=DEADLINE, stdout=None, stderr=None, **popen):
        """Runs it to its end. The streams are files, since a container that stays would hold a pipe open."""
        __tracebackhide__ = True
        with contextlib.ExitStack() as stack:
            file = lambda: stack.enter_context(tempfile.TemporaryFile(dir=self.workspace))
            out, err, given = stdout or file(), stderr or file(), file()  # not /dev/null: crun changes its owner
            if stdin is not None:
                given.write(stdin.encode())
                given.seek(0)
            command, process = self.popen(*args, stdin=given, stdout=out, stderr=err, **popen)
            try:
                code = process.wait(timeout)
            except subprocess.TimeoutExpired:
                processes.end_descendants(process.pid)
                process.kill()
                process.wait()
                code = None
            text = []
            for stream in (out, err):
                stream.seek(0)
                text.append(stream.read().decode("utf-8", "surrogateescape"))
            result = Result(command, code, *text)
            if code is None:
                pytest.fail(f"it did not end within {timeout} seconds: {result}")
            return result


class Container:
    """A container to be, with a bundle of its own. Whatever becomes of it, `destroy` leaves nothing."""

    def __init__(self, runtime, directory, busybox):
        self.runtime = runtime
        self.id = f"conf-{os.getpid()}-{next(_numbers)}"
        self.bundle = Bundle(directory / self.id, busybox)
        self.cgroup = f"/{runtime.cgroup_parent}/{self.id}"
        self.bundle.linux["cgroupsPath"] = self.cgroup
        self.out = self.bundle.path / "stdout"
        self.err = self.bundle.path / "stderr"
        self.pid_file = self.bundle.path / "pid"
        self.own_text = False

    def __getattr__(self, name):
        """What describes the container is its bundle's: config, process, linux, mount(), sh() …"""
        if name == "bundle":
            raise AttributeError(name)
        return getattr(self.bundle, name)

    def write(self, text=None):
        """Only for a config.json that is to be just this text, or before something else happens to it."""
        self.own_text = self.own_text or text is not None
        return self.bundle.write(text)

    # What a runtime is asked to do. Each returns a Result.

    def create(self, *options, **call):
        """Its output, and later the container's, goes to the files `out` and `err`."""
        if not self.own_text:
            self.write()
        with open(self.out, "w+b") as out, open(self.err, "w+b") as err:
            call.setdefault("stdout", out)
            call.setdefault("stderr", err)
            return self.runtime("create", "--bundle", self.path, "--pid-file", self.pid_file, *options, self.id, **call)

    def start(self, **call):
        return self.runtime("start", self.id, **call)

    def run(self, *options, **call):
        """In the foreground."""
        if not self.own_text:
            self.write()
        return self.runtime("run", "--bundle", self.path, *options, self.id, **call)

    def kill(self, sign="KILL", *options, **call):
        return self.runtime("kill", *options, self.id, sign, **call)

    def delete(self, *options, **call):
        return self.runtime("delete", *options, self.id, **call)

    def exec(self, *args, **call):
        return self.runtime("exec", *args, **call) if self.id in args else self.runtime("exec", self.id, *args, **call)

    def exec_sh(self, script, *options, **call):
        return self.runtime("exec", *options, self.id, "/bin/sh", "-c", script, **call)

    def exec_process(self, process, *options, **call):
        """With a process.json: the container's own process, changed."""
        file = self.path / "process.json"
        file.write_text(json.dumps({**self.process, **process}))
        return self.runtime("exec", "--process", file, *options, self.id, **call)

    def state(self):
        __tracebackhide__ = True
        return json.loads(self.runtime("state", self.id).ok().out)

    # Shortcuts for tests.

    @property
    def status(self):
        __tracebackhide__ = True
        return self.state()["status"]

    @property
    def pid(self):
        """Of its first process, on the host."""
        return int(self.pid_file.read_text())

    def created(self, *options, **call):
        __tracebackhide__ = True
        result = self.create(*options, **call)
        result.err = self.err.read_text(errors="surrogateescape")
        result.ok()
        return self

    def started(self, *options, **call):
        __tracebackhide__ = True
        self.created(*options, **call)
        self.start().ok()
        return self

    def sleeping(self, *options, **call):
        """Running, and it will be until it is ended."""
        __tracebackhide__ = True
        self.process["args"] = ["/bin/sleep", "1000"]
        return self.started(*options, **call)

    def output(self, script, **call):
        """What a script in the container printed."""
        __tracebackhide__ = True
        self.sh(script)
        return self.run(**call).ok().text

    def mounts(self, **call):
        """{mount point: Mount} as its first process sees them."""
        __tracebackhide__ = True
        return mountinfo.parse(self.output("cat /proc/self/mountinfo", **call))

    def proc_status(self, **call):
        """/proc/self/status of its process."""
        __tracebackhide__ = True
        return parse_status(self.output("cat /proc/self/status", **call))

    def wait(self, seconds=20):
        """For the end of its first process. Its exit code, or minus the number of a signal."""
        return processes.exit_status(self.pid, seconds)

    def ended(self):
        """Runs the container to its end by create and start; what it printed. It is stopped then."""
        __tracebackhide__ = True
        self.started()
        assert self.wait() is not None, "the container does not end"
        return self.out.read_text()

    def link(self, kind):
        """Which namespace its first process is in."""
        return os.readlink(f"/proc/{self.pid}/ns/{kind}")

    def cgroup_file(self, controller, name):
        """A file of the container's cgroup."""
        if machine.cgroup_mode() == "unified":
            return machine.CGROUPS / self.cgroup.strip("/") / name
        return machine.hierarchies()[controller] / self.cgroup.strip("/") / name

    def destroy(self):
        """Whatever state it is in, and however wrong the runtime is."""
        with contextlib.suppress(Exception, pytest.fail.Exception):
            if (self.runtime.root / self.id).exists():
                with contextlib.suppress(OSError, ValueError):
                    os.kill(self.pid, signal.SIGKILL)
                    processes.wait_until(lambda: not processes.is_running(self.pid), 1)
                processes.reap(processes.children(os.getpid()))
                self.runtime("delete", "--force", self.id)


def parse_status(text):
    return {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


def capability_mask(status, which):
    return int(status[which], 16)
