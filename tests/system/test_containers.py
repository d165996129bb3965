"""Containers with a name or in the background: what other commands see of them and do to them."""
import contextlib
import json
import os
import pathlib
import re
import signal
import time

import pytest

from harness import MINIRUN, until
from observed import EAT, logged, phase, state, supervisor_of

ANOTHER_NAME = "choose another name, or remove that container first"
LISTED = "minirun ps -a lists them"


class TestLife:
    def test_in_the_background(self, box, detached):
        id = detached("sh", "-c", "echo hello; exec sleep 1000")
        assert re.fullmatch("[0-9a-f]{64}", id)
        assert box("ps", "-q", "--no-trunc").lines == [id]
        logged(box, "hello\n")
        assert phase(box) == "running"
        assert box("stop", "web").ok().out == "web\n"
        assert (phase(box), box("ps", "-q").lines) == ("exited", [])
        assert box("ps", "-aq").lines == [id[:12]]
        assert box("start", "web").ok().out == "web\n" and phase(box) == "running"
        assert box("rm", "-f", id[:7]).ok().out == id[:7] + "\n"
        assert (box.containers(), box.names(), box("ps", "-aq").lines) == ([], [], [])

    def test_in_the_foreground(self, box, plain):
        """It stays when it has a name, with its log and what it has written."""
        result = box.run("--name", "fg", plain, "sh", "-c", "echo out; echo err >&2; echo kept > /file; exit 3")
        assert (result.code, result.out, result.err) == (3, "out\n", "err\n")
        assert (phase(box, "fg"), state(box, "fg")["ExitCode"]) == ("exited", 3)
        result = box("logs", "fg")
        assert (result.code, result.out, result.err) == (0, "out\n", "err\n")
        assert box("wait", "fg").ok().out == "3\n"
        box("rm", "fg").ok()

    def test_rm(self, box, detached, plain):
        box.run("--name", "fg", "--rm", plain, "true").ok()
        detached("sh", "-c", "sleep 0.2; exit 7", options=["--rm"])
        assert box("wait", "web").ok().out == "7\n"
        until(lambda: box.containers() == [], "the end of the container")

    def test_an_anonymous_one_in_the_foreground_vanishes(self, box, plain):
        box.run(plain, "true").ok()
        assert box("ps", "-aq").lines == [] and box.containers() == []

    def test_what_it_writes_is_there_again(self, box, detached):
        detached("sh", "-c", "date >> /times; exec sleep 1000", options=["-v", "/volume"])
        for _ in range(3):
            box("exec", "web", "sh", "-c", "echo x >> /volume/x; rm -f /etc/group").ok()
            box("restart", "-t", "0", "web").ok()
            until(lambda: phase(box) == "running", "the next run")
        assert box("exec", "web", "cat", "/volume/x").ok().out == "x\n" * 3
        until(lambda: len(box("exec", "web", "cat", "/times").lines) == 4, "the fourth line")
        assert box("exec", "web", "ls", "/etc/group").code != 0

    @pytest.mark.parametrize("options", [["--read-only"], ["--userns", "private"], ["--tmpfs-upper"], ["--init"], ["--isolate-layers"],
                                         ["--pid", "host"], ["-m", "64m"], ["--network", "host"], ["--security-opt", "seccomp=unconfined"],
                                         ["--read-only", "-v", "/etc"], ["--privileged", "-q"], ["-t"], ["-i"], ["--ulimit", "nofile=99"]], ids=" ".join)
    def test_it_starts_again_as_it_was(self, box, detached, options):
        facts = "sh", "-c", "payload facts; exec sleep 1000"
        detached(*facts, options=options)
        logged(box, "\n")
        box("stop", "web").ok()
        box("start", "web").ok()
        until(lambda: len(box("logs", "web").lines) == 2, "the facts of the second run")
        changing = {"session_keyring": 0, "pid": 0}
        first, second = (json.loads(re.sub(r":\[\d{6,}\]", "", line)) | changing for line in box("logs", "web").lines)
        assert first == second

    def test_created_first(self, box, plain):
        id = box("create", "--name", "c", plain, "sh", "-c", "echo $0").ok().out.strip()
        assert (phase(box, "c"), state(box, "c")["Pid"]) == ("created", 0)
        assert "Created" in box("ps", "-a").ok().out
        box("start", id).ok()
        assert box("wait", "c").ok().out == "0\n"
        logged(box, "sh\n", "c")

    def test_without_a_name(self, box, detached):
        id = detached("sleep", "1000", name=None)
        assert box("ps", "--format", "{{.Names}}").lines == [id[:12]]
        assert box("stop", id[:5]).ok().out == id[:5] + "\n"

    def test_pause(self, box, detached):
        detached("sh", "-c", "while true; do echo x; sleep 0.01; done")
        box("pause", "web").ok()
        assert phase(box) == "paused" and "(Paused)" in box("ps").ok().out
        before = box("logs", "web").ok().out
        time.sleep(0.1)
        assert box("logs", "web").ok().out == before
        box("exec", "web", "true").refused(125, "container 'web' is not running: it is paused", "minirun unpause lets it go on")
        box("pause", "web").refused(125, "container 'web' is paused already")
        box("unpause", "web").ok()
        until(lambda: box("logs", "web").ok().out != before, "more of the log")
        box("pause", "web").ok()
        box("stop", "-t", "0", "web").ok()
        assert phase(box) == "exited"

    def test_rename(self, box, detached):
        detached("sleep", "1000")
        detached("sleep", "1000", name="other")
        box("rename", "web", "other").refused_with(125, "the name 'other' is in use by container", hint=ANOTHER_NAME)
        box("rename", "web", "new").ok()
        assert sorted(box("ps", "--format", "{{.Names}}").lines) == ["new", "other"] and sorted(box.names()) == ["new", "other"]
        box("stop", "web").refused(125, "there is no container 'web'", LISTED)

    def test_prune(self, box, detached, plain):
        running, ended = detached("sleep", "1000"), detached("true", name="ended")
        box("wait", "ended").ok()
        box("create", plain).ok()
        assert f"Deleted: {ended}\n" in box("container", "prune", "-f").ok().out
        assert box("ps", "-aq", "--no-trunc").lines == [running]

    def test_its_image_is_in_use(self, box, scratch, base):
        from archives import docker_archive
        box("load", "-q", docker_archive(scratch / "a.tar", [base])).ok()
        id = box.run("-d", "made:1", "sleep", "1000").ok().out.strip()
        box("rmi", "made:1").refused_with(125, "in use", id[:12])
        box("stop", id).ok()
        box("rmi", "made:1").refused_with(125, "in use", id[:12])
        box("rm", id).ok()
        box("rmi", "made:1").ok()


