"""Health checks of containers: what is run, what is made of it, and that nothing waits for it."""
import json
import os
import pathlib

import pytest

from harness import children, until

SLEEP = "sleep", "1000"
FAST = "--health-interval", "20ms"


def health(box, name="web"):
    return json.loads(box("inspect", name).ok().out)[0]["State"].get("Health")


def becomes(box, status, name="web"):
    until(lambda: health(box, name)["Status"] == status, f"the status {status}: {health(box, name)}")


def results(box, name="web"):
    """When there is one."""
    until(lambda: health(box, name)["Log"] != [], "the first check")
    return health(box, name)["Log"]


def checked(box, name="web"):
    """One more check than now."""
    last = lambda: [one["Start"] for one in health(box, name)["Log"]][-1:]
    before = last()
    until(lambda: last() != before, "the next check")


def supervisor(box):
    """The process that watches over the only container."""
    return int(os.readlink(box.root / "containers" / box.containers()[0] / "supervisor").split()[0])


class TestStatus:
    def test_as_the_checks_end(self, box, detached):
        detached(*SLEEP, options=["--health-cmd", "test -f /well && echo fine", *FAST, "--health-retries", "2"])
        becomes(box, "unhealthy")
        assert health(box)["FailingStreak"] >= 2
        assert "(unhealthy)" in box("ps").ok().out
        box("exec", "web", "touch", "/well").ok()
        becomes(box, "healthy")
        assert health(box)["FailingStreak"] == 0 and "(healthy)" in box("ps").ok().out
        until(lambda: all(one["ExitCode"] == 0 for one in health(box)["Log"]), "five checks that were fine")
        assert [one["Output"] for one in health(box)["Log"]] == ["fine\n"] * 5
        box("exec", "web", "rm", "/well").ok()
        becomes(box, "unhealthy")

    def test_at_first(self, box, detached):
        detached(*SLEEP, options=["--health-cmd", "true"])
        assert health(box) == {"Status": "starting", "FailingStreak": 0, "Log": []}
        assert "(health: starting)" in box("ps").ok().out
        config = json.loads(box("inspect", "web").out)[0]["Config"]["Healthcheck"]
        second = 1_000_000_000
        assert config == {"Test": ["CMD-SHELL", "true"], "Interval": 30 * second, "Timeout": 30 * second, "StartPeriod": 0,
                          "StartInterval": 5 * second, "Retries": 3}

    def test_the_start_period(self, box, detached):
        detached(*SLEEP, options=["--health-cmd", "test -f /well", "--health-interval", "1h", "--health-retries", "1",
                                  "--health-start-period", "1h", "--health-start-interval", "20ms"])
        for _ in range(3):
            checked(box)
        assert (health(box)["Status"], health(box)["FailingStreak"]) == ("starting", 0)
        box("exec", "web", "touch", "/well").ok()
        becomes(box, "healthy")

    def test_filter(self, box, detached, plain):
        well = detached(*SLEEP, options=["--health-cmd", "true", *FAST])
        ill = detached(*SLEEP, name="ill", options=["--health-cmd", "false", *FAST, "--health-retries", "1"])
        new = detached(*SLEEP, name="new", options=["--health-cmd", "true"])
        none = detached(*SLEEP, name="none")
        becomes(box, "healthy")
        becomes(box, "unhealthy", "ill")
        for status, id in ("healthy", well), ("unhealthy", ill), ("starting", new), ("none", none):
            assert box("ps", "-q", "--no-trunc", "-f", f"health={status}").lines == [id]

    def test_the_next_run_begins_anew(self, box, detached):
        detached(*SLEEP, options=["--health-cmd", "false", *FAST, "--health-retries", "1"])
        becomes(box, "unhealthy")
        box("stop", "-t", "0", "web").ok()
        assert health(box)["Status"] == "unhealthy" and "healthy" not in box("ps", "-a").ok().out
        box("exec", "web", "true").refused_with(125, "is not running")
        box("start", "web").ok()
        becomes(box, "unhealthy")

    def test_in_the_foreground(self, box, plain):
        with box.start("run", "--name", "web", "--health-cmd", "true", *FAST, plain, *SLEEP):
            until(lambda: box("ps", "-q", "-f", "health=healthy").out != "", "a healthy container")


