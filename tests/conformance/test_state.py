"""runtime.md "State" and "Query State"."""
import json
import os
import re

import pytest

import machine
import processes
from requirements import engines, must
from runtime import NO_SUCH_CONTAINER


@must("runtime.md", "Query State")
def test_state_needs_an_id(box):
    box.runtime("state").failed()


@must("runtime.md", "Query State")
def test_state_of_an_unknown_container(box):
    box.runtime("state", box.id).failed(*NO_SUCH_CONTAINER)


@must("runtime.md", "State")
def test_what_state_holds_when_created(box):
    state = box.created().state()
    assert state["id"] == box.id
    assert state["status"] == "created"
    assert state["pid"] == box.pid and processes.is_running(state["pid"])
    assert state["bundle"] == str(box.path)


@must("runtime.md", "State")
def test_oci_version_is_semver(box):
    assert re.fullmatch(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?", box.created().state()["ociVersion"])


@must("runtime.md", "State")
def test_the_types(box):
    state = box.created().state()
    assert {key: type(state[key]) for key in ("ociVersion", "id", "status", "pid", "bundle")} == {
        "ociVersion": str, "id": str, "status": str, "pid": int, "bundle": str}
    assert state.get("annotations") is None or all(isinstance(value, str) for value in state["annotations"].values())


@must("runtime.md", "State")
def test_running(box):
    state = box.sleeping().state()
    assert (state["status"], state["pid"]) == ("running", box.pid)


@must("runtime.md", "State")
def test_stopped(box):
    box.ended()
    assert box.status == "stopped"


@must("runtime.md", "State")
def test_stopped_even_before_the_process_is_reaped(box):
    box.sh("exit 3")
    box.started()
    assert processes.wait_until(lambda: not processes.is_running(box.pid))
    assert box.status == "stopped"


@must("runtime.md", "State")
def test_killed_from_outside_is_stopped(box):
    box.sleeping()
    os.kill(box.pid, 9)
    box.wait()
    assert box.status == "stopped"


@must("runtime.md", "State")
def test_the_bundle_is_absolute(box):
    box.process["args"] = ["/bin/sleep", "1000"]
    box.write()
    box.runtime("run", "-d", "-b", box.path.name, box.id, cwd=box.path.parent).ok()
    assert box.state()["bundle"] == str(box.path)


@must("runtime.md", "State")
def test_annotations(box):
    box.config["annotations"] = {"org.example.one": "1", "org.example.empty": "", "org.example.text": "a \"quoted\" ü\n"}
    annotations = box.created().state()["annotations"]
    assert {key: annotations[key] for key in box.config["annotations"]} == box.config["annotations"]


@must("runtime.md", "State")
def test_without_annotations(box):
    assert not box.created().state().get("annotations")


@engines("state")
def test_what_runc_adds(box):
    state = box.sleeping().state()
    assert state["rootfs"] == str(box.rootfs)
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", state["created"])
    assert state["owner"] in ("root", "")


@engines("pause")
def test_paused(box):
    machine.need_controller("freezer")
    box.sleeping()
    box.runtime("pause", box.id).ok()
    assert box.status == "paused"
    box.runtime("resume", box.id).ok()
    assert box.status == "running"


@engines("list")
def test_list(box, new_container):
    stopped = new_container()
    stopped.ended()
    box.sleeping()
    table = box.runtime("list").ok()
    rows = {line.split()[0]: line.split() for line in table.lines}
    assert rows["ID"][:3] == ["ID", "PID", "STATUS"]
    assert rows[box.id][1:3] == [str(box.pid), "running"]
    assert "stopped" in rows[stopped.id] and str(box.path) in rows[box.id]
    assert {box.id, stopped.id} <= set(box.runtime("list", "-q").ok().lines)


@engines("list")
def test_list_as_json(box):
    box.config["annotations"] = {"a": "b"}
    box.sleeping()
    entry = next(entry for entry in json.loads(box.runtime("list", "-f", "json").ok().out) if entry["id"] == box.id)
    assert (entry["pid"], entry["status"], entry["bundle"]) == (box.pid, "running", str(box.path))


@engines("list")
@pytest.mark.parametrize("format", ["json", "table"])
def test_list_of_nothing(box, format, scratch):
    result = box.runtime("--root", scratch / "empty", "list", "--format", format, root=False).ok()
    assert result.text in ("null", "[]", "") if format == "json" else result.text.split()[:1] in (["ID"], [], ["NAME"])


@engines("list")
def test_list_of_nothing_quiet(box, scratch):
    assert box.runtime("--root", scratch / "empty", "list", "-q", root=False).ok().text == ""


@must("runtime.md", "State")
def test_roots_are_apart(box, scratch):
    """A state directory knows nothing of another's containers."""
    box.sleeping()
    box.runtime("--root", scratch / "other", "state", box.id, root=False).failed(*NO_SUCH_CONTAINER)
