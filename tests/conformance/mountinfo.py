"""/proc/PID/mountinfo, read."""
import codecs
from dataclasses import dataclass


@dataclass
class Mount:
    root: str
    point: str
    options: set
    tags: list
    kind: str
    source: str
    super_options: set

    def is_shared(self):
        return any(tag.startswith("shared:") for tag in self.tags)

    def is_slave(self):
        return any(tag.startswith("master:") for tag in self.tags)

    def is_private(self):
        return self.tags == []


def _plain(word):
    """Spaces and their like are written in octal."""
    return codecs.escape_decode(word.encode())[0].decode("utf-8", "surrogateescape")


def parse(text):
    """{mount point: Mount}; of several at one point the last, which is the one that is seen."""
    found = {}
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        if not separator:
            continue
        _, _, _, root, point, options, *tags = left.split()
        kind, source, super_options = (right.split(" ") + ["", ""])[:3]
        point = _plain(point)
        found.pop(point, None)
        found[point] = Mount(_plain(root), point, set(options.split(",")), tags, kind, source, set(super_options.split(",")))
    return found
