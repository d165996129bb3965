"""Each test of this suite runs once for each runtime: `pytest tests/conformance --runtime /usr/sbin/runc --runtime …`.

Without the option: those of MINIRUN_CONFORMANCE_RUNTIMES (separated by colons), or build/minirun-oci, runc and crun, as far as
they are there. `--results FILE` writes what came of each test, for report.py.
"""
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

pytest.register_assert_rewrite("runtime", "terminal", "helpers")

import machine
import processes
from bundle import find_busybox
from known import known
from runtime import Container, Runtime

PROJECT = pathlib.Path(__file__).resolve().parents[2]
LEVELS = ("MUST", "SHOULD", "ENGINES", "OURS")


def pytest_addoption(parser):
    parser.addoption("--runtime", action="append", default=[], help="an OCI runtime to test; may be given several times")
    parser.addoption("--without-cgroups", action="store_true", help="bundles ask for no cgroup, unless a test is about that")
    parser.addoption("--results", help="a file to write the results to, as JSON")


@functools.cache  # the very same strings for every test, or pytest would make what depends on them anew for each
def runtime_paths(config):
    paths = config.getoption("--runtime") or [path for path in os.environ.get("MINIRUN_CONFORMANCE_RUNTIMES", "").split(":") if path]
    if not paths:
        paths = [PROJECT / "build/minirun-oci", shutil.which("runc"), shutil.which("crun")]
        paths = [path for path in paths if path and os.path.exists(path)]
    found = [shutil.which(str(path)) for path in paths]
    if not found or None in found:
        raise pytest.UsageError(f"no runtime, or one that cannot be run: {list(map(str, paths))}")
    return [os.path.abspath(path) for path in found]


def pytest_configure(config):
    config.addinivalue_line("markers", "requirement(level, document, section, since): what the test holds a runtime to")
    processes.become_subreaper()
    if os.geteuid() == 0:
        processes.enter_own_mount_namespace()
    # A shell starts what is in the background with these ignored, and that is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that all is tidied up when a time limit ends the run


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc):
    if "runtime_path" in metafunc.fixturenames:
        paths = runtime_paths(metafunc.config)
        metafunc.parametrize("runtime_path", paths, ids=[os.path.basename(path) for path in paths], indirect=True, scope="session")


def key_of(item):
    """The test's name without the runtime: test_root.py::test_readonly[x]."""
    name = os.path.basename(item.callspec.params["runtime_path"])
    return re.sub("^.*?conformance/", "", item.nodeid).replace(f"[{name}]", "", 1).replace(f"[{name}-", "[", 1)


def pytest_collection_modifyitems(config, items):
    for item in items:
        mark = item.get_closest_marker("requirement")
        if mark is None or mark.args[0] not in LEVELS:
            raise pytest.UsageError(f"{item.nodeid} does not name what it tests: see requirements.py")
        if "runtime_path" not in getattr(item, "fixturenames", ()):
            raise pytest.UsageError(f"{item.nodeid} tests no runtime")
        name = os.path.basename(item.callspec.params["runtime_path"])
        reason = known(key_of(item), name)
        if reason:
            # An oracle of another version may do better; of ours it has to be known.
            item.add_marker(pytest.mark.xfail(reason=reason, strict=name.startswith("minirun")))


def pytest_runtest_setup(item):
    item.user_properties.append(("key", key_of(item)))


@pytest.fixture(autouse=True)
def _newer_than_the_runtime(request, runtime):
    """What an oracle does not claim to know is no failure of it."""
    since = request.node.get_closest_marker("requirement").args[3]
    if not runtime.is_ours and tuple(map(int, since.split(".")[:2])) > runtime.spec_version:
        reason = f"of version {since} of the specification, and it says {'.'.join(map(str, runtime.spec_version))}"
        request.node.add_marker(pytest.mark.xfail(reason=reason, strict=False))


class Results:
    """Collects what came of each test."""

    def __init__(self, path):
        self.path, self.tests, self.versions = path, [], {}


