"""Real engines over a runtime: Podman, containerd's ctr, Docker, and two Docker daemons as a Swarm.

`pytest tests/engines --runtime PATH`; without the option MINIRUN_CONFORMANCE_RUNTIMES, or build/minirun-oci. Every engine gets
directories, sockets and cgroups of its own, so that one that the machine uses is left alone.
"""
import contextlib
import functools
import os
import pathlib
import shlex
import shutil
import signal
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parent / "conformance"))
pytest.register_assert_rewrite("engine")

import archive
import machine
import processes
from bundle import find_busybox, make_rootfs
from engine import Client, Daemon
from runtime import Runtime

PROJECT = HERE.parents[1]


def pytest_addoption(parser):
    parser.addoption("--runtime", action="append", default=[], help="an OCI runtime to test; may be given several times")


@functools.cache  # the very same strings for every test, or pytest would make what depends on them anew for each
def runtime_paths(config):
    paths = config.getoption("--runtime") or [path for path in os.environ.get("MINIRUN_CONFORMANCE_RUNTIMES", "").split(":") if path]
    paths = paths or [str(PROJECT / "build/minirun-oci")]
    found = [shutil.which(path) for path in paths]
    if None in found:
        raise pytest.UsageError(f"one of these cannot be run: {paths}")
    return [os.path.abspath(path) for path in found]


def pytest_configure():
    processes.become_subreaper()
    if os.geteuid() == 0:
        processes.enter_own_mount_namespace()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that all is tidied up when a time limit ends the run


def pytest_generate_tests(metafunc):
    if "runtime_path" in metafunc.fixturenames:
        paths = runtime_paths(metafunc.config)
        metafunc.parametrize("runtime_path", paths, ids=[os.path.basename(path) for path in paths], indirect=True, scope="session")


def need(*programs):
    for program, package in programs:
        if not shutil.which(program):
            machine.skip(f"there is no {program}: apt-get install {package}")


@pytest.fixture(scope="session")
def runtime_path(request):
    return request.param


@pytest.fixture(scope="session")
def workspace():
    """Short, since the paths of sockets in it are limited; and on a file system that overlayfs can be upon."""
    if os.geteuid() != 0:
        pytest.exit("these tests start daemons and containers: run them as root", returncode=2)
    with tempfile.TemporaryDirectory(prefix="mr-eng.", dir="/var/tmp") as path:
        os.chmod(path, 0o755)
        yield pathlib.Path(path)
        processes.end_descendants(os.getpid())
        processes.unmount_below(path)


@pytest.fixture
def shared_volume(workspace):
    """A mount whose peers see what is mounted in it, with a directory `inner`."""
    with tempfile.TemporaryDirectory(prefix="volume.", dir=workspace) as path:
        processes.mount("tmpfs", path, "tmpfs", 0, "size=1m")
        processes.mount(None, path, None, 1 << 20)  # MS_SHARED
        os.mkdir(f"{path}/inner")
        yield pathlib.Path(path)
        processes.unmount_below(path)


@pytest.fixture(scope="session")
def image_archive(workspace):
    busybox = find_busybox()
    if not busybox:
        machine.skip("there is no busybox: apt-get install busybox-static")
    copy = shutil.copy(busybox, workspace / "busybox")
    (workspace / "rootfs").mkdir()
    make_rootfs(workspace / "rootfs", copy)
    return archive.write(workspace / "tiny.tar", workspace / "rootfs")


@pytest.fixture(scope="session")
def runtime_program(runtime_path, workspace):
    """What an engine is to start: the runtime, or a script around one that needs help on this machine (see Runtime.before)."""
    runtime = Runtime(runtime_path, workspace)
    if not runtime.before:
        return pathlib.Path(runtime_path)
    directory = workspace / "wrapped"
    directory.mkdir(exist_ok=True)
    script = directory / runtime.name
    script.write_text(f"#!/bin/sh\nexec {shlex.join(runtime.before)} {shlex.quote(runtime_path)} \"$@\"\n")
    os.chmod(script, 0o755)
    return script


@pytest.fixture(scope="session")
def cgroup_parent(runtime_path):
    """Below it are all cgroups of this run."""
    name = f"engines-{os.getpid()}-{os.path.basename(runtime_path)}"
    yield name
    for hierarchy in set(machine.hierarchies().values()):
        processes.remove_cgroup(hierarchy / name)


# Podman