class TestTheCheck:
    def test_of_the_image(self, box, detached, bundle):
        image = bundle({"Healthcheck": {"Test": ["CMD", "echo", "$HOME", "a b"], "Interval": 20_000_000, "Retries": 7}}, name="checked")
        detached(*SLEEP, image=image)
        assert results(box)[0]["Output"] == "$HOME a b\n"
        assert json.loads(box("inspect", "web").out)[0]["Config"]["Healthcheck"]["Retries"] == 7
        detached(*SLEEP, image=image, name="other", options=["--health-cmd", "echo $((6 * 7))"])
        assert results(box, "other")[0]["Output"] == "42\n"
        detached(*SLEEP, image=image, name="none", options=["--no-healthcheck"])
        assert health(box, "none") is None

    def test_none_of_the_image(self, box, detached, bundle):
        detached(*SLEEP, image=bundle({"Healthcheck": {"Test": ["NONE"]}}, name="none"))
        assert health(box) is None

    @pytest.mark.parametrize("options", [[], ["-u", "tester"], ["--userns", "private"], ["-t"], ["--pid", "host"], ["--cap-drop", "ALL"],
                                         ["-m", "64m", "--read-only"]], ids=" ".join)
    def test_it_has_the_container_s_rights(self, box, detached, options):
        """Those of another process that exec starts."""
        wanted = "payload facts"
        detached(*SLEEP, options=[*options, "-e", "A=b", "-w", "/tmp", "--health-cmd", wanted, *FAST])
        told = json.loads(results(box)[0]["Output"].removesuffix("...")) if not results(box)[0]["Output"].endswith("...") else None
        if told is None:
            pytest.skip("the facts are more than is kept")
        other = json.loads(box("exec", "web", "sh", "-c", wanted).ok().out)
        for key in ("seccomp", "no_new_privs", "uid", "gid", "groups", "cwd", "env", "capabilities", "limits", "hostname"):
            assert told.get(key) == other.get(key), key

    def test_it_is_in_the_container_s_cgroup(self, box, detached):
        detached(*SLEEP, options=["--health-cmd", "sleep 1000; true", *FAST])  # a shell becomes its last command
        pid = lambda: json.loads(box("inspect", "web").out)[0]["State"]["Pid"]
        until(lambda: len(box("top", "web").lines) > 3, "a check at work, its shell and that one's sleep")
        own = pathlib.Path(f"/proc/{pid()}/cgroup").read_text()
        for line in box("top", "web").lines[1:]:
            assert pathlib.Path(f"/proc/{line.split()[0]}/cgroup").read_text() == own

    def test_more_than_is_kept(self, box, detached):
        detached(*SLEEP, options=["--health-cmd", "yes x | head -c 300000", *FAST])
        result = results(box)[0]
        assert (result["ExitCode"], result["Output"]) == (0, "x\n" * 2048 + "...")

    def test_what_is_no_text(self, box, detached):
        detached(*SLEEP, options=["--health-cmd", r"printf 'a\377\000\033b'", *FAST])
        assert results(box)[0]["Output"] == "a\ufffd\ufffd\x1bb"

    def test_a_command_that_is_not_there(self, box, detached, bundle):
        image = bundle({"Healthcheck": {"Test": ["CMD", "/nowhere"], "Interval": 20_000_000}}, name="bad")
        detached(*SLEEP, image=image)
        result = results(box)[0]
        assert result["ExitCode"] == 127 and "/nowhere" in result["Output"]

    def test_what_it_leaves_behind_holds_nothing_up(self, box, detached):
        detached(*SLEEP, options=["--health-cmd", "yes & echo $!", *FAST])
        checked(box)
        checked(box)
        box("stop", "-t", "0", "web").ok()


