"""minirun test: a list of tests, each in a container of its own."""
import json
import os
import pathlib
import signal
import time
import xml.etree.ElementTree

import jsonschema
import pytest

from harness import PROJECT

SCHEMA = json.loads((PROJECT / "docs/report.schema.json").read_text())


@pytest.fixture
def run_tests(minirun, plain, scratch):
    """Runs a list of tests: lines, or objects for lines of JSON. The result has the told tests by name, too."""
    def run(tests, *command, options=(), code=0, image=None):
        lines = [one if isinstance(one, str) else json.dumps(one) for one in tests]
        (scratch / "list").write_text("".join(line + "\n" for line in lines))
        words = ["--", *command] if command else []
        result = minirun("test", "--from", scratch / "list", f"--json={scratch}/results", *options, image or plain, *words)
        result.check(result.code == code, f"exit code {code}")
        told = [json.loads(line) for line in (scratch / "results").read_text().splitlines()]
        for one in told:
            if one["report"] is not None:
                jsonschema.validate(one["report"], SCHEMA)
        result.told = {one["name"]: one for one in told}
        assert len(result.told) == len(told)
        result.closing = result.out.splitlines()[-1]
        assert minirun.containers() == []
        return result
    return run


def results(result):
    return {name: one["result"] for name, one in result.told.items()}


SHELL = ["sh", "-c"]


class TestTheList:
    def test_lines(self, run_tests):
        """Each is put in the place of each {}."""
        found = run_tests(["one", "two words", "$(id)"], "echo", "<{}>", "{}{}")
        assert {name: one["stdout"] for name, one in found.told.items()} == {"one": "<one> oneone\n", "two words": "<two words> two wordstwo words\n", "$(id)": "<$(id)> $(id)$(id)\n"}
        assert found.closing == "3 passed, 0 failed, 0 skipped"

    def test_without_a_place_for_it(self, run_tests):
        assert run_tests(["a b"], "echo", "first").told["a b"]["stdout"] == "first a b\n"

    def test_from_standard_input(self, minirun, plain):
        result = minirun("test", plain, "--", "test", "{}", "!=", "b", stdin="a\nb\r\n\n  \nc\n")
        assert result.code == 1 and result.out.splitlines()[-1] == "2 passed, 1 failed, 0 skipped"

    def test_json(self, run_tests):
        found = run_tests([{"name": "x", "argv": ["cat"], "stdin": "read\n", "stdout": "read\n"}, {"name": "env", "argv": [*SHELL, "echo $A$B"], "env": {"A": "1", "B": "2"}, "stdout": "12\n"},
                           {"argv": ["echo", "no name"]}, {"name": "template"}], "echo", "{}")
        assert set(results(found).values()) == {"passed"} and found.told["template"]["stdout"] == "template\n" and "echo no name" in found.told

    @pytest.mark.parametrize("line, words", [('{"name": "x", "argz": ["y"]}', "did you mean argv?"), ('{"name": "x"', "line 2"), ('{"name": 3}', ".name"), ('{"name": "x", "timeout": "soon"}', "no time"),
                                             ('{"name": "x", "stdout-regex": "("}', "regular expression"), ('{"name": "x", "status": "fine"}', "no status"), ("{}}", "line 2"), ('{"stdin": "x"}', "neither a name nor an argv"),
                                             ('{"name": "x", "memory": "much"}', "no size"), ('{"name": "x", "exit": 256}', ".exit")])
    def test_bad_lines(self, minirun, plain, line, words):
        """Before anything runs."""
        result = minirun("test", plain, "--", "touch", "{}", stdin=f"good\n{line}\n")
        result.refused_with(125, "standard input line 2")
        assert words in result.err

    def test_an_empty_list(self, minirun, plain):
        minirun("test", plain, "--", "true", stdin="\n").refused(125, "there is no test in standard input", "a test a line")

    def test_selection(self, run_tests):
        """Shards of one list are disjoint and make it up; the same seed gives the same order."""
        names = [f"t{i}" for i in range(10)]
        shards = [list(run_tests(names, "true", options=["--shard", f"{i}/3"]).told) for i in (1, 2, 3)]
        assert sorted(sum(shards, [])) == sorted(names) and [len(one) for one in shards] == [4, 3, 3]
        orders = [list(run_tests(names, "true", options=["--shuffle", seed, "-j", "1"]).told) for seed in ("1", "1", "2")]
        assert orders[0] == orders[1] != orders[2] and sorted(orders[2]) == sorted(names) and orders[0] != names

    def test_repeat(self, run_tests):
        assert set(run_tests(["a"], "true", options=["--repeat", "3"]).told) == {"a (1/3)", "a (2/3)", "a (3/3)"}


