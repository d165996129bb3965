"""minirun events: what happens to containers that stay, and to images."""
import json
import os
import select
import signal
import time

import pytest

from harness import until

SLEEP = "sleep", "1000"


def past(box, *options, until="0s"):
    """What has happened by now."""
    return [json.loads(line) for line in box("events", "--since", "0", "--until", until, *options).lines]


def actions(box, *options):
    return [event["Action"] for event in past(box, *options)]


class TestContainers:
    def test_a_life(self, box, detached, plain):
        id = detached(*SLEEP, options=["-l", "team=blue"])
        box("exec", "web", "sh", "-c", "exit 3").ended(3)
        box("pause", "web").ok()
        box("unpause", "web").ok()
        box("rename", "web", "new").ok()
        box("update", "--restart", "no", "new").ok()
        box("restart", "-t", "5", "new").ok()
        box("stop", "-t", "5", "new").ok()
        box("rm", "new").ok()
        assert actions(box) == ["create", "start", "exec_create: sh -c exit 3", "exec_start: sh -c exit 3", "exec_die", "pause", "unpause",
                                "rename", "update", "kill", "die", "stop", "start", "restart", "kill", "die", "stop", "destroy"]
        events = past(box)
        assert all(event["id"] == event["Actor"]["ID"] == id and event["Type"] == "container" for event in events)
        assert all(event["status"] == event["Action"] and event["scope"] == "local" for event in events)
        assert all(event["time"] == event["timeNano"] // 1_000_000_000 for event in events)
        assert [event["timeNano"] for event in events] == sorted(event["timeNano"] for event in events)
        attributes = {event["Action"]: event["Actor"]["Attributes"] for event in events}
        image = str(plain)
        assert attributes["create"] == {"image": image, "name": "web", "team": "blue"} and events[0]["from"] == image
        assert attributes["exec_die"]["exitCode"] == "3" and attributes["die"]["exitCode"] == "143"
        assert attributes["kill"]["signal"] == "15"
        assert (attributes["rename"]["name"], attributes["rename"]["oldName"]) == ("new", "web")

    def test_in_the_foreground(self, box, plain):
        box.run("--name", "fg", "--rm", plain, "sh", "-c", "exit 4").ended(4)
        assert actions(box) == ["create", "start", "die", "destroy"]
        assert past(box)[2]["Actor"]["Attributes"]["exitCode"] == "4"

    def test_one_that_vanishes_makes_none(self, box, plain):
        box.run(plain, "true").ok()
        assert actions(box) == [] and not (box.root / "events.log").exists()

    def test_out_of_memory(self, box, detached):
        detached("sh", "-c", "x=0123456789abcdef; while true; do x=$x$x; done", options=["-m", "32m"])
        box("wait", "web").ok()
        assert actions(box) == ["create", "start", "oom", "die"]

    def test_kill(self, box, detached):
        detached(*SLEEP)
        box("kill", "web").ok()
        assert [(one["Action"], one["Actor"]["Attributes"].get("signal"), one["Actor"]["Attributes"].get("exitCode")) for one in past(box)[2:]] == [
            ("kill", "9", None), ("die", None, "137")]

    def test_the_health(self, box, detached):
        detached(*SLEEP, options=["--health-cmd", "test ! -f /ill", "--health-interval", "20ms", "--health-retries", "1"])
        healthy = "health_status: healthy"
        until(lambda: actions(box, "--filter", "event=health_status") == [healthy], "a healthy container")
        box("exec", "web", "touch", "/ill").ok()
        until(lambda: actions(box, "--filter", "event=health_status") == [healthy, "health_status: unhealthy"], "one that is not")


class TestImages:
    def test_a_life(self, box, scratch, base):
        from archives import docker_archive
        box("load", "-q", docker_archive(scratch / "a.tar", [base])).ok()
        id = json.loads(box("image", "inspect", "made:1").ok().out)[0]["Id"]
        box("tag", "made:1", "other:2").ok()
        box("rmi", "made:1").ok()
        box("rmi", "other:2").ok()
        events = past(box, "--filter", "type=image")
        assert [(one["Action"], one["Actor"]["Attributes"].get("name")) for one in events] == [
            ("load", "made:1"), ("tag", "other:2"), ("untag", "made:1"), ("untag", "other:2"), ("delete", None)]
        assert {one["id"] for one in events} == {id}


class TestReading:
    def test_as_it_happens(self, box, detached):
        detached(*SLEEP, name="before")
        with box.start("events", "--format", "{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.exitCode}}") as reader:
            # Nothing tells when it listens: what it hears first shows that.
            def heard():
                box("rename", "before", "after").ok()
                box("rename", "after", "before").ok()
                return select.select([reader.popen.stdout], [], [], 0.05)[0] != []
            until(heard, "the first event")
            detached("sh", "-c", "exit 9")
            reader.wait_for("die web 9\n")
            reader.send(signal.SIGINT)
            assert reader.popen.wait() == -signal.SIGINT

    def test_until(self, box, detached):
        """It ends by itself, and not before."""
        begin = time.time()
        detached("true")
        box("wait", "web").ok()
        assert box("events", "--until", "1").lines == [] and box("events", "--until", "0s").lines == []
        result = box("events", "--since", str(int(begin)), "--until", str(int(begin) + 3))
        assert [json.loads(line)["Action"] for line in result.lines] == ["create", "start", "die"]
        assert time.time() >= int(begin) + 3

    def test_filters(self, box, detached, plain):
        one = detached("true", name="one", options=["-l", "a=1"])
        box("wait", "one").ok()
        two = detached("true", name="two", options=["-l", "a=2"])
        box("wait", "two").ok()
        ids = lambda *options: [event["id"] for event in past(box, *options)]
        assert ids("-f", "container=one") == [one] * 3 == ids("-f", f"container={one[:12]}") == ids("-f", "label=a=1")
        assert ids("-f", "container=one", "-f", "container=two", "-f", "event=die") == [one, two]
        assert ids("-f", f"image={plain}") == [one] * 3 + [two] * 3 == ids("-f", "label=a") and ids("-f", "image=x") == []
        assert actions(box, "-f", "type=image") == []

    @pytest.mark.parametrize("options, message, hint", [
        (["--since", "x"], "--since 'x': this is no time", "write 10m, 2026-03-04T05:06:07Z, or seconds since 1970"),
        (["--filter", "color=red"], "--filter 'color=red': expected KEY=VALUE", "the keys are container, image, event, type and label"),
        (["--format", "{{.Colour}}", "--until", "1"], "--format '{{.Colour}}': no field '.Colour'", "json, or a text with"),
        (["web"], "minirun events takes no containers", "--filter container=NAME is for that"),
    ], ids=str)
    def test_refusals(self, box, options, message, hint):
        box("events", *options).refused(125, message, hint)


class TestTheFile:
    def test_it_is_bounded(self, box, detached):
        """Full, it gets another name, and who follows misses nothing."""
        log = box.root / "events.log"
        detached(*SLEEP)
        log.write_bytes(log.read_bytes() + b"no event\n" * 120000)
        box("pause", "web").ok()
        assert not log.exists() and (box.root / "events.log.1").stat().st_size > 1 << 20
        box("unpause", "web").ok()
        assert log.stat().st_size < 4096 and actions(box) == ["create", "start", "pause", "unpause"]

    @pytest.mark.parametrize("obstacle", ["a directory", "a full disk", "a pipe", "a link"])
    def test_no_command_fails_by_it(self, box, detached, obstacle):
        log = box.root / "events.log"
        box.root.mkdir(exist_ok=True)
        if obstacle == "a directory":
            log.mkdir()
        elif obstacle == "a pipe":
            os.mkfifo(log)
        elif obstacle == "a full disk":
            log.symlink_to("/dev/full")
        else:
            log.symlink_to("/nowhere/at/all")
        detached(*SLEEP)
        box("pause", "web").ok()
        box("rm", "-f", "web").ok()

    def test_what_is_no_event_is_passed_over(self, box, detached):
        detached("true")
        box("wait", "web").ok()
        log = box.root / "events.log"
        log.write_text("{\n[]\n{}\n" + log.read_text() + '{"status":"half')
        assert actions(box) == ["create", "start", "die"]

    def test_long_names_and_labels(self, box, detached):
        detached("true", options=["-l", "long=" + "x" * 5000])
        box("wait", "web").ok()
        box("start", "web").ok()
        box("wait", "web").ok()
        assert actions(box) == ["create", "start", "die"] * 1 + ["start", "die"]
        assert "long" not in past(box)[0]["Actor"]["Attributes"]

    def test_many_writers(self, box, plain):
        runs = [box.start("run", "--name", f"c{number}", "--rm", plain, "true") for number in range(12)]
        for run in runs:
            run.finish().ok()
        assert sorted(actions(box)) == sorted(["create", "start", "die", "destroy"] * 12)