class TestExitCodes:
    @pytest.mark.parametrize("words, code", [(["true"], 0), (["sh", "-c", "exit 42"], 42), (["sh", "-c", "(sleep 0.1; kill -KILL $$) & exec sleep 1000"], 137),
                                             (["sh", "-c", "trap 'exit 5' TERM; sleep 1000 & wait"], 5), (["sleep", "1000"], 143)], ids=str)
    def test_of_its_end(self, box, detached, words, code):
        detached(*words, options=["--init"])
        if code in (5, 143):
            time.sleep(0.1)  # the shell sets its trap
            box("stop", "web").ok()
        assert box("wait", "web").ok().out == f"{code}\n"
        assert state(box)["ExitCode"] == code

    def test_of_a_limit(self, box, detached):
        detached("sleep", "1000", options=["--timeout", "0.1"])
        assert box("wait", "web").ok().out == "124\n"

    def test_out_of_memory(self, box, detached):
        detached("sh", "-c", EAT, options=["-m", "32m"])
        assert box("wait", "web").ok().out == "137\n" and state(box)["OOMKilled"] is True

    def test_a_process_that_does_not_listen(self, box, detached):
        detached("sh", "-c", "trap '' TERM; echo ready; while true; do sleep 0.1; done")
        logged(box, "ready\n")
        box("stop", "-t", "0.2", "web").ok()
        assert state(box)["ExitCode"] == 137

    def test_the_stop_signal(self, box, detached):
        detached("sh", "-c", "trap 'echo usr; exit 9' USR1; echo ready; while true; do sleep 0.05; done", options=["--stop-signal", "USR1"])
        logged(box, "ready\n")
        box("stop", "web").ok()
        assert state(box)["ExitCode"] == 9 and "usr\n" in box("logs", "web").ok().out

    def test_kill(self, box, detached):
        detached("sh", "-c", "trap 'echo hup' HUP; echo ready; while true; do sleep 0.05; done")
        logged(box, "ready\n")
        box("kill", "-s", "HUP", "web").ok()
        logged(box, "hup\n")
        box("kill", "web").ok()
        assert (phase(box), state(box)["ExitCode"]) == ("exited", 137)
        box("kill", "web").refused(125, "container 'web' is not running", "minirun start starts it")
        box("kill", "-s", "NO", "web").refused_with(125, "--signal 'NO': there is no such signal")


