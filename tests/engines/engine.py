"""Calling an engine's client, and keeping its daemons."""
import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile
import time

import pytest

import processes
from runtime import Result

DEADLINE = 90


class Client:
    """A program with options that come first. It works in the workspace: conmon leaves a file named "oom" where it was started."""

    def __init__(self, command, workspace, env=None):
        self.command, self.workspace, self.env = list(map(str, command)), workspace, env or {}

    def __call__(self, *args, stdin=None, timeout=DEADLINE):
        """Runs it to its end. Its streams are files: conmon and others hold on to what they are given."""
        __tracebackhide__ = True
        words = [*self.command, *map(str, args)]
        with tempfile.TemporaryFile(dir=self.workspace) as out, tempfile.TemporaryFile(dir=self.workspace) as err, tempfile.TemporaryFile(dir=self.workspace) as given:
            given.write((stdin or "").encode())
            given.seek(0)
            process = subprocess.Popen(words, stdin=given, stdout=out, stderr=err, cwd=self.workspace, env={**os.environ, **self.env})
            try:
                code = process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                code = None
            text = []
            for stream in (out, err):
                stream.seek(0)
                text.append(stream.read().decode("utf-8", "replace"))
        if code is None:
            pytest.fail(f"{words} did not end within {timeout} seconds: {text}")
        return Result(words, code, *text)

    def until(self, condition, *args, seconds=30):
        """Calls again and again until the text says so. The last text."""
        end = time.monotonic() + seconds
        while True:
            text = self(*args).text
            if condition(text) or time.monotonic() > end:
                assert condition(text), f"{args}: {text!r}"
                return text
            time.sleep(0.2)


class Daemon:
    """A program in the background, with a log; ended by SIGTERM, and by force where that does not help."""

    def __init__(self, name, command, log, env=None):
        self.name, self.log = name, pathlib.Path(log)
        self.output = open(log, "ab")
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output, cwd=self.log.parent, env={**os.environ, **(env or {})})

    def wait_for(self, path, seconds=60):
        ready = processes.wait_until(lambda: os.path.exists(path) or self.process.poll() is not None, seconds)
        if not ready or self.process.poll() is not None:
            raise RuntimeError(f"{self.name} does not start:\n{self.log.read_text(errors='replace')[-3000:]}")
        return self

    def stop(self, sign=signal.SIGTERM, seconds=30):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(sign)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            processes.end_descendants(self.process.pid)
            self.process.kill()
            self.process.wait()
        self.output.close()