class TestExpectations:
    @pytest.mark.parametrize("script, expected, reason", [
        ("exit 3", {"exit": 3}, None), ("exit 3", {}, "expected exit code 0, got 3"), ("exit 0", {"exit": 3}, "expected exit code 3, got 0"), ("kill -SEGV $$", {}, "signal: SIGSEGV ended it"),
        ("kill -SEGV $$", {"status": "signal"}, None), ("true", {"status": "signal"}, "expected the status signal, got ok"), ("exit 139", {"status": "signal"}, "expected the status signal, got exit"),
        ("echo a", {"stdout": "a\n"}, None), ("echo a", {"stdout": "a"}, "stdout differs in line 2"), ("echo a; echo b", {"stdout": "a\nc\n"}, "stdout differs in line 2: expected 'c', found 'b'"),
        ("echo a >&2", {"stderr": "a\n", "stdout": ""}, None), ("echo b >&2", {"stderr": "a\n"}, "stderr differs in line 1"), ("echo ab1", {"stdout-regex": "^a.[0-9]$"}, None),
        ("printf 'x\\0\\nab1'", {"stdout-regex": "^ab1$"}, None), ("echo ab", {"stdout-regex": "^b"}, "does not match the pattern '^b'"), ("echo ab >&2", {"stderr-regex": "c|b"}, None),
        ("printf '1 \\n2\\t\\n\\n\\n'", {"stdout-file": "@"}, None), ("printf '1\\n 2\\n'", {"stdout-file": "@"}, "stdout differs in line 2"), ("echo 1", {"stdout-file": "/not/there"}, "/not/there")])
    def test_each(self, run_tests, scratch, script, expected, reason):
        (scratch / "expected").write_text("1\n2\n")
        expected = {key: str(scratch / "expected") if value == "@" else value for key, value in expected.items()}
        found = run_tests([{"name": "t", "argv": [*SHELL, script], **expected}], code=1 if reason else 0).told["t"]
        assert found["result"] == ("failed" if reason else "passed") and (reason or "") in found["reason"]

    @pytest.mark.parametrize("script, limits, status", [
        ("sleep 100", {"timeout": 0.2}, "timeout"), ("trap '' TERM INT; (setsid sleep 100 &); kill -STOP $$; sleep 100", {"timeout": "200ms"}, "timeout"), ("while :; do :; done", {"cpu-time": "0.2"}, "cpu-timeout"),
        ("yes", {"output-limit": "100k"}, "output-limit"), ("x=0123456789abcdef; while :; do x=$x$x; done", {"memory": "20m"}, "oom"), ("for i in 1 2 3 4 5 6 7 8; do sleep 100 & done; exit 1", {"pids-limit": 5}, "pids-limit")])
    def test_limits_of_one_test(self, run_tests, script, limits, status):
        found = run_tests([{"name": "bad", "argv": [*SHELL, script], **limits}, {"name": "expected", "argv": [*SHELL, script], "status": status, **limits}, {"name": "good", "argv": ["true"]}], code=1)
        assert results(found) == {"bad": "failed", "expected": "passed", "good": "passed"}
        assert found.told["bad"]["report"]["status"] == status and found.told["bad"]["reason"].startswith(status)

    def test_what_does_not_start(self, run_tests):
        found = run_tests(["x"], "/not/there", code=1).told["x"]
        assert found["report"]["status"] == "setup-error" and "setup-error" in found["reason"]

    def test_flaky(self, run_tests, scratch):
        """It passes only when it is tried again, and that is said."""
        (scratch / "state").mkdir(mode=0o777)
        os.chmod(scratch / "state", 0o777)
        script = "mkdir /state/{} 2>/dev/null && [ {} != flaky ]; test -e /state/{}.bad && exit 1; [ {} = flaky ] && test ! -e /state/once && touch /state/once && exit 1; exit 0"
        (scratch / "state/broken.bad").touch()
        found = run_tests(["flaky", "broken", "fine"], *SHELL, script, options=["--retry", "2", "-v", f"{scratch}/state:/state"], code=1)
        assert results(found) == {"flaky": "passed", "broken": "failed", "fine": "passed"}
        assert {name: (one["tries"], one["flaky"]) for name, one in found.told.items()} == {"flaky": (2, True), "broken": (3, False), "fine": (1, False)}
        assert "FLAKY flaky: passed at try 2" in found.out and found.closing == "2 passed, 1 failed, 0 skipped"

    def test_fail_fast(self, run_tests):
        found = run_tests(["1", "2", "3", "4"], *SHELL, "[ {} != 2 ]", options=["--fail-fast", "-j", "1"], code=1)
        assert results(found) == {"1": "passed", "2": "failed", "3": "skipped", "4": "skipped"} and found.closing == "1 passed, 1 failed, 2 skipped"


