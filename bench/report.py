"""What was measured, for people and for programs: a table, JSON, bars."""
import html
import json
import os
import pathlib
import platform
import re
import subprocess

from measure import p95


def amount(value, unit):
    if unit == "B":
        return f"{value / 1048576:.2f} MiB" if value >= 1048576 else f"{value / 1024:.0f} KiB"
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.2f} ms" if value >= 1e-3 else f"{value * 1e6:.1f} us"


def table(outcome):
    if not outcome.values:
        return f"{outcome.name}: not measured: {'; '.join(outcome.notes)}\n"
    first = next(iter(outcome.values))
    width = max(map(len, outcome.values))
    count = len(outcome.values[first])
    lines = [f"{outcome.name}: {count} {'run' if count == 1 else 'runs'} each" + "".join(f"; {note}" for note in outcome.notes),
             f"  {'':{width}} {'median':>11} {'p95':>11}   ratio to {first}"]
    for name, values in outcome.values.items():
        lines.append(f"  {name:{width}} {amount(outcome.median(name), outcome.unit):>11} {amount(p95(values), outcome.unit):>11}   {outcome.median(name) / outcome.median(first):.3g}")
    for target, ratio in outcome.found():
        lines.append(f"  {'reached' if ratio <= target.ratio else 'MISSED '} {target.what}: {ratio:.3g} of {target.beside} (at most {target.ratio:.3g})")
    return "\n".join(lines) + "\n"


def bars(outcome):
    """Medians as bars, on a page that is as high as there are bars."""
    row, left, right, width = 26, 250, 90, 760
    most = max(outcome.median(name) for name in outcome.values) or 1
    parts = []
    for i, name in enumerate(outcome.values):
        y, length = 34 + i * row, (width - left - right) * outcome.median(name) / most
        colour = "#2a6f97" if name.startswith("minirun") else "#9aa5ab"
        parts.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{html.escape(name)}</text>'
                     f'<rect x="{left}" y="{y}" width="{max(length, 1):.1f}" height="{row - 8}" fill="{colour}"/>'
                     f'<text x="{left + length + 6:.1f}" y="{y + 14}">{amount(outcome.median(name), outcome.unit)}</text>')
    height = 44 + row * len(outcome.values)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">'
            f'<rect width="{width}" height="{height}" fill="white"/><text x="8" y="20" font-weight="bold">{html.escape(outcome.name)}: medians, less is better</text>'
            + "".join(parts) + "</svg>\n")


def first_line(*command):
    try:
        text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    except OSError:
        return None
    return text.splitlines()[0].strip() if text.strip() else None


def machine():
    cpu = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    unified = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    return {"kernel": platform.release(), "processors": len(os.sched_getaffinity(0)), "processor": cpu[1] if cpu else platform.machine(),
            "cgroups": "v2" if unified else "v1, or both", "load": os.getloadavg()[0],
            "versions": {name: line for name, words in {"crun": ["crun", "--version"], "runc": ["runc", "--version"], "bwrap": ["bwrap", "--version"], "podman": ["podman", "--version"],
                                                        "docker": ["dockerd", "--version"], "umoci": ["umoci", "--version"], "systemd-nspawn": ["systemd-nspawn", "--version"]}.items()
                         if (line := first_line(*words))}}


def write(directory, outcomes, about):
    directory.mkdir(parents=True, exist_ok=True)
    document = {"machine": about, "cases": {one.name: {"unit": one.unit, "values": one.values, "notes": one.notes,
                                                       "targets": [{"what": target.what, "beside": target.beside, "at_most": target.ratio, "found": ratio} for target, ratio in one.found()]}
                                            for one in outcomes}}
    (directory / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    (directory / "results.txt").write_text("\n".join(map(table, outcomes)))
    for one in outcomes:
        if one.values:
            (directory / f"{one.name}.svg").write_text(bars(one))


def markdown(outcome):
    """A table, and what of the targets was reached."""
    if not outcome.values:
        return f"### {outcome.name}\n\nNot measured: {'; '.join(outcome.notes)}.\n"
    first = next(iter(outcome.values))
    lines = [f"### {outcome.name}", "", f"| {len(outcome.values[first])} each | median | p95 | ratio |", "| --- | --- | --- | --- |"]
    lines += [f"| {name} | {amount(outcome.median(name), outcome.unit)} | {amount(p95(values), outcome.unit)} | {outcome.median(name) / outcome.median(first):.3g} |"
              for name, values in outcome.values.items()]
    verdicts = [f"{target.what} to {target.beside}: {ratio:.3g} ({'' if ratio <= target.ratio else 'missed, '}at most {target.ratio:.3g})" for target, ratio in outcome.found()]
    return "\n".join(lines + [""] + [f"{one[0].upper()}{one[1:]}." for one in [*outcome.notes, *verdicts]]) + "\n"


def document(path, outcomes, about):
    """Writes the tables between the marks of a page."""
    text, begin, end = path.read_text(), "<!-- results -->\n", "<!-- end of results -->"
    versions = "; ".join(about["versions"].values())
    head = (f"{about['processors']} processors ({about['processor']}), Linux {about['kernel']}, cgroup {about['cgroups']}, load {about['load']:.2f} at the beginning. {versions}.\n")
    before, after = text[:text.index(begin) + len(begin)], text[text.index(end):]
    path.write_text(before + "\n" + head + "\n" + "\n".join(map(markdown, outcomes)) + "\n" + after)
