"""minirun run --report-denied: the system calls that the seccomp filter denies, by name. What it answers is held to be the
same as without, call by call: see also test_seccomp.py and tests/unit/security/denial_filter_test.cpp."""
import json
import platform
import time

import jsonschema
import pytest

from harness import PROJECT
from test_seccomp import ALLOWED, DENIED

SCHEMA = json.loads((PROJECT / "docs/report.schema.json").read_text())
KEYCTL = 250
pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers of system calls are those of x86-64")


@pytest.fixture
def denied(minirun, scratch, plain):
    """Runs it; returns what the report counts, and the result."""
    def run(*words, options=(), code=0):
        result = minirun.run("--report", scratch / "report", "--report-denied", *options, plain, *words)
        assert result.code == code, result
        report = json.loads((scratch / "report").read_text())
        jsonschema.validate(report, SCHEMA)
        return report["deniedCalls"], result
    return run


@pytest.fixture
def profile(scratch):
    def write(*syscalls, default="SCMP_ACT_ALLOW"):
        (scratch / "profile").write_text(json.dumps({"defaultAction": default, "syscalls": list(syscalls)}))
        return ["--security-opt", f"seccomp={scratch}/profile"]
    return write


@pytest.mark.parametrize("options", [[], ["--init"], ["-u", "1000"], ["--userns", "private"], ["--pid", "host"], ["-m", "50m"],
                                     ["--security-opt", "no-new-privileges=false"], ["-t"]], ids=str)
def test_counts_by_name(denied, options):
    calls, _ = denied("sh", "-c", "payload call 250 3; payload try keyctl bpf getpid >/dev/null", options=options)
    assert (calls["keyctl"], calls["bpf"]) == (4, 1) and "getpid" not in calls


def test_what_it_answers_is_the_same(denied):
    tried = [*DENIED, *ALLOWED, "nr:600", "nr:9999", "clone3"]
    calls, result = denied("payload", "try", *tried)
    assert json.loads(result.out) == dict.fromkeys(DENIED, "EPERM") | dict.fromkeys(ALLOWED, "ok") | dict.fromkeys(["nr:600", "nr:9999", "clone3"], "ENOSYS")
    assert calls["unknown"] == 2 and calls["socket"] == sum(one.startswith("socket") for one in DENIED)


def test_nothing_denied(denied):
    assert denied("true")[0] == {}


def test_not_asked_for(minirun, scratch, plain):
    minirun.run("--report", scratch / "report", plain, "payload", "try", "keyctl").ok()
    assert "deniedCalls" not in json.loads((scratch / "report").read_text())


@pytest.mark.parametrize("options", [["--privileged"], ["--security-opt", "seccomp=unconfined"]], ids=str)
def test_without_a_filter(denied, options):
    assert denied("payload", "try", "keyctl", options=options)[0] == {}


def test_a_profile_of_ones_own(denied, profile):
    options = profile({"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5}, {"names": ["rmdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0})
    calls, result = denied("sh", "-c", "payload call 83 7; payload call 84 2", options=options)
    assert (calls, result.out) == ({"mkdir": 7, "rmdir": 2}, "EIO\n0\n")


def test_what_it_kills_for_goes_on_killing(denied, profile):
    options = profile({"names": ["mkdir"], "action": "SCMP_ACT_KILL_PROCESS"}, {"names": ["rmdir"], "action": "SCMP_ACT_ERRNO"})
    assert denied("sh", "-c", "payload call 84 1; payload call 83 1; exit 0", options=options)[0] == {"rmdir": 1}


def test_what_is_left_to_do_before_exec_can_be_denied(minirun, plain, profile, scratch):
    """minirun has to answer its own child."""
    options = profile({"names": ["execve"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13})
    result = minirun.run("--report", scratch / "report", "--report-denied", *options, plain, "true")
    assert result.code == 126 and "ermission" in result.err, result


def test_signals_do_not_count_twice(denied):
    """`call` has a timer that fires every 2 ms, with a handler."""
    assert denied("payload", "call", KEYCTL, 5000)[0] == {"keyctl": 5000}


def test_threads_and_processes_at_once(denied):
    calls, _ = denied("sh", "-c", "for i in 1 2 3 4 5 6 7 8; do payload call 250 2000 & done; wait")
    assert calls == {"keyctl": 16_000}


def test_a_flood_ends_with_the_time_limit(denied):
    before = time.monotonic()
    calls, _ = denied("sh", "-c", "for i in 1 2 3 4 5 6; do payload call 250 0 & done; payload call 250 0", options=["--timeout", "1"], code=124)
    assert calls["keyctl"] > 1000 and time.monotonic() - before < 20


def test_a_flood_ends_with_the_first_process(denied):
    """Others wait for an answer at that moment; also without a pid namespace, where they are left."""
    for options in [], ["--pid", "host"], ["--init"]:
        assert denied("sh", "-c", "for i in 1 2 3 4; do payload call 250 0 >/dev/null & done; sleep 0.3; exit 7", options=options, code=7)[0]["keyctl"] > 100


def test_killed_while_it_waits(denied):
    calls, _ = denied("sh", "-c", "i=0; while [ $i -lt 40 ]; do i=$((i+1)); payload call 250 0 & p=$!; sleep 0.01; kill -9 $p; done 2>/dev/null; payload call 250 1")
    assert calls["keyctl"] > 40


def test_numbers_without_a_name_are_one(denied):
    calls, _ = denied("sh", "-c", "for i in 777 888 999 5000 70000; do payload call $i 2; done")
    assert calls == {"unknown": 10}


def test_minirun_is_killed(minirun, plain, scratch):
    """Who waits for its answer then dies, too."""
    with minirun.start("run", "--report", scratch / "report", "--report-denied", plain, "sh", "-c", "echo begun; payload call 250 0") as running:
        running.wait_for("begun")
        running.send(9)
    minirun.run(plain, "true").ok()


def test_a_notifying_profile_is_refused(minirun, plain, scratch):
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/not/there", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}
    (scratch / "profile").write_text(json.dumps(profile))
    result = minirun.run("--report", scratch / "report", "--report-denied", "--security-opt", f"seccomp={scratch}/profile", plain, "true")
    result.refused_with(125, "--report-denied: the seccomp profile has an SCMP_ACT_NOTIFY of its own")


def test_a_profile_that_keeps_minirun_from_it(minirun, plain, scratch, profile):
    options = profile({"names": ["recvmsg"], "action": "SCMP_ACT_ERRNO"})
    minirun.run("--report", scratch / "report", "--report-denied", *options, plain, "true").refused_with(125, "does not let recvmsg through", hint="allow write, recvmsg and close")


def test_without_a_report(minirun, plain):
    minirun.run("--report-denied", plain, "true").refused(125, "--report-denied is for --report only", hint="--report FILE")
