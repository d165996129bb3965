"""What every system test gets: minirun with a root of its own, a base layer, bundles, and a look at what is left."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

pytest.register_assert_rewrite("harness", "terminal")  # before they are imported

import host_state
import missing_calls
from archives import tree_layer
from bundles import Bundles, base_tree, make_tree
from harness import MINIRUN, PAYLOAD, Minirun, become_subreaper, reap_orphans, skip


def pytest_addoption(parser):
    parser.addoption("--without", choices=missing_calls.CHOICES, metavar="CALL",
                     help="where this system call does not exist: " + ", ".join(missing_calls.CHOICES))
    parser.addoption("--brief", action="store_true", help="only the files that have to do with that call")


def pytest_collection_modifyitems(config, items):
    if call := config.getoption("--without"):
        items[:], others = missing_calls.sort(items, call, config.getoption("--brief"))
        config.hook.pytest_deselected(items=others)


def pytest_terminal_summary(terminalreporter, config):
    for part, reason in missing_calls.left_out(config.getoption("--without")):
        terminalreporter.write_line(f"LEFT OUT {part}: {reason}")


def pytest_configure(config):
    if call := config.getoption("--without"):
        Minirun.outermost = [PAYLOAD, "without", missing_calls.numbers(call)]
    become_subreaper()
    # A shell starts what is in the background with these ignored, and that is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left():
    """The suite leaves no mount, process, interface, cgroup or directory behind."""
    if os.geteuid() != 0:
        pytest.exit("the system tests start containers: run them as root", returncode=2)
    before = host_state.look()
    yield
    assert reap_orphans() == {}
    assert host_state.left_since(before) == {}


@pytest.fixture(scope="session")
def workspace(nothing_is_left):
    """A directory on a file system that can hold an overlay's upper directory (a tmpfs on /tmp might not)."""
    with tempfile.TemporaryDirectory(prefix="minirun-system-tests.", dir="/var/tmp") as path:
        os.chmod(path, 0o755)
        yield pathlib.Path(path)


@pytest.fixture(scope="session")
def base_layer(workspace):
    busybox = shutil.which("busybox", path="/bin:/usr/bin")
    if not busybox:
        skip("there is no busybox: apt-get install busybox-static")
    for program in (MINIRUN, PAYLOAD):
        assert program.exists(), f"there is no {program}: ninja -C build/release"
    return make_tree(workspace / "base-layer", base_tree(pathlib.Path(busybox), PAYLOAD))


@pytest.fixture(scope="session")
def shared_bundles(workspace, base_layer):
    """For bundles that several tests run and none changes."""
    return Bundles(workspace / "shared", base_layer)


@pytest.fixture(scope="session")
def plain(shared_bundles):
    """The bundle of most tests: nothing but the base layer; without arguments it runs `payload facts`."""
    return shared_bundles(name="plain")


@pytest.fixture
def scratch(workspace):
    """A directory of the test's own."""
    path = pathlib.Path(tempfile.mkdtemp(dir=workspace))
    os.chmod(path, 0o755)
    yield path
    subprocess.run(["rm", "-rf", "--one-file-system", "--", path], check=True)


@pytest.fixture(scope="session")
def base(base_layer):
    """The layer with busybox, as an archive."""
    return tree_layer(base_layer)


@pytest.fixture
def bundle(scratch, base_layer):
    """Makes bundles: see Bundles."""
    return Bundles(scratch / "bundles", base_layer)


@pytest.fixture
def minirun(scratch):
    """The program under test. After each test nothing of its containers is left."""
    program = Minirun(scratch / "root", scratch / "bundles")
    yield program
    program.stop_all()
    stubborn = reap_orphans()
    left = program.containers() + program.names()
    assert stubborn == {}, "processes outlived the test"
    # What kill -9 leaves, the next command sweeps: test_kill.py does so itself before it ends.
    assert left == [], "the test left directories of containers or names"


@pytest.fixture
def box(minirun):
    """minirun, and at the end of the test none of its containers."""
    yield minirun
    minirun.stop_all()
    for name in minirun("ps", "-aq", "--no-trunc").lines:
        minirun("rm", "-f", name).ok()


@pytest.fixture
def detached(box, plain):
    """Runs a container in the background; its id."""
    def run(*words, name="web", options=(), image=plain):
        return box.run("-d", *(["--name", name] if name else []), *options, image, *words).ok().out.strip()
    return run


@pytest.fixture
def other(scratch):
    """A second store."""
    return Minirun(scratch / "other", scratch / "bundles")


class RuntimeBundle:
    """An OCI runtime bundle: rootfs/ and a config.json to be changed and written again."""

    def __init__(self, path):
        self.path = path

    def write(self, config):
        (self.path / "config.json").write_text(json.dumps(config))
        return self.path


@pytest.fixture
def runtime_bundle(scratch, base_layer):
    """Makes one around a command. Returns its config, as `runc spec` writes it, and the bundle."""
    def make(args):
        path = scratch / "runtime-bundle"
        path.mkdir()
        subprocess.run(["cp", "-al", base_layer, path / "rootfs"], check=True)
        bundle = RuntimeBundle(path)
        config = json.loads((pathlib.Path(__file__).parent / "runc-spec.json").read_text())
        config["process"]["args"] = args
        config["process"]["terminal"] = False
        bundle.write(config)
        return config, bundle
    return make