class TestEachContainer:
    def facts_of(self, run_tests, *options):
        return json.loads(run_tests(["t"], "payload", "facts", options=options).told["t"]["stdout"])

    def test_it_is_fresh_and_alike(self, run_tests):
        """No host environment, a fixed name, nothing of another test."""
        script = "test ! -e /tmp/x && touch /tmp/x && ! touch /x 2>/dev/null && echo $(hostname) $TZ $LANG $(umask) $(ls /sys/class/net) $$; env | sort >&2"
        os.environ["MINIRUN_TEST_SECRET"] = "1"
        try:
            found = run_tests([f"t{i}" for i in range(6)], *SHELL, script)
        finally:
            del os.environ["MINIRUN_TEST_SECRET"]
        assert {one["stdout"] for one in found.told.values()} == {"minirun UTC C.UTF-8 0022 lo 2\n"}
        assert all("SECRET" not in one["stderr"] for one in found.told.values())

    def test_writable(self, run_tests):
        found = run_tests(["a", "b"], *SHELL, "test ! -e /etc/new && touch /etc/new", options=["--writable"])
        assert set(results(found).values()) == {"passed"}

    def test_disk_limit(self, run_tests):
        for options, path in ([], "/tmp/x"), (["--writable"], "/x"):
            found = run_tests(["t"], *SHELL, f"head -c 3000000 /dev/zero >{path} 2>/dev/null; wc -c <{path}", options=["--disk-limit", "1m", *options])
            assert 900_000 < int(found.told["t"]["stdout"]) <= 1 << 20

    def test_options_of_run(self, run_tests, scratch):
        (scratch / "file").write_text("from the host\n")
        found = run_tests(["t"], *SHELL, "cat /file; echo $A; id -u; nproc", options=["-v", f"{scratch}/file:/file:ro", "-e", "A=1", "-u", "1000", "--hostname", "other"])
        assert found.told["t"]["stdout"].startswith("from the host\n1\n1000\n")

    @pytest.mark.skipif(not pathlib.Path("/sys/fs/cgroup/cpuset").is_dir() and "cpuset" not in pathlib.Path("/sys/fs/cgroup/cgroup.controllers").read_text(), reason="no controller cpuset")
    def test_cores_of_its_own(self, run_tests):
        cpus = len(os.sched_getaffinity(0))
        found = run_tests([f"t{i}" for i in range(4)], *SHELL, "grep Cpus_allowed_list /proc/self/status", options=["--cores", "-j", str(cpus)])
        assert len({one["stdout"] for one in found.told.values()}) <= cpus and all("-" not in one["stdout"].split()[1] for one in found.told.values())

    def test_too_few_cores(self, minirun, plain):
        minirun("test", "--cores", "-j", "1000", plain, stdin="x\n").refused_with(125, "for 1000 jobs that want one each", hint="give a smaller -j")

    def test_deterministic(self, run_tests):
        """Addresses, pids, the number of CPUs and the time stamp are the same each time."""
        script = "echo $SOURCE_DATE_EPOCH $$ $(sh -c 'echo $$'); grep -c stack /proc/self/maps; grep stack /proc/self/maps | cut -c1-40; grep Cpus_allowed_list /proc/self/status"
        found = run_tests(["a", "b", "c"], *SHELL, script, options=["--deterministic", "--epoch", "1700000000", "-j", "1"])
        said = {one["stdout"] for one in found.told.values()}
        assert len(said) == 1 and said.pop().startswith("1700000000 2 ")
        different = run_tests(["a", "b", "c", "d"], *SHELL, "grep stack /proc/self/maps", options=["-j", "1"])
        assert len({one["stdout"] for one in different.told.values()}) > 1

    @pytest.mark.parametrize("option", ["-t", "-i", "--name=x", "--cidfile=x", "--pidfile=x", "--report=x", "--dry-run", "--stdout=x", "--timings", "--artifacts=/x:y"])
    def test_options_without_a_meaning(self, minirun, plain, option):
        minirun("test", option, plain, stdin="x\n").refused_with(125, "minirun test has no ")


