"""minirun run --report: what became of a container, for programs. docs/report.schema.json is held by each of these."""
import json
import os
import time

import jsonschema
import pytest

from harness import PROJECT

SCHEMA = json.loads((PROJECT / "docs/report.schema.json").read_text())


def has_controller(name):
    unified = "/sys/fs/cgroup/cgroup.controllers"
    return os.path.isdir(f"/sys/fs/cgroup/{name}") or (os.path.exists(unified) and name in open(unified).read().split())


@pytest.fixture
def report_of(minirun, scratch, plain):
    """Runs it, and checks the form of what it wrote."""
    def run(*words, options=(), code=None):
        result = minirun.run("--report", scratch / "report", *options, plain, *words)
        report = json.loads((scratch / "report").read_text())
        jsonschema.validate(report, SCHEMA)
        assert report["exitCode"] == (result.code if code is None else code)
        return report
    return run


def test_success(report_of):
    before = time.time()
    report = report_of("true")
    assert (report["status"], report["exitCode"]) == ("ok", 0)
    assert report["program"] == {"exitCode": 0, "signal": None, "argv": ["true"]}
    assert report["image"]["id"] is None and report["image"]["name"].endswith("plain")
    assert report["kernel"] == os.uname().release
    started = time.strptime(report["time"]["started"][:19], "%Y-%m-%dT%H:%M:%S")
    assert before - 1 <= time.mktime(started) - time.timezone <= time.time()
    assert report["time"]["wallSeconds"] > 0


@pytest.mark.parametrize("script, status, program", [
    ("exit 3", "exit", {"exitCode": 3, "signal": None}), ("exit 125", "exit", {"exitCode": 125, "signal": None}), ("exit 137", "exit", {"exitCode": 137, "signal": None})])
def test_its_own_exit_code(report_of, script, status, program):
    """It is never taken for minirun's failure, nor for a signal."""
    report = report_of("sh", "-c", script)
    assert report["status"] == status
    assert {key: report["program"][key] for key in program} == program


def test_a_signal(report_of):
    for options in ["--pid", "host"], ["--init"]:
        report = report_of("sh", "-c", "kill -TERM $$", options=options)
        assert (report["status"], report["exitCode"]) == ("signal", 143)
    report = report_of("sh", "-c", "exit 143", options=["--init"])
    assert (report["status"], report["program"]["exitCode"], report["program"]["signal"]) == ("exit", 143, None)
    report = report_of("sh", "-c", "kill -TERM $$", options=["--pid", "host"])
    assert (report["status"], report["program"]["signal"], report["program"]["exitCode"]) == ("signal", "SIGTERM", None)


def test_the_time_limit(report_of):
    report = report_of("sleep", "100", options=["--timeout", "0.2"], code=124)
    assert report["status"] == "timeout" and 0.2 <= report["time"]["wallSeconds"] < 50


def test_a_system_call_that_is_killed_for(report_of, scratch):
    (scratch / "profile").write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS"}]}))
    report = report_of("mkdir", "/tmp/a", options=["--security-opt", f"seccomp={scratch}/profile"])
    assert (report["status"], report["program"]["signal"]) == ("denied", "SIGSYS")


@pytest.mark.skipif(not has_controller("memory"), reason="this host has no cgroup controller memory")
def test_the_memory_limit(report_of):
    report = report_of("sh", "-c", "x=0123456789abcdef; while :; do x=$x$x; done", options=["-m", "20m", "--memory-swap", "20m"])
    assert report["status"] == "oom" and "memory limit" in report["reason"]
    assert report["memory"]["oomKills"] >= 1 and report["memory"]["ownLimit"] and report["memory"]["limitBytes"] == 20 << 20
    assert 10 << 20 < report["memory"]["peakBytes"] <= 20 << 20


@pytest.mark.skipif(not has_controller("pids"), reason="this host has no cgroup controller pids")
def test_the_limit_of_processes(report_of):
    report = report_of("sh", "-c", "for i in 1 2 3 4 5 6; do sleep 100 & done; exit 1", options=["--pids-limit", "4"])
    assert report["status"] == "pids-limit" and report["pids"]["refused"] >= 1
    # Who comes along with it all the same has a limit that was good enough.
    assert report_of("sh", "-c", "(sleep 0 & sleep 0 & sleep 0 & sleep 0 & wait) 2>/dev/null; exit 0", options=["--pids-limit", "3"])["status"] == "ok"


