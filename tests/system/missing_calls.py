"""The suite where a system call does not exist: `pytest tests/system --without openat2`.

minirun, and whatever it starts, then runs behind a filter that answers ENOSYS to that call, or to all of these at once
(`--without all`). What else the tests start does not. With --brief only the files run that have to do with the call."""

# By number: Python has no names for them. They are the same on all machines.
CALLS = {
    "openat2": {"openat2": 437},
    "clone3": {"clone3": 435},
    "mount_setattr": {"mount_setattr": 442},
    "fsopen": {"fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433},  # none is of use without the first
    "pidfd_open": {"pidfd_open": 434},
}
CHOICES = [*CALLS, "all"]

# Looking into layers, unpacking them, and every path in a container; every process; mounts of all kinds; what a killed
# minirun leaves. What "all" goes through, one call alone does only where its way round is another one then.
BRIEF = {
    "openat2": "artifacts descriptors digests images load mounts",
    "clone3": "process signals",
    "mount_setattr": "isolation mounts volumes",
    "fsopen": "container_files limits mounts",
    "pidfd_open": "kill signals",
    "all": "artifacts bad_command bad_host bad_image bundles cgroup container_files docker_image hostile_images isolation kill layers mounts "
           "names_and_links process report_diff seccomp signals terminal volumes",
}

ITSELF = "these tests say themselves which calls are missing"
A_FILTER = "the filter without which the call would be there is one that the container has"
IDS = "ids are mapped by mount_setattr alone: minirun refuses --userns without it (TestMissingCalls)"
LISTENER = "a seccomp filter's listener is taken by pidfd_getfd, which takes what pidfd_open gives"
COPIES = "a child has a stack of its own in minirun's memory by clone3 alone: without it pid 1 of --init is a copy of minirun"
REASONS = "the kernel's own words come from fsopen alone, and so does which option it is that it refuses"

# What is left out: a part of the tests' names, where which call is missing, and why.
LEFT_OUT = [
    ("TestMissingCalls::", CHOICES, ITSELF),
    ("test_seccomp.py::TestDefaultProfile::test_there_is_one[['--security-opt', 'seccomp=unconfined']-0]", CHOICES, A_FILTER),
    ("test_seccomp.py::TestDefaultProfile::test_there_is_one[['--privileged', '-q']-0]", CHOICES, A_FILTER),
    ("test_seccomp.py::TestDefaultProfile::test_there_is_one[['--privileged', '-q', '--security-opt', 'seccomp=builtin']-0]",
     CHOICES, A_FILTER),
    ("test_isolation.py::TestPrivileged::test_what_it_gives", CHOICES, A_FILTER),
    ("'--userns', 'private'", ["mount_setattr", "all"], IDS),
    ("--userns private", ["mount_setattr", "all"], IDS),
    ("test_bad_host.py::TestOverlay::test_ids_that_cannot_be_mapped", ["mount_setattr", "all"], IDS),
    ("test_cgroup.py::test_with_other_ways_to_start[options1]", ["mount_setattr", "all"], IDS),
    ("test_descriptors.py::TestNoCommand::test_that_only_the_kernel_reads", ["mount_setattr", "all"], IDS),
    ("test_isolation.py::TestUserNamespace::", ["mount_setattr", "all"], IDS),
    ("test_process.py::TestWorkingDirectory::test_it_is_made_as_the_user", ["mount_setattr", "all"], IDS),
    ("test_report_diff.py::test_who_owns_it", ["mount_setattr", "all"], IDS),
    ("test_hostile_programs.py::TestWhatIsDenied::test_the_programs_work[namespaces-", ["clone3", "all"], A_FILTER),
    ("test_signals.py::TestInit::test_the_programs_memory", ["clone3", "all"], COPIES),
    ("test_signals.py::TestInit::test_it_cannot_be_started", ["clone3", "all"], COPIES),
    ("test_exec.py::TestExec::test_it_has_the_container_s_rights", CHOICES, A_FILTER),
    ("test_exec.py::TestExec::test_its_program_cannot_be_written_to", CHOICES, ITSELF),
    ("test_report_denied.py::", ["pidfd_open", "all"], LISTENER),
    ("test_report_denied.py::test_what_it_answers_is_the_same", ["mount_setattr", "fsopen"], A_FILTER),
    ("test_many.py::TestReports::test_findings", ["pidfd_open", "all"], LISTENER),
    ("test_bad_host.py::TestOverlay::test_the_writable_layer_on_an_overlay", ["fsopen", "all"], REASONS),
    ("test_bad_options.py::TestVolumes::test_an_option_that_only_the_kernel_refuses", ["fsopen", "all"], REASONS),
]


def numbers(call):
    """As `payload without` takes them."""
    return ",".join(str(number) for name in CALLS if call in (name, "all") for number in CALLS[name].values())


def left_out(call):
    """Parts of names, and reasons."""
    return [(part, reason) for part, calls, reason in LEFT_OUT if call in calls]


def sort(items, call, brief):
    """Those that run and those that do not."""
    parts = [part for part, _ in left_out(call)]
    files = {f"test_{name}" for name in BRIEF[call].split()}
    runs = lambda item: not any(part in item.nodeid for part in parts) and (not brief or item.path.stem in files)
    return [item for item in items if runs(item)], [item for item in items if not runs(item)]