class TestReports:
    def test_tap(self, minirun, plain):
        result = minirun("test", "--tap", "-j", "1", plain, "--", *SHELL, "echo '{}'; test '{}' != b", stdin="a # x\nb\n")
        lines = result.out.splitlines()
        assert lines[:4] == ["TAP version 14", "1..2", "ok 1 - a \\# x", "not ok 2 - b"] and lines[4] == "  ---" and lines[-1] == "  ..."
        assert '  stdout: "b\\n"' in lines and result.err.splitlines()[-1] == "1 passed, 1 failed, 0 skipped"

    def test_junit(self, minirun, plain, scratch):
        """Whatever a test writes, the document is one."""
        script = r"printf '\001\377<&>\042]]>\357\277\277'; test {} = good"
        result = minirun("test", "--junit", scratch / "out.xml", plain, "--", *SHELL, script, stdin="good\nbad\n")
        assert result.code == 1
        root = xml.etree.ElementTree.parse(scratch / "out.xml").getroot()
        suite = root.find("testsuite")
        assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {"tests": "2", "failures": "1", "errors": "0", "skipped": "0"}
        cases = {case.get("name"): case for case in suite.findall("testcase")}
        assert cases["good"].find("failure") is None and cases["bad"].find("failure").get("message") == "expected exit code 0, got 1"
        assert cases["bad"].find("system-out").text == '\ufffd\ufffd<&>"]]>\ufffd'

    def test_the_summary(self, run_tests):
        """The failed tests with the last of their output, none of which steers the terminal."""
        result = run_tests(["good", "bad"], *SHELL, r"seq 1 30; printf '\033[31mred\n' >&2; test {} = good", code=1)
        assert "FAILED bad: expected exit code 0, got 1" in result.out and "    stdout | 30\n" in result.out and "    stdout | 20\n" not in result.out
        assert r"    stderr | \x1b[31mred" in result.out and "\x1b" not in result.out and result.closing == "1 passed, 1 failed, 0 skipped"

    def test_rerun_failed(self, run_tests, scratch):
        names = ["a", "b", "c"]
        run_tests(names, *SHELL, "test {} = b", code=1)
        first = (scratch / "results").read_text()
        assert set(run_tests(names, *SHELL, "test {} = b", options=["--rerun-failed"], code=1).told) == {"a", "c"}
        (scratch / "before").write_text(first)
        assert set(run_tests(names, "true", options=[f"--rerun-failed={scratch}/before"]).told) == {"a", "c"}

    def test_rerun_without_a_run(self, minirun, plain):
        minirun("test", "--rerun-failed", plain, "--", "never", "ran", stdin="x\n").refused_with(125, "no earlier run", hint="run them all first")

    def test_findings(self, run_tests, minirun, plain):
        """What --report tells of one container is told of each test."""
        found = run_tests(["t"], *SHELL, "touch /etc/new; mount -t tmpfs x /mnt; true", options=["--writable", "--report-diff", "--report-denied"]).told["t"]["report"]
        assert [one["path"] for one in found["changes"]["added"]] == ["/etc/new"] and found["deniedCalls"]["mount"] == 1
        minirun("test", "--report-diff", plain, stdin="x\n").refused(125, "--report-diff is for --json only", "--json FILE says")

    def test_much_output(self, run_tests):
        """The last of it is kept."""
        found = run_tests(["t"], *SHELL, "seq 1 100000").told["t"]
        assert len(found["stdout"]) == 64 << 10 and found["stdout"].endswith("\n100000\n") and found["report"]["output"]["bytes"] > 500_000


