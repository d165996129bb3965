"""minirun logs, and the files behind it."""
import json
import os
import pathlib
import re
import signal

import pytest

from observed import supervisor_of


class TestLogs:
    def entries(self, box, name="web"):
        path = pathlib.Path(box("inspect", "-f", "{{.LogPath}}", name).lines[0])
        return [json.loads(line) for line in path.read_text().splitlines()]

    def test_their_form_is_docker_s(self, box, detached):
        detached("sh", "-c", r"echo out; echo err >&2; printf 'no end \303\244\377'")
        box("wait", "web").ok()
        found = self.entries(box)
        assert sorted((one["stream"], one["log"]) for one in found) == [("stderr", "err\n"), ("stdout", "no end ä\N{REPLACEMENT CHARACTER}"), ("stdout", "out\n")]
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", one["time"]) and list(one) == ["log", "stream", "time"] for one in found)

    def test_which_lines(self, box, detached):
        detached("sh", "-c", "for i in 1 2 3 4 5; do echo $i; sleep 0.02; done")
        box("wait", "web").ok()
        assert box("logs", "-n", "2", "web").lines == ["4", "5"]
        assert box("logs", "--tail", "0", "web").lines == [] and len(box("logs", "--tail=all", "web").lines) == 5
        time_of = {one["log"].strip(): one["time"] for one in self.entries(box)}
        whole = [line.split(" ", 1) for line in box("logs", "-t", "web").lines]
        assert [(text, at) for at, text in whole] == list(time_of.items())
        assert box("logs", "--since", "10m", "web").lines == ["1", "2", "3", "4", "5"] and box("logs", "--until", "10m", "web").lines == []
        box("logs", "--since", "soon", "web").refused_with(125, "--since 'soon': this is no time")
        box("logs", "-n", "x", "web").refused(125, "--tail 'x': expected a number of lines, or all")

    def test_follow(self, box, detached):
        detached("sh", "-c", "echo first; sleep 0.3; echo last")
        with box.start("logs", "-f", "web") as running:
            running.wait_for("first\n")
            assert running.finish().ok().out == "first\nlast\n"

    def test_follow_until_its_supervisor_is_killed(self, box, detached):
        detached("sh", "-c", "echo first; exec sleep 1000")
        with box.start("logs", "-f", "web") as running:
            running.wait_for("first\n")
            os.kill(supervisor_of(box), signal.SIGKILL)
            running.finish().ok()

    def test_rotation(self, box, detached):
        detached("sh", "-c", "for i in $(seq 1000); do echo line $i; done", options=["--log-opt", "max-size=10k", "--log-opt", "max-file=3"])
        box("wait", "web").ok()
        path = pathlib.Path(box("inspect", "-f", "{{.LogPath}}", "web").lines[0])
        files = sorted(path.parent.glob("json.log*"))
        assert [file.name for file in files] == ["json.log", "json.log.1", "json.log.2"]
        assert all(file.stat().st_size <= 10240 for file in files)
        lines = box("logs", "web").lines
        assert lines == [f"line {n}" for n in range(1001 - len(lines), 1001)] and len(lines) > 200

    def test_follow_over_a_rotation(self, box, detached):
        detached("sh", "-c", "for i in $(seq 300); do echo line $i; sleep 0.001; done", options=["--log-opt", "max-size=4k", "--log-opt", "max-file=50"])
        assert box("logs", "-f", "web").lines == [f"line {n}" for n in range(1, 301)]

    def test_none(self, box, detached):
        detached("echo", "x", options=["--log-driver", "none"])
        box("wait", "web").ok()
        box("logs", "web").refused(125, "container 'web' keeps no log", "it was made with --log-driver none")

    @pytest.mark.parametrize("option, message", [("max-file=0", "expected a number from 1 to 1000"), ("x=1", "only max-size, max-file and tag are known")])
    def test_bad_options(self, box, plain, option, message):
        box.run("-d", "--log-opt", option, plain).refused(125, f"--log-opt '{option}': {message}")

    def test_a_part_of_a_line_goes(self, box, detached):
        """What kill -9 leaves of one is no line of the next run."""
        detached("echo", "x")
        box("wait", "web").ok()
        path = pathlib.Path(box("inspect", "-f", "{{.LogPath}}", "web").lines[0])
        path.write_bytes(path.read_bytes() + b'{"log":"half of')
        assert box("logs", "web").ok().out == "x\n"
        box("start", "web").ok()
        box("wait", "web").ok()
        assert box("logs", "web").ok().out == "x\nx\n" and len(self.entries(box)) == 2

    def test_nobody_reads_and_it_goes_on(self, box, detached):
        detached("sh", "-c", "dd if=/dev/zero bs=64k count=64 2>/dev/null | tr '\\0' x; echo; echo done >&2", options=["--log-opt", "max-size=100k"])
        assert box("wait", "web").ok().out == "0\n"
        assert 0 < pathlib.Path(box("inspect", "-f", "{{.LogPath}}", "web").lines[0]).stat().st_size <= 100 << 10