class TestATimeout:
    def test_it_is_killed_as_a_whole(self, box, detached):
        detached(*SLEEP, options=["--health-cmd", "echo begun; (sleep 2000; true) & sleep 2000", "--health-timeout", "100ms",
                                  "--health-interval", "100ms", "--health-retries", "1"])
        becomes(box, "unhealthy")
        result = results(box)[0]
        assert (result["ExitCode"], result["Output"]) == (-1, "the check was ended: it took longer than 100 ms: begun\n")
        until(lambda: len(box("top", "web").lines) == 2, "a moment without a check")

    def test_an_exit_code_that_looks_alike(self, box, detached):
        detached(*SLEEP, options=["--health-cmd", "exit 124", *FAST])
        assert results(box)[0]["ExitCode"] == 124

    def test_nothing_waits_for_it(self, box, detached):
        detached("sh", "-c", "echo hello; exec sleep 1000", options=["--health-cmd", "sleep 3000", *FAST])
        until(lambda: len(box("top", "web").lines) > 2, "a check at work")
        until(lambda: box("logs", "web").out == "hello\n", "the log")
        assert box("exec", "web", "echo", "there").ok().out == "there\n"
        box("stop", "-t", "0", "web").ok()
        assert box("wait", "web").ok().out == "137\n" or box("wait", "web").ok().out == "143\n"

    def test_while_the_container_ends_by_itself(self, box, detached):
        detached("sh", "-c", "sleep 0.3; exit 7", options=["--health-cmd", "sleep 3000", *FAST, "--rm"])
        assert box("wait", "web").ok().out == "7\n"
        until(lambda: box.containers() == [], "the end of the container")

    def test_a_paused_container(self, box, detached):
        detached(*SLEEP, options=["--health-cmd", "true", *FAST])
        becomes(box, "healthy")
        box("pause", "web").ok()
        before = health(box)
        assert "(Paused)" in box("ps").ok().out
        box("unpause", "web").ok()
        until(lambda: health(box) != before, "the next check")
        assert health(box)["Status"] == "healthy"

    def test_the_supervisor_is_killed(self, box, detached):
        detached(*SLEEP, options=["--health-cmd", "sleep 3000", *FAST])
        until(lambda: len(box("top", "web").lines) > 2, "a check at work")
        os.kill(supervisor(box), 9)
        until(lambda: box("ps", "-q").out == "", "the end of the container")


class TestCost:
    def test_the_supervisor_stays_small(self, box, detached):
        detached(*SLEEP, options=["--health-cmd", "yes | head -c 100000", *FAST])
        for _ in range(10):
            checked(box)
        pid = supervisor(box)
        rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        dirty = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_Dirty"))
        assert dirty <= 600, "KiB of its own"
        assert len(children(pid)) <= 2, "the container, and a check"


class TestRefusals:
    @pytest.mark.parametrize("options, message, hint", [
        (["--health-cmd", ""], "--health-cmd '': expected a command line", "--no-healthcheck is for none"),
        (["--health-interval", "x"], "--health-interval 'x': this is no time", "seconds, or with a unit: 10, 1.5s, 250ms, 1m30s"),
        (["--health-timeout", "0.0001"], "--health-timeout '0.0001': a millisecond is the shortest time", "0 is what the image says"),
        (["--health-retries", "-1"], "--health-retries '-1': expected a number", "0 is what the image says"),
        (["--no-healthcheck", "--health-cmd", "x"], "--no-healthcheck and the --health options exclude each other", "leave out one of them"),
    ], ids=str)
    def test_options(self, box, plain, options, message, hint):
        box.run("-d", *options, plain).refused(125, message, hint)

    def test_an_image(self, box, bundle):
        image = bundle({"Healthcheck": {"Test": ["curl", "x"]}}, name="bad")
        box.run(image, "true").refused_with(125, ".config.Healthcheck.Test", "CMD-SHELL")

    def test_the_command_alone(self, box, detached):
        box("health-check").refused(125, "minirun health-check takes a container, and is for its supervisor",
                                    "minirun inspect tells of its health")
        detached(*SLEEP)
        box("health-check", "web").refused(125, "container 'web' has no health check")