class TestInterruption:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal(self, minirun, plain, scratch, number):
        """Every container is ended, those that ignore signals, too, and the reports are complete."""
        names = "".join(f"t{i}\n" for i in range(20))
        (scratch / "list").write_text("first\n" + names)
        script = "test {} = first || { trap '' TERM INT; echo started; sleep 100; }"
        with minirun.start("test", "--from", scratch / "list", "-j", "3", f"--json={scratch}/results", "--junit", scratch / "x.xml", plain, "--", *SHELL, script) as process:
            end = time.monotonic() + 60
            told = scratch / "results"
            while not (told.exists() and "first" in told.read_text() and len(minirun.containers()) == 3) and time.monotonic() < end:
                time.sleep(0.05)
            process.send(number)
            result = process.finish()
        assert result.code == 128 + number
        told = {one["name"]: one["result"] for one in map(json.loads, (scratch / "results").read_text().splitlines())}
        assert len(told) == 21 and told["first"] == "passed" and set(told.values()) == {"passed", "interrupted", "skipped"}
        assert xml.etree.ElementTree.parse(scratch / "x.xml").getroot().get("skipped") == "20"
        assert result.out.splitlines()[-1] == "1 passed, 0 failed, 20 skipped" and minirun.containers() == []

    def test_a_worker_that_is_killed(self, minirun, plain, scratch):
        """Its test has failed, the others go on."""
        (scratch / "list").write_text("slow\na\nb\nc\n")
        with minirun.start("test", "--from", scratch / "list", "-j", "1", f"--json={scratch}/results", plain, "--", *SHELL, "test {} != slow || sleep 100") as process:
            end = time.monotonic() + 60
            while not minirun.containers() and time.monotonic() < end:
                time.sleep(0.05)
            time.sleep(0.3)
            worker = process.pid
            os.kill(worker, signal.SIGKILL)
            result = process.finish()
        told = {one["name"]: one for one in map(json.loads, (scratch / "results").read_text().splitlines())}
        assert result.code == 1 and {name: one["result"] for name, one in told.items()} == {"slow": "failed", "a": "passed", "b": "passed", "c": "passed"}
        assert "SIGKILL" in told["slow"]["reason"] or "signal 9" in told["slow"]["reason"]
        assert minirun.containers() == []


def test_nothing_piles_up(minirun, plain, scratch):
    """Neither descriptors nor memory of the process that runs one test after the other."""
    (scratch / "list").write_text("".join(f"{i}\n" for i in range(300)))
    seen = []
    with minirun.start("test", "--from", scratch / "list", "-j", "1", f"--json={scratch}/results", plain, "--", "true") as process:
        end = time.monotonic() + 60
        while process.popen.poll() is None and time.monotonic() < end:
            done = (scratch / "results").read_text().count("\n") if (scratch / "results").exists() else 0
            try:
                worker = pathlib.Path(f"/proc/{process.pid}")
                memory = next(int(line.split()[1]) for line in (worker / "status").read_text().splitlines() if line.startswith("VmRSS"))
                seen.append((done, len(os.listdir(worker / "fd")), memory))
            except (IndexError, FileNotFoundError, ProcessLookupError, StopIteration):
                pass
            time.sleep(0.01)
        process.finish().ok()
    early = [one for one in seen if 20 <= one[0] < 100]
    late = [one for one in seen if one[0] >= 200]
    assert early and late
    assert max(fds for _, fds, _ in late) <= max(fds for _, fds, _ in early) + 2
    assert max(memory for _, _, memory in late) <= max(memory for _, _, memory in early) + 512
