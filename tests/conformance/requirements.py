"""What a test holds a runtime to. Every test of the suite names it: `@must("config.md", "Mounts")`."""
import pytest


def must(document, section, since="1.0"):
    """The specification says MUST, MUST NOT, REQUIRED or SHALL. `since`: the version that brought it."""
    return pytest.mark.requirement("MUST", document, section, since)


def should(document, section, since="1.0"):
    """The specification says SHOULD or RECOMMENDED."""
    return pytest.mark.requirement("SHOULD", document, section, since)


def engines(section):
    """The specification says nothing; engines and people rely on it, because runc does it so."""
    return pytest.mark.requirement("ENGINES", "command line", section, "1.0")


def ours(section):
    """What minirun asks of itself: an answer that a person can act on."""
    return pytest.mark.requirement("OURS", "minirun", section, "1.0")
