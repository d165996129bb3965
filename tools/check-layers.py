#!/usr/bin/env python3
"""Holds the order of the folders in src/: a folder includes only itself and what stands before it in the list, and the
four folders that turn a spec into steps never include each other. See docs/architecture.md."""
import pathlib
import re
import sys

ORDER = [["base"], ["kernel"], ["model"], ["plan"], ["rootfs", "security", "cgroup", "network", "image"], ["launch", "archive"],
         ["runtime"], ["sandbox"], ["cli"]]
LEVEL = {folder: level for level, folders in enumerate(ORDER) for folder in folders}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"/]+)/[^"]+"')


def violations(source: pathlib.Path):
    for path in sorted(source.rglob("*.[ch]pp")):
        folder = path.relative_to(source).parts[0]
        if folder not in LEVEL:
            yield f"{path}: the folder {folder}/ is not in the list of layers"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = INCLUDE.match(line)
            if not found or found[1] in ("minirun", folder):
                continue
            if found[1] not in LEVEL:
                yield f"{path}:{number}: includes the unknown layer {found[1]}/"
            elif LEVEL[found[1]] >= LEVEL[folder]:
                yield f"{path}:{number}: {folder}/ may not include {found[1]}/"


found = list(violations(pathlib.Path(__file__).resolve().parent.parent / "src"))
print("\n".join(found) if found else "layers: every include points down")
sys.exit(1 if found else 0)
