"""What other commands see of a container that has a name, and commands for it."""
import json
import pathlib
import re

from harness import until

EAT = "x=0123456789abcdef; while true; do x=$x$x; done"
ECHO = ["sh", "-c", "echo ready; while read x; do echo got $x; echo err $x >&2; done; echo over; exit 6"]


def phase(box, name="web"):
    return box("inspect", "-f", "{{.State.Status}}", name).ok().out.strip()


def state(box, name="web"):
    return json.loads(box("inspect", name).ok().out)[0]["State"]


def logged(box, text, name="web"):
    until(lambda: text in box("logs", name).out, f"{text!r} in the log")


def supervisor_of(box, name="web"):
    pid = state(box, name)["Pid"]
    return int(re.search(r"PPid:\t(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])