def test_cpu_time_of_all_processes(report_of):
    report = report_of("sh", "-c", "(i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done) & wait")
    assert report["time"]["cpuSeconds"] > 0.01


FORKED = "(setsid sh -c 'while :; do :; done' &) ; (setsid sh -c 'while :; do :; done' &) ; "


@pytest.mark.parametrize("options", [[], ["--init"], ["--pid", "host"]], ids=str)
@pytest.mark.parametrize("script", ["while :; do :; done", FORKED + "exec sleep 100", "trap '' TERM INT HUP; " + FORKED + "kill -STOP $$; sleep 100"])
def test_the_limit_on_cpu_time(report_of, script, options):
    """Of all processes together, those that have left its session, and however deaf they are."""
    report = report_of("sh", "-c", script, options=["--cpu-time", "0.2", *options], code=124)
    assert (report["status"], report["exitCode"]) == ("cpu-timeout", 124)
    assert 0.2 <= report["time"]["cpuSeconds"] < 2


def test_within_the_limit_on_cpu_time(report_of):
    """Time that passes is not time that is used."""
    assert report_of("sleep", "0.6", options=["--cpu-time", "0.3"])["status"] == "ok"


@pytest.mark.parametrize("script", ["yes", "yes >&2", "head -c 10001 /dev/zero", "trap '' TERM PIPE; yes & yes & wait"])
@pytest.mark.parametrize("options", [[], ["-t"]], ids=str)
def test_the_limit_on_output(minirun, plain, scratch, script, options):
    """Not a byte more is passed on."""
    result = minirun.run("--report", scratch / "report", "--output-limit", "10000", *options, plain, "sh", "-c", script)
    report = json.loads((scratch / "report").read_text())
    jsonschema.validate(report, SCHEMA)
    assert (result.code, report["status"], report["output"]["bytes"]) == (124, "output-limit", 10000)
    assert len(result.out) + len(result.err) == 10000


def test_within_the_limit_on_output(minirun, plain, scratch):
    script = "head -c 6000 /dev/zero; head -c 4000 /dev/zero >&2"
    minirun.run("--report", scratch / "report", "--output-limit", "10000", plain, "sh", "-c", script)
    report = json.loads((scratch / "report").read_text())
    assert (report["status"], report["output"]["bytes"]) == ("ok", 10000)


def test_the_limit_on_the_writable_layer(minirun, plain):
    """In bytes, and in files, which are not to be had without memory either."""
    script = "head -c 3000000 /dev/zero >/x; wc -c </x; rm /x; i=0; while true >/etc/$i; do i=$((i+1)); done; echo $i"
    result = minirun.run("--disk-limit", "1m", plain, "sh", "-c", script)
    assert result.err.splitlines()[-1].endswith("No space left on device")
    size, files = map(int, result.out.split())
    assert 900_000 < size <= 1 << 20 and 900 < files <= 1024


def test_the_limit_on_the_size_of_files(report_of):
    report = report_of("sh", "-c", "exec head -c 20000 /dev/zero >/x", options=["--file-size-limit", "10k", "--init"])
    assert (report["status"], report["program"]["signal"]) == ("signal", "SIGXFSZ") and "size of files" in report["reason"]


def test_the_limit_on_open_files(minirun, plain):
    assert minirun.run("--nofile", "21", plain, "sh", "-c", "ulimit -n; ulimit -Hn").ok().out == "21\n21\n"


def test_anonymous_memory(report_of):
    """Seen while it is there, and a file in memory is none of it."""
    report = report_of("sh", "-c", "head -c 30000000 /dev/zero >/dev/shm/x; sleep 1")
    if report["memory"]["peakBytes"] is not None:
        assert report["memory"]["peakBytes"] > 30_000_000 and report["memory"]["anonymousBytes"] < 5_000_000
        report = report_of("payload", "hold-memory", "30000000")
        assert report["memory"]["anonymousBytes"] > 25_000_000