class TestRestart:
    def test_on_failure(self, box, detached):
        detached("sh", "-c", "echo x; exit 4", options=["--restart", "on-failure:2"])
        assert box("wait", "web").ok().out == "4\n"
        assert box("logs", "web").ok().out == "x\n" * 3
        assert box("inspect", "-f", "{{.RestartCount}}", "web").lines == ["2"]

    def test_on_failure_is_not_on_success(self, box, detached):
        detached("sh", "-c", "echo x", options=["--restart", "on-failure"])
        assert box("wait", "web").ok().out == "0\n"
        assert box("logs", "web").ok().out == "x\n"

    @pytest.mark.parametrize("policy", ["always", "unless-stopped"])
    def test_until_it_is_stopped(self, box, detached, policy):
        detached("sh", "-c", "echo x; sleep 0.02", options=["--restart", policy])
        until(lambda: box("logs", "web").ok().out == "x\n" * 3, "the third run")
        box("stop", "-t", "0", "web").ok()
        assert phase(box) == "exited"
        count = len(box("logs", "web").lines)
        time.sleep(0.5)
        assert len(box("logs", "web").lines) == count
        box("start", "web").ok()
        assert phase(box) in ("running", "restarting")

    @pytest.mark.parametrize("value", ["sometimes", "on-failure:x", "on-failure:0", ""])
    def test_no_such_policy(self, box, plain, value):
        box.run("-d", "--restart", value, plain).refused(125, f"--restart '{value}': expected no, on-failure[:N], always or unless-stopped")

    def test_with_rm(self, box, plain):
        box.run("-d", "--rm", "--restart", "always", plain).refused(125, "--rm and --restart exclude each other", "leave out one of them")
        box.run("--restart", "always", plain).refused(125, "--restart is for containers in the background", "add --detach")