results = None


def told(text):
    """Why a test failed, in a line: what it says first, and what the runtime said, without the names of temporary files."""
    first, _, rest = text.partition("\n")
    said = re.search(r"^  stderr (.{4,})$", rest, re.MULTILINE)
    return re.sub(r"/var/tmp/minirun-conformance\.[^ '\":]*/", "…/", first + (" " + said.group(1)[:250] if said else ""))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if results is None or (report.when == "teardown" and report.passed) or (report.when == "setup" and report.passed):
        return
    level, document, section, since = item.get_closest_marker("requirement").args
    outcome, reason = report.outcome, ""
    if hasattr(report, "wasxfail"):
        outcome, reason = "failed" if report.skipped else "passed", report.wasxfail
    elif report.skipped:
        reason = report.longrepr[2].removeprefix("Skipped: ")
    elif report.failed:
        reason = told(str(call.excinfo.value)) or call.excinfo.typename
    path = item.callspec.params["runtime_path"]
    results.tests.append({"test": key_of(item), "runtime": os.path.basename(path), "level": level, "document": document, "section": section,
                          "since": since, "outcome": outcome, "reason": reason, "seconds": round(report.duration, 3),
                          "expected": hasattr(report, "wasxfail")})


def pytest_sessionstart(session):
    global results
    if session.config.getoption("--results"):
        results = Results(session.config.getoption("--results"))


def pytest_sessionfinish(session):
    if results:
        pathlib.Path(results.path).write_text(json.dumps({"runtimes": results.versions, "tests": results.tests}, indent=1))


@pytest.fixture(scope="session")
def runtime_path(request):
    return request.param


@pytest.fixture(scope="session")
def workspace():
    """A directory on a file system that can do all that root file systems can (a tmpfs on /tmp might not)."""
    if os.geteuid() != 0:
        pytest.exit("these tests start containers: run them as root", returncode=2)
    with tempfile.TemporaryDirectory(prefix="minirun-conformance.", dir="/var/tmp") as path:
        os.chmod(path, 0o755)
        yield pathlib.Path(path)
        processes.end_descendants(os.getpid())
        processes.unmount_below(path)


@pytest.fixture(scope="session")
def busybox(workspace):
    """A copy, since bundles hold links to it, which do not cross file systems."""
    found = find_busybox()
    if not found:
        machine.skip("there is no busybox: apt-get install busybox-static")
    return pathlib.Path(shutil.copy(found, workspace / "busybox"))


@pytest.fixture(scope="session")
def runtime(runtime_path, workspace):
    """The runtime under test. At the end none of its cgroups is left."""
    made = Runtime(runtime_path, workspace)
    if results:
        results.versions[made.name] = made.version
    yield made
    processes.end_descendants(os.getpid())
    for hierarchy in set(machine.hierarchies().values()):
        processes.remove_cgroup(hierarchy / made.cgroup_parent)


@pytest.fixture
def scratch(workspace):
    """A directory of the test's own."""
    path = pathlib.Path(tempfile.mkdtemp(dir=workspace))
    os.chmod(path, 0o755)
    yield path
    processes.unmount_below(path)
    subprocess.run(["rm", "-rf", "--one-file-system", "--", path], check=False)


@pytest.fixture
def new_container(request, runtime, scratch, busybox):
    """Makes containers. After the test nothing of them is left, even when the runtime fails to see to that."""
    made = []

    def make():
        made.append(Container(runtime, scratch, busybox))
        if request.config.getoption("--without-cgroups"):
            del made[-1].linux["cgroupsPath"]
            made[-1].linux["resources"] = {}
        return made[-1]

    yield make
    for container in made:
        container.destroy()
    processes.end_descendants(os.getpid())
    for hierarchy in set(machine.hierarchies().values()):
        for container in made:
            processes.remove_cgroup(hierarchy / container.cgroup.strip("/"))


@pytest.fixture
def box(new_container):
    """A container of the usual kind, not created yet."""
    return new_container()