@pytest.fixture(scope="session")
def podman_engine(workspace, runtime_path, runtime_program, image_archive):
    need(("podman", "podman"), ("conmon", "conmon"))
    home = workspace / f"podman-{os.path.basename(runtime_path)}"
    home.mkdir()
    nofile, nproc = machine.hard_limit("RLIMIT_NOFILE"), machine.hard_limit("RLIMIT_NPROC")
    # Without CAP_SYS_RESOURCE no limit can be raised above the hard one, which is what Podman would do.
    (home / "containers.conf").write_text(f'[containers]\ndefault_ulimits = ["nofile={min(nofile, 20000)}:{min(nofile, 20000)}", "nproc=4096:{min(nproc, 4096)}"]\n'
                                          '[engine]\nevents_logger = "file"\n')
    (home / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    (home / "storage.conf").write_text(f'[storage]\ndriver = "overlay"\nrunroot = "{home}/run"\ngraphroot = "{home}/root"\n')
    client = Client(["podman", "--root", home / "root", "--runroot", home / "run", "--tmpdir", home / "tmp", "--storage-driver", "overlay", "--cgroup-manager", "cgroupfs",
                     "--runtime", runtime_program], workspace,
                    {"CONTAINERS_CONF": str(home / "containers.conf"), "CONTAINERS_STORAGE_CONF": str(home / "storage.conf"), "HOME": str(home), "XDG_CONFIG_HOME": str(home)})
    (home / ".config/containers").mkdir(parents=True)
    (home / "containers").mkdir()
    for directory in (home / ".config/containers", home / "containers"):
        shutil.copy(home / "policy.json", directory / "policy.json")
    client("load", "-i", image_archive).ok()
    yield client
    client("rm", "--all", "--force", "--time", "0")
    client("rmi", "--all", "--force")
    # Podman's own, each where it has made it; where one is not empty another Podman uses it.
    for name in ("libpod_parent/conmon", "libpod_parent"):
        for hierarchy in set(machine.hierarchies().values()):
            with contextlib.suppress(OSError):
                (hierarchy / name).rmdir()


@pytest.fixture
def podman(podman_engine):
    """After each test all of its containers are gone."""
    yield podman_engine
    podman_engine("rm", "--all", "--force", "--time", "0")


# containerd

CONTAINERD = """version = 2
root = "{home}/root"
state = "{home}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
address = "{home}/sock"
"""


def start_containerd(home):
    need(("containerd", "containerd"), ("ctr", "containerd"))
    home.mkdir()
    (home / "config.toml").write_text(CONTAINERD.format(home=home))
    return Daemon("containerd", ["containerd", "--config", home / "config.toml"], home / "log").wait_for(home / "sock")


@pytest.fixture(scope="session")
def containerd(workspace, runtime_path):
    home = workspace / f"cd-{os.path.basename(runtime_path)}"
    daemon = start_containerd(home)
    daemon.socket = home / "sock"
    yield daemon
    daemon.stop()


@pytest.fixture(scope="session")
def ctr_engine(workspace, containerd, image_archive):
    client = Client(["ctr", "--address", containerd.socket], workspace)
    client.until(lambda text: "Server" in text, "version")
    client("images", "import", image_archive).ok()
    return client


@pytest.fixture
def ctr(ctr_engine):
    yield ctr_engine
    for name in ctr_engine("tasks", "list", "-q").lines:
        ctr_engine("tasks", "kill", "-s", "9", "-a", name)
        ctr_engine("tasks", "delete", "-f", name)
    for name in ctr_engine("containers", "list", "-q").lines:
        ctr_engine("containers", "delete", name)


# Docker

def start_docker(home, name, program, containerd_socket, parent, *options, before=()):
    """A dockerd that has this runtime as its default. Its socket is `sock` in its home."""
    need(("dockerd", "docker.io"), ("docker", "docker.io"))
    home.mkdir()
    (home / "config.json").write_text("{}")
    command = [*before, "dockerd", "--config-file", home / "config.json", "--data-root", home / "data", "--exec-root", home / "exec", "--pidfile", home / "pid",
               "-H", f"unix://{home}/sock", "--bridge=none", "--iptables=false", "--ip6tables=false", "--add-runtime", f"{name}={program}", "--default-runtime", name,
               "--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", f"/{parent}", "--oom-score-adjust", "0", *options]
    if containerd_socket:
        command += ["--containerd", containerd_socket]
    return Daemon("dockerd", command, home / "log").wait_for(home / "sock")


def docker_client(home, workspace, image):
    client = Client(["docker", "-H", f"unix://{home}/sock"], workspace, {"DOCKER_CONFIG": str(home)})
    client.until(lambda text: text.count(".") > 1, "version", "--format", "{{.Server.Version}}")
    client("load", "-i", image).ok()
    return client


@pytest.fixture(scope="session")
def docker_engine(workspace, runtime_path, runtime_program, containerd, image_archive, cgroup_parent):
    name = os.path.basename(runtime_path)
    home = workspace / f"dk-{name}"
    daemon = start_docker(home, f"tested-{name}", runtime_program, containerd.socket, cgroup_parent)
    client = docker_client(home, workspace, image_archive)
    client.runtime, client.home = f"tested-{name}", home
    yield client
    daemon.stop()


@pytest.fixture
def docker(docker_engine):
    yield docker_engine
    left = docker_engine("ps", "-aq").lines
    if left:
        docker_engine("rm", "--force", *left)
