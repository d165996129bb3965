#!/usr/bin/env python3
"""Holds the manual pages against the programs' own help: the same commands, the same options with the same letters and
arguments, in the same order and below the same headings. And the pages have to be good mdoc(7).

usage: check-man.py MINIRUN     (build/minirun)"""
import pathlib
import re
import subprocess
import sys

PAGES = pathlib.Path(__file__).resolve().parent.parent / "docs/man"
OPTION = r"(?:-(?P<letter>\w), )?--(?P<name>[\w-]+)(?P<argument>\[=\S+| \S+)?"
HELP_OPTION = re.compile(rf"^ +{OPTION}  +\S")
PAGE_OPTION = re.compile(rf"^     {OPTION}(?:  +\S.*)?$")
COMMAND = re.compile(r"^  (?P<name>\w+)(?P<arguments>(?: \[?[A-Z]+\b\S*)*)  +\S")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def rendered(page):
    """The page as a terminal shows it, without the backspaces of bold letters."""
    text = output("mandoc", "-T", "utf8", "-O", "width=200", PAGES / page)
    return re.sub(r".\x08", "", text).replace("...", "…").splitlines()


def options(lines, pattern, heading):
    """(the heading above it, how it is written) of each option."""
    above = ""
    for line in lines:
        if found := re.match(heading, line):
            above = found[1]
        elif found := pattern.match(line):
            letter = f"-{found['letter']}, " if found["letter"] else ""
            yield above, f"{letter}--{found['name']}{found['argument'] or ''}"


def documented(page):
    """The options of a page: those in its section OPTIONS."""
    lines = rendered(page)
    start = lines.index("OPTIONS")
    end = next(number for number, line in enumerate(lines) if number > start and re.match(r"\S", line))
    return list(options(lines[start:end], PAGE_OPTION, r"^   (\S.*)$"))


def option_differences(program, command):
    """What only one of the two has; or else that the order differs."""
    helped = list(options(output(program, command, "--help").splitlines(), HELP_OPTION, r"^(\S.*):$"))
    paged = documented(f"minirun-{command}.1")
    if not helped:
        yield f"minirun {command} --help lists no options"
    for above, option in helped:
        if (above, option) not in paged:
            yield f"minirun-{command}.1 lacks {option} below {above!r}, which --help has"
    for above, option in paged:
        if (above, option) not in helped:
            yield f"minirun-{command}.1 has {option} below {above!r}, which --help lacks"
    if sorted(helped) == sorted(paged) and helped != paged:
        yield f"minirun-{command}.1 has the options in another order than --help"


def command_differences(program):
    helped = [found["name"] + found["arguments"] for line in output(program, "--help").splitlines()
              if (found := COMMAND.match(line))]
    if not helped:
        yield "minirun --help lists no commands"
    # An argument that may be left out with those before it is in brackets of its own in --help, nested in the pages.
    plain = lambda words: re.sub(r"[\[\]…]|\s", "", words)
    paged = {plain(line) for line in rendered("minirun.1")}
    for command in helped:
        if plain(command) not in paged:
            yield f"minirun.1 lacks the command {command}"


def lint():
    # The level below, style, complains about references to pages that are not installed.
    result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *sorted(PAGES.glob("*.1"))], capture_output=True,
                            text=True)
    yield from (line for line in result.stdout.splitlines() if result.returncode != 0)


found = [*lint(), *command_differences(sys.argv[1])]
for command in ("run", "test", "explain", "load", "images", "ps", "exec", "logs", "events"):
    found += option_differences(sys.argv[1], command)
print("\n".join(found) if found else "manual pages: the same commands and options as --help")
sys.exit(1 if found else 0)
