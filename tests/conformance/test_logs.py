"""--log and --log-format: how engines learn what went wrong."""
import datetime
import json

import pytest

from requirements import engines


def entries(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def failing(box):
    """A container that cannot be made, and where its error is to be."""
    box.process["args"] = ["/not/there"]
    box.log = box.path / "log"
    return box


@engines("--log-format json")
def test_one_object_a_line(failing):
    failing.run(options=["--log", failing.log, "--log-format", "json"]).ended(failing.run().code)
    for entry in entries(failing.log):
        assert {"level", "msg", "time"} <= set(entry)
        datetime.datetime.fromisoformat(entry["time"].replace("Z", "+00:00"))


@engines("--log-format json")
def test_the_error_is_in_it(failing):
    failing.run(options=["--log", failing.log, "--log-format", "json"])
    errors = [entry["msg"] for entry in entries(failing.log) if entry["level"] == "error"]
    assert errors and "no such file or directory" in errors[-1].lower()


@engines("--log-format json")
def test_messages_are_escaped(box):
    box.process["args"] = ["/not/\"quoted\"\nline\\"]
    box.log = box.path / "log"
    box.run(options=["--log", box.log, "--log-format", "json"])
    assert all(isinstance(entry["msg"], str) for entry in entries(box.log))


@engines("--log")
def test_text(failing):
    failing.run(options=["--log", failing.log])
    assert "no such file" in failing.log.read_text().lower()


@engines("--log")
def test_the_log_is_appended_to(failing):
    failing.log.write_text("before\n")
    failing.run(options=["--log", failing.log])
    assert failing.log.read_text().startswith("before\n") and len(failing.log.read_text()) > 10


@engines("--log")
def test_a_log_that_cannot_be_written(box):
    box.run(options=["--log", "/not/there/log"]).failed("/not/there/log", "no such file")


@engines("--log")
def test_the_error_is_on_standard_error_too(failing):
    """conmon reads it there, where it does not know of the log."""
    result = failing.run(options=["--log", failing.log, "--log-format", "json"])
    assert "no such file or directory" in result.err.lower(), result


@engines("--log-format")
def test_a_format_that_does_not_exist(box):
    box.run(options=["--log-format", "nonsense"]).failed()


@engines("--log")
def test_success_is_silent(box):
    log = box.path / "log"
    result = box.run(options=["--log", log, "--log-format", "json"]).ok()
    assert (result.out, result.err) == ("", "")
    assert not log.exists() or [entry for entry in entries(log) if entry["level"] in ("error", "fatal")] == []


@engines("--log")
def test_nothing_of_the_log_is_in_the_container(box, scratch):
    """Its descriptor is not passed on."""
    box.process["args"] = ["/bin/ls", "/proc/self/fd"]
    assert box.run(options=["--log", scratch / "log"]).ok().lines == ["0", "1", "2", "3"]


@engines("--debug")
def test_debug_says_more(box):
    quiet, loud = box.path / "quiet", box.path / "loud"
    box.run(options=["--log", quiet]).ok()
    box.run(options=["--debug", "--log", loud]).ok()
    size = lambda path: path.stat().st_size if path.exists() else 0
    assert size(loud) > size(quiet)
