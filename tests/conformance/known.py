"""Failures that are known, with the reason. An entry holds for a test, or for all tests of a file or a name: a pattern with *."""
import fnmatch

KNOWN = {
}


def known(test, runtime):
    """The reason why this runtime fails this test, or None."""
    for pattern, reasons in KNOWN.items():
        # fnmatch would read [x] as a set of characters.
        if runtime in reasons and (test == pattern or "*" in pattern and fnmatch.fnmatchcase(test, pattern.replace("[", "[[]"))):
            return reasons[runtime]
    return None
