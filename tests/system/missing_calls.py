"""The suite where a system call does not exist: `pytest tests/system --without openat2`.

minirun, and whatever it starts, then runs behind a filter that answers ENOSYS to that call, or to all of these at once
(`--without all`). What else the tests start does not."""

# By number: Python has no names for them. They are the same on all machines.
CALLS = {
    "openat2": [437],
    "clone3": [435],
    "mount_setattr": [442],
    "fsopen": [430, 431, 432, 433],  # with fsconfig, fsmount and fspick, which are of no use without it
    "pidfd_open": [434],
}

# What takes the call, whatever else there is: the end of a test's name, for which calls, and why.
LEFT_OUT = []


def numbers(call):
    """As `payload without` takes them."""
    return ",".join(str(number) for name, numbers in CALLS.items() if call in (name, "all") for number in numbers)


def left_out(call):
    """Patterns and reasons."""
    return [(pattern, reason) for pattern, calls, reason in LEFT_OUT if call in calls or (call == "all" and calls)]


def sort(call, items):
    """Those that run and those that are left out."""
    patterns = [pattern for pattern, _ in left_out(call)]
    matches = lambda item: any(pattern in item.nodeid for pattern in patterns)
    return [item for item in items if not matches(item)], [item for item in items if matches(item)]
