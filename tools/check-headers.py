#!/usr/bin/env python3
"""Holds the public headers: every type and every function has a /// comment in front of it, and every header is in the
list of those that are installed. (That each compiles by itself is a system test: test_install.py.)"""
import pathlib
import re
import sys

INCLUDE = pathlib.Path(__file__).resolve().parent.parent / "include"
DECLARATION = re.compile(r"^ *(?:(?:struct|class|enum class) (?P<type>\w+)[^;()]*\{"
                         r"|(?!return|using|namespace|throw)[\w<>&][\w:<>&, ]* (?P<function>\w+)\([^;]*\)[\w ]*(?:;|\{.*))")


def undocumented(path):
    before = ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if (found := DECLARATION.match(line)) and not before.lstrip().startswith("///") and "///<" not in line:
            yield f"{path.relative_to(INCLUDE.parent)}:{number}: {found['type'] or found['function']} has no /// comment"
        # An attribute or a template's head may stand between them.
        if not line.lstrip().startswith(("template", "[[")):
            before = line


headers = sorted(INCLUDE.rglob("*.hpp"))
installed = re.findall(r"'(minirun/\w+\.hpp)'", (INCLUDE / "meson.build").read_text())
found = [problem for path in headers for problem in undocumented(path)]
found += [f"{path.relative_to(INCLUDE.parent)}: is not installed by include/meson.build" for path in headers
          if str(path.relative_to(INCLUDE)) not in installed]
print("\n".join(found) if found else f"public headers: {len(headers)}, all documented and installed")
sys.exit(1 if found else 0)
