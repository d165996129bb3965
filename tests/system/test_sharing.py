"""What containers that run have in common, on disk and in memory: stats --shared and explain --running."""
import json
import os

from bundles import File
from harness import until


def shared(box, *names):
    return json.loads(box("explain", "--running", "--format", "json", *names).ok().out)


def maps_own_copy(box, name):
    return "own-copy" in box("exec", name, "cat", "/proc/1/maps").out


class TestSharing:
    def test_two_of_one_image(self, box, detached, base_layer):
        detached("sleep", "1000", name="first")
        detached("sleep", "1000", name="second")
        facts = shared(box)
        assert {one["name"] for one in facts["containers"]} == {"first", "second"}
        [layer] = facts["layers"]
        assert layer["path"] == str(base_layer) and set(layer["containers"]) == {"first", "second"}
        [busybox] = [one for one in facts["files"] if one["path"] == "/bin/busybox"]
        real = os.stat(base_layer / "bin/busybox")
        assert busybox["inode"] == real.st_ino
        assert busybox["device"] == f"{os.major(real.st_dev)}:{os.minor(real.st_dev)}"
        assert {one["container"] for one in busybox["mappings"]} == {"first", "second"}
        assert 0 < busybox["cachedBytes"] <= facts["cachedBytes"]
        # Each page of it is in both accounts of what is resident, and shared out in the proportional ones.
        memory = facts["memory"]
        assert 0 < memory["private"] <= memory["proportional"] < memory["resident"]

    def test_a_copy_of_ones_own_is_not_shared(self, box, detached):
        detached("sleep", "1000", name="first")
        # The copy is in the writable layer.
        detached("sh", "-c", "mkdir /own-copy; cp /bin/busybox /own-copy; exec /own-copy/busybox sleep 1000", name="second")
        until(lambda: maps_own_copy(box, "second"), "the copy runs")
        assert shared(box)["files"] == []

    def test_one_that_replaced_the_file_has_another(self, box, detached):
        detached("sleep", "1000", name="first")
        detached("sh", "-c", "cp /bin/busybox /bin/own-copy; mv /bin/own-copy /bin/busybox; exec /bin/busybox sleep 1000", name="second")
        until(lambda: box("exec", "second", "cat", "/proc/1/comm").out == "busybox\n", "the other one runs")
        assert shared(box)["files"] == []

    def test_images_without_a_common_layer(self, box, detached, bundle):
        detached("sleep", "1000", name="first")
        detached("sleep", "1000", name="second", image=bundle(name="other", files={"/mine": File("x")}))
        facts = shared(box)
        base = facts["layers"][0]
        assert set(base["containers"]) == {"first", "second"}
        assert [one["containers"] for one in facts["layers"][1:]] == [["second"]]

    def test_those_that_are_named(self, box, detached):
        detached("sleep", "1000", name="first")
        detached("sleep", "1000", name="second")
        assert [one["name"] for one in shared(box, "first")["containers"]] == ["first"]
        box("explain", "--running", "nobody").refused(125, "there is no container 'nobody'", "minirun ps -a lists them")

    def test_one_that_does_not_run(self, box, detached):
        detached("true", name="first")
        box("wait", "first").ok()
        assert shared(box)["containers"] == []
        box("explain", "--running", "first").refused_with(125, "is not running")

    def test_none(self, box):
        assert box("explain", "--running").ok().out == "No container runs that has a name or is in the background.\n"

    def test_for_people(self, box, detached):
        detached("sleep", "1000", name="first")
        detached("sleep", "1000", name="second")
        page = box("explain", "--running").ok().out
        assert "/bin/busybox" in page and "first, process" in page and "second, process" in page
        assert max(map(len, page.splitlines())) <= 80

    def test_as_a_table(self, box, detached):
        detached("sleep", "1000", name="first")
        lines = box("stats", "--shared").ok().lines
        assert lines[0].split() == ["NAME", "PROCESSES", "RSS", "PSS", "PRIVATE"]
        assert lines[1].split()[:2] == ["first", "1"] and lines[2].split()[:2] == ["all", "1"]
        assert lines[4].split() == ["LAYER", "CONTAINERS", "ON", "DISK", "IN", "MEMORY"]
        box("stats", "--shared", "--format", "{{.Name}}").refused(
            125, "invalid value '{{.Name}}' for --format", "with --shared it is table or json")