class TestStreams:
    def test_files(self, minirun, plain, scratch):
        (scratch / "in").write_text("read\n")
        (scratch / "out").write_text("what was there before, and is longer\n")
        files = ["--stdin", scratch / "in", "--stdout", scratch / "out", "--stderr", scratch / "err"]
        result = minirun.run(*files, plain, "sh", "-c", "cat; echo said >&2")
        assert result.ok().out == ""
        assert ((scratch / "out").read_text(), (scratch / "err").read_text()) == ("read\n", "said\n")

    def test_the_container_gets_no_descriptor_of_them(self, minirun, plain, scratch):
        (scratch / "in").write_text("")
        script = "readlink /proc/self/fd/0; readlink /proc/self/fd/1"
        minirun.run("--stdin", scratch / "in", "--stdout", scratch / "out", plain, "sh", "-c", script).ok()
        assert all(line.startswith("pipe:") for line in (scratch / "out").read_text().splitlines())

    def test_what_minirun_says_goes_elsewhere(self, minirun, plain, scratch):
        minirun.run("--stderr", scratch / "err", plain, "not-there").refused_with(127, "not-there")
        assert (scratch / "err").read_text() == ""

    @pytest.mark.parametrize("option, path, words", [("--stdin", "/not/there", "cannot open the file"), ("--stdout", "/tmp", "Is a directory"),
                                                     ("--stdin", "/tmp", "is a directory"), ("--stderr", "/not/there/x", "cannot open the file")])
    def test_what_cannot_be_opened(self, minirun, plain, option, path, words):
        minirun.run(option, path, plain, "echo", "ran").refused_with(125, option, words)

    def test_not_with_a_terminal(self, minirun, plain):
        minirun.run("-t", "--stdout", "/tmp/x", plain, "true").refused(125, "with -t the streams are a terminal, not the files of --stdin, --stdout and --stderr", "leave out -t")


@pytest.mark.parametrize("words, code, hint", [(["not-there"], 127, True), (["/etc"], 126, False)])
def test_what_does_not_run(report_of, words, code, hint):
    report = report_of(*words)
    assert (report["status"], report["exitCode"], "hint" in report) == ("setup-error", code, hint)
    assert "program" not in report


def test_an_image_that_is_not_there(minirun, scratch):
    minirun.run("--report", scratch / "report", "not/there:1").refused_with(125, "")
    report = json.loads((scratch / "report").read_text())
    jsonschema.validate(report, SCHEMA)
    assert (report["status"], report["image"]["name"]) == ("setup-error", "not/there:1")


def test_an_image_of_the_store(minirun, scratch, plain):
    minirun("load", "-q", plain).ok()
    image = minirun("images", "-q", "--no-trunc").ok().out.split()[0]
    minirun.run("--report", scratch / "report", image, "true").ok()
    assert json.loads((scratch / "report").read_text())["image"] == {"name": image, "id": image}


def test_on_standard_output(minirun, plain):
    out = minirun.run("--report", "-", plain, "echo", "before").ok().out
    assert out.startswith("before\n") and json.loads(out.removeprefix("before\n"))["status"] == "ok"


def test_to_a_descriptor(minirun, plain, scratch):
    """The container does not get it."""
    result = minirun.run("--report", "fd:3", plain, "sh", "-c", "ls /proc/self/fd | tr '\n' ' '", before=["sh", "-c", f'exec "$@" 3>{scratch}/report', "sh"])
    assert result.ok().out.split() == ["0", "1", "2", "3"]  # ls has opened the last one
    jsonschema.validate(json.loads((scratch / "report").read_text()), SCHEMA)


@pytest.mark.parametrize("where, words", [("fd:9", "not open for writing"), ("fd:x", "not open for writing"), ("/not/there/report", "cannot write to the directory"), ("/tmp", "is a directory")])
def test_where_it_cannot_be_written(minirun, plain, where, words):
    """Before anything runs."""
    result = minirun.run("--report", where, plain, "echo", "ran")
    assert result.code == 125 and words in result.err and result.out == ""