class TestSupervisor:
    def test_it_is_small_and_asleep(self, box, detached):
        """Private memory that is its own: pages of the program are shared by all that run it."""
        detached("sleep", "1000")
        detached("sleep", "1000", name="other")
        pid = supervisor_of(box)
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        assert int(re.search(r"Private_Dirty: +(\d+)", text)[1]) <= 600
        switches = lambda: re.search(r"^voluntary_ctxt_switches:\t(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1]
        before = switches()
        time.sleep(1)
        assert switches() == before

    def test_it_holds_nothing_of_the_caller(self, box, plain, scratch):
        held = os.open(scratch / "held", os.O_CREAT | os.O_RDWR)
        box.run("-d", "--name", "web", plain, "sleep", "1000", pass_fds=[held]).ok()
        pid = supervisor_of(box)
        assert str(scratch / "held") not in [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        assert os.getsid(pid) == pid and os.readlink(f"/proc/{pid}/cwd") == "/"
        os.close(held)

    def test_it_is_killed(self, box, detached):
        """The container goes with it, the next command says so, and all can be done that can be done to one that has ended."""
        detached("sleep", "1000")
        os.kill(supervisor_of(box), signal.SIGKILL)
        until(lambda: phase(box) == "exited", "the end of the container")
        assert (state(box)["ExitCode"], state(box)["Error"]) == (137, "its supervisor was killed, and it was ended")
        assert "Exited (137)" in box("ps", "-a").ok().out and box("wait", "web").ok().out == "137\n"
        box("start", "web").ok()
        assert (phase(box), state(box)["Error"]) == ("running", "")
        os.kill(supervisor_of(box), signal.SIGKILL)
        box("rm", "-f", "web").ok()

    def test_storm(self, box, detached):
        """Killed at random moments, also while it starts: every time it can be told what became of it, and started again."""
        detached("sleep", "1000")
        for round in range(20):
            with box.start("restart", "-t", "0", "web") as restarting:
                time.sleep(0.002 * round)
                record = box.root / "containers" / box.containers()[0] / "supervisor"
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    os.kill(int(os.readlink(record).split()[0]), signal.SIGKILL)
                restarting.finish()
            assert phase(box) in ("running", "exited")
        box("rm", "-f", "web").ok()


class TestManyAtOnce:
    def test_one_name(self, box, plain):
        started = [box.start("run", "-d", "--name", "web", plain, "sleep", "1000") for _ in range(8)]
        results = [one.finish() for one in started]
        assert sorted(result.code for result in results) == [0] + [125] * 7
        assert all("the name 'web' is in use" in result.err for result in results if result.code)
        assert len(box.containers()) == 1

    def test_start_and_rm(self, box, detached, plain):
        for _ in range(10):
            box("create", "--name", "web", plain, "sleep", "1000").ok()
            both = [box.start("start", "web"), box.start("rm", "-f", "web")]
            [one.finish() for one in both]
            box("rm", "-f", "web")
            assert box.containers() == [] and box.names() == []

    def test_two_starts(self, box, plain):
        box("create", "--name", "web", plain, "sleep", "1000").ok()
        results = [one.finish() for one in [box.start("start", "web") for _ in range(6)]]
        assert sorted(result.code for result in results) == [0] + [125] * 5
        assert all("container 'web' runs already" in result.err for result in results if result.code)


class TestPs:
    def test_table(self, box, detached):
        id = detached("sh", "-c", "exec sleep 1000 # and more than fits")
        head, row = box("ps").lines
        assert head.split("   ")[0] == "CONTAINER ID" and re.split("  +", head) == ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"]
        assert row.startswith(id[:12]) and '"sh -c exec sleep 10…"' in row and " Up " in row and row.endswith(" web")

    def test_formats(self, box, detached):
        id = detached("sleep", "1000", options=["--label", "a=b", "--label", "c"])
        fields = json.loads(box("ps", "--format", "json", "--no-trunc").ok().out)
        assert (fields["ID"], fields["Names"], fields["State"], fields["Labels"], fields["Command"]) == (id, "web", "running", "a=b,c=", '"sleep 1000"')
        assert box("ps", "--format", "{{.Names}} {{.State}}").lines == ["web running"]
        box("ps", "--format", "{{.Nope}}").refused_with(125, "Nope")
        assert re.fullmatch(r"[\d.]+k?B", box("ps", "-s", "--format", "{{.Size}}").lines[0])

    @pytest.mark.parametrize("words, found", [(["name=we"], ["web"]), (["label=a"], ["web"]), (["label=a=b"], ["web"]), (["label=a=c"], []), (["status=exited"], ["done"]),
                                              (["exited=3"], ["done"]), (["exited=0"], []), (["name=web", "name=done", "status=running"], ["web"])], ids=str)
    def test_filters(self, box, detached, words, found):
        detached("sleep", "1000", options=["--label", "a=b"])
        detached("sh", "-c", "exit 3", name="done")
        box("wait", "done").ok()
        assert box("ps", *(word for filter in words for word in ("-f", filter)), "--format", "{{.Names}}").lines == found

    def test_the_last_ones(self, box, detached):
        for name in "one", "two", "three":
            detached("true", name=name)
        assert box("ps", "-l", "--format", "{{.Names}}").lines == ["three"]
        assert box("ps", "-n", "2", "--format", "{{.Names}}").lines == ["three", "two"]

    def test_top(self, box, detached):
        detached("sh", "-c", "sleep 1001 & exec sleep 1002")
        until(lambda: len(box("top", "web").lines) == 3, "two processes")
        assert sorted(line.split(None, 1)[1] for line in box("top", "web").lines[1:]) == ["sleep 1001", "sleep 1002"]


class TestErrors:
    @pytest.mark.parametrize("command", ["start", "stop", "restart", "kill", "pause", "unpause", "rm", "wait", "logs", "top"])
    def test_no_such_container(self, box, command):
        box(command, "nope").refused(125, "there is no container 'nope'", LISTED)
        box(command).refused_with(125, f"minirun {command} takes a container")

    def test_the_others_have_their_turn(self, box, detached):
        detached("sleep", "1000")
        result = box("rm", "-f", "nope", "web")
        assert (result.code, result.out) == (125, "web\n") and "there is no container 'nope'" in result.err

    def test_rm_of_one_that_runs(self, box, detached):
        detached("sleep", "1000")
        box("rm", "web").refused(125, "cannot remove container 'web': it is running", "stop it first, or remove it with --force")

    def test_an_id_that_is_several(self, box, detached):
        for n in range(17):
            detached("true", name=f"c{n}")
        twice = next(one for one in "0123456789abcdef" if sum(id.startswith(one) for id in box("ps", "-aq").lines) > 1)
        box("inspect", "--type", "container", twice)
        box("stop", twice).refused_with(125, f"containers begin with '{twice}'", hint="give more of it")

    def test_a_command_that_is_not_there(self, box, plain):
        for options in (["-d"], []):
            box.run(*options, "--name", "web", plain, "nope").refused_with(127, "command 'nope'")
            assert box.containers() == [] and box.names() == []
        box("create", "--name", "web", plain, "nope").ok()
        box("start", "web").refused_with(127, "command 'nope'")
        assert (phase(box), state(box)["ExitCode"]) == ("exited", 127) and "'nope'" in state(box)["Error"]

    @pytest.mark.parametrize("option", ["--report=x", "--pidfile=x", "--stdin=/dev/null", "--timings", "--artifacts=/x:y"])
    def test_what_waits_for_the_end(self, box, plain, option):
        box.run("-d", option, plain).refused_with(125, option.split("=")[0], "has no meaning with --detach")

    def test_cidfile(self, box, plain, scratch):
        id = box.run("-d", "--cidfile", scratch / "cid", plain, "sleep", "1000").ok().out.strip()
        assert (scratch / "cid").read_text() == id
        box.run("-d", "--cidfile", scratch / "cid", plain, "true").refused_with(125, "cannot make the file")
        assert len(box.containers()) == 1


class TestInspect:
    def test_docker_s_keys(self, box, detached):
        id = detached("sleep", "1000", options=["-m", "64m", "--read-only", "-v", "/tmp:/host:ro", "-e", "A=1", "--restart", "on-failure:3", "--log-opt", "max-size=1m"])
        one = json.loads(box("inspect", "web").ok().out)[0]
        assert (one["Id"], one["Name"], one["Path"], one["Args"], one["Driver"]) == (id, "/web", "sleep", ["1000"], "overlay2")
        assert one["State"]["Running"] and pathlib.Path(f"/proc/{one['State']['Pid']}").exists()
        host = one["HostConfig"]
        assert (host["Memory"], host["ReadonlyRootfs"], host["RestartPolicy"]) == (64 << 20, True, {"Name": "on-failure", "MaximumRetryCount": 3})
        assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1048576"}}
        assert "A=1" in one["Config"]["Env"]
        assert [(mount["Source"], mount["Destination"], mount["RW"]) for mount in one["Mounts"]] == [("/tmp", "/host", False)]

    def test_of_what_is_neither(self, box):
        result = box("inspect", "nope")
        assert (result.code, result.out) == (125, "[]\n") and "there is neither a container nor an image 'nope'" in result.err


class TestDiff:
    @pytest.mark.parametrize("options", [[], ["--userns", "private"]], ids=" ".join)
    def test_letters(self, box, detached, options):
        detached("sh", "-c", "echo x > /etc/passwd; rm /etc/group; mkdir -p /a/b; echo ready; exec sleep 1000", options=options)
        logged(box, "ready\n")
        for _ in "running", "exited":
            assert box("diff", "web").lines == ["A /a", "A /a/b", "C /etc", "D /etc/group", "C /etc/passwd"]
            box("stop", "web").ok()

    def test_nothing_has_changed(self, box, detached):
        detached("true")
        assert box("diff", "web").lines == []
        detached("true", name="ro", options=["--read-only"])
        assert box("diff", "ro").lines == []

    def test_there_is_no_layer(self, box, detached):
        detached("true", options=["--tmpfs-upper"])
        box("diff", "web").refused(125, "container 'web' has no writable layer on disk that could be looked at")


class TestStats:
    def test_once(self, box, detached):
        id = detached("sh", "-c", "while true; do :; done", options=["-m", "64m"])
        head, row = box("stats", "--no-stream").lines
        assert re.split("   +", head) == ["CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS"]
        found = re.fullmatch(rf"{id[:12]} +web +([\d.]+)% +[\d.]+ \w+ / 64 MiB +[\d.]+% .* 1", row)
        assert float(found[1]) > 1

    def test_formats(self, box, detached):
        id = detached("sleep", "1000")
        fields = json.loads(box("stats", "--no-stream", "--format", "json", "--no-trunc", "web").ok().out)
        assert (fields["ID"], fields["Name"], fields["PIDs"], fields["MemUsage"].endswith(" / --")) == (id, "web", "1", True)
        box("stop", "web").ok()
        box("stats", "--no-stream", "web").refused(125, "container 'web' is not running", "minirun start starts it")
        assert len(box("stats", "--no-stream").lines) == 1


class TestUpdate:
    def test_at_once_and_again(self, box, detached):
        detached("sleep", "1000")
        box("update", "-m", "64m", "--cpus", "0.5", "--restart", "always", "web").ok()
        of = lambda: json.loads(box("inspect", "web").ok().out)[0]["HostConfig"]
        assert (of()["Memory"], of()["CpuQuota"], of()["CpuPeriod"], of()["RestartPolicy"]["Name"]) == (64 << 20, 50000, 100000, "always")
        box("exec", "web", "sh", "-c", EAT).ended(137)
        box("stop", "-t", "0", "web").ok()
        box("update", "--pids-limit", "3", "web").ok()
        box("start", "web").ok()
        assert (of()["Memory"], of()["PidsLimit"]) == (64 << 20, 3)
        box("exec", "web", "sh", "-c", EAT).ended(137)

    @pytest.mark.parametrize("words, message", [(["web"], "minirun update takes what is to be changed"), (["--memory-swap", "1g", "web"], "--memory-swap counts memory and swap together: it needs --memory"),
                                                (["-m", "x", "web"], "--memory 'x'"), (["-m", "1g"], "minirun update takes a container")])
    def test_bad_words(self, box, words, message):
        box("update", *words).refused_with(125, message)


class TestGenerate:
    def test_a_unit(self, box, plain):
        box("create", "--name", "svc", "--stop-timeout", "3", plain, "sh", "-c", "trap 'exit 4' TERM; while true; do sleep 0.05; done").ok()
        unit = box("generate", "systemd", "svc").ok().out
        values = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line)
        program = f'"{os.path.realpath(MINIRUN)}"'
        assert (values["ExecStart"], values["ExecStop"]) == (f"{program} supervise svc", f"{program} stop svc")
        assert (values["Environment"], values["TimeoutStopSec"], values["Type"]) == (f'"MINIRUN_ROOT={box.root}"', "33", "exec")

    def test_what_the_unit_runs(self, box, plain):
        """The supervisor itself, which ends as the container does."""
        box("create", "--name", "svc", plain, "sh", "-c", "trap 'exit 4' TERM; echo up; while true; do sleep 0.05; done").ok()
        with box.start("supervise", "svc") as running:
            until(lambda: box("logs", "svc").out == "up\n", "the container")
            assert phase(box, "svc") == "running"
            box("start", "svc").refused(125, "container 'svc' runs already")
            box("stop", "svc").ok()
            running.finish().ended(4)
        box("create", "--name", "bad", plain, "nope").ok()
        box("supervise", "bad").refused_with(127, "'nope'")
        box("supervise", "svc", "more").refused(125, "minirun supervise takes a container, and is for service managers", "minirun start runs it in the background")

    def test_bad_words(self, box, plain):
        box("generate", "cron", "x").refused(125, "minirun generate makes units of systemd only", "write minirun generate systemd CONTAINER")


class TestAtTheWrongMoment:
    def test_exec_while_it_starts(self, box, detached, scratch):
        """Until its program runs the host's tree is in the container's mounts: nobody gets in before."""
        (scratch / "of-the-host").touch()
        detached("sleep", "0.02", options=["--restart", "always"])
        codes = [box("exec", "web", "test", "-e", scratch / "of-the-host").code for _ in range(60)]
        assert 0 not in codes

    @pytest.mark.parametrize("command", [["stop", "-t", "0"], ["kill"], ["rm", "-f"]], ids=lambda words: words[0])
    def test_while_it_starts(self, box, plain, command):
        box("create", "--name", "web", "--isolate-layers", plain, "sleep", "1000").ok()
        for _ in range(5):
            with box.start("start", "web") as starting:
                until(lambda: (box.root / "containers" / box.containers()[0] / "supervisor").is_symlink(), "the supervisor")
                result = box(*command, "web")
                starting.finish()
            if command[0] == "kill" and result.code:
                result.refused(125, "container 'web' is not running", "minirun start starts it")
                box("kill", "web").ok()
            if command[0] == "rm":
                assert result.ok() and box.containers() == []
                return
            assert phase(box) == "exited"

    def test_what_outlives_it_cannot_hold_it_up(self, box, detached):
        detached("sh", "-c", "yes & exit 3", options=["--pid", "host", "--log-opt", "max-size=1m"])
        assert box("wait", "web").ok().out == "3\n"

    def test_renamed_meanwhile(self, box, detached, plain):
        """The name that it had is another one's by now."""
        detached("sh", "-c", "read x", options=["-i", "--rm"])
        box("rename", "web", "other").ok()
        detached("sleep", "1000")
        box("stop", "-t", "0", "other").ok()
        assert box("ps", "--format", "{{.Names}}").lines == ["web"] and phase(box) == "running"

    def test_the_disk_is_full_at_its_end(self, box, plain, scratch):
        """In a mount namespace of all these commands' own: what can be told and done is told and done."""
        script = """set -e; mount -t tmpfs -o size=400k t "$MINIRUN_ROOT"
            "$0" run -d --name web "$1" sh -c 'dd if=/dev/zero of=/fill bs=4k 2>/dev/null; exit 3' >/dev/null
            "$0" wait web; "$0" ps -aq | wc -l; "$0" rm web; "$0" ps -aq | wc -l; df --output=avail "$MINIRUN_ROOT" | tail -n 1"""
        box.root.mkdir(exist_ok=True)
        ran = box("unused", before=["unshare", "--mount", "sh", "-c", script, MINIRUN, plain])
        assert ran.out.split()[:4] == ["3", "1", "web", "0"] and int(ran.out.split()[4]) > 300, ran
