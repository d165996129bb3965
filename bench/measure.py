"""Measuring commands beside each other: hyperfine, round after round, so that whatever else the machine does hits all of
them. What counts are the ratios."""
import dataclasses
import json
import math
import pathlib
import shlex
import statistics
import subprocess
import sys

# crun 1.8 starts nothing where there is a second hierarchy beside the ones of cgroup v1: all are measured in a mount
# namespace without it.
WITHOUT_UNIFIED = ["unshare", "--mount", "sh", "-c", "umount /sys/fs/cgroup/unified 2>/dev/null; exec \"$@\"", "sh"]


@dataclasses.dataclass
class Target:
    """`what` is to be at most `ratio` times `beside`."""
    what: str
    beside: str
    ratio: float


@dataclasses.dataclass
class Case:
    """What is measured together. The first command is the one that the others are told by."""
    commands: dict
    targets: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    slow: bool = False  # seconds, not milliseconds: a few runs have to do


@dataclasses.dataclass
class Outcome:
    """Seconds, or another unit, of each; and the ratios that were asked for, as (target, ratio found)."""
    name: str
    values: dict
    targets: list
    notes: list = dataclasses.field(default_factory=list)
    unit: str = "s"

    def median(self, name):
        return statistics.median(self.values[name])

    def found(self):
        return [(one, self.median(one.what) / self.median(one.beside)) for one in self.targets
                if one.what in self.values and one.beside in self.values and self.median(one.beside) > 0]


def p95(values):
    return sorted(values)[math.ceil(0.95 * (len(values) - 1))]


def measure(name, case, rounds, runs, scratch, env):
    values = {one: [] for one in case.commands}
    for _ in range(rounds):
        report = pathlib.Path(scratch) / "report.json"
        words = [shlex.join(map(str, command)) for command in case.commands.values()]
        done = subprocess.run([*WITHOUT_UNIFIED, "hyperfine", "-N", "--style", "none", "--warmup", "1" if case.slow else "2", "--runs", str(max(runs, 2)), "--export-json", report, *words],
                              env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"bench/run: {name}: {done.stderr.strip()}")
        for one, result in zip(case.commands, json.loads(report.read_text())["results"]):
            values[one] += result["times"]
    return Outcome(name, values, case.targets, case.notes)
