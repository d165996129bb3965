"""config.md "POSIX-platform Hooks", and when they run: runtime.md "Lifecycle"."""
import json
import os
import pathlib
import time

import pytest

import processes
from requirements import must
from runtime import NO_SUCH_CONTAINER

KINDS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
IN_CREATE, IN_START, IN_DELETE = KINDS[:3], KINDS[3:5], KINDS[5:]
IN_CONTAINER = ["createContainer", "startContainer"]  # by their namespaces
FOR_STATE = {"prestart": ("creating", "created"), "createRuntime": ("creating", "created"), "createContainer": ("creating", "created"),
             "startContainer": ("created",), "poststart": ("running",), "poststop": ("stopped",)}


def hook(box, kind, script, name=None, **more):
    """Adds one that runs a script. What it writes to $OUT goes to a directory that host and container share."""
    name = name or f"hook-{kind}-{len(box.config.get('hooks', {}).get(kind, []))}"
    path = box.script(name, script)
    if kind == "startContainer":
        (box.rootfs / "hooks").mkdir(exist_ok=True)
        os.link(path, box.rootfs / "hooks" / name)
        path = pathlib.Path("/hooks") / name
    entry = {"path": str(path), **more}
    box.config.setdefault("hooks", {}).setdefault(kind, []).append(entry)
    return entry


@pytest.fixture
def shared(box):
    """A directory that is /shared in the container, and under its own path on the host."""
    path = box.path / "shared"
    path.mkdir()
    os.chmod(path, 0o777)
    box.bind(path, "/shared")
    return path


def place(box, kind):
    """Where hooks of that kind find the shared directory. createContainer hooks run before the root is entered."""
    return "/shared" if kind == "startContainer" else f"{box.path}/shared"


def run_through(box):
    box.created()
    box.start().ok()
    assert box.wait() is not None
    box.delete().ok()


# When

@must("config.md", "POSIX-platform Hooks")
@pytest.mark.parametrize("kind", KINDS)
def test_it_runs(box, shared, kind):
    hook(box, kind, f"echo ran >> {place(box, kind)}/log")
    run_through(box)
    assert (shared / "log").read_text() == "ran\n"


@must("config.md", "POSIX-platform Hooks")
def test_the_order_of_the_kinds(box, shared):
    for kind in KINDS:
        hook(box, kind, f"echo {kind} >> {place(box, kind)}/log")
    # The program waits, or it and the poststart hook would race.
    box.sh("echo program >> /shared/log; while ! grep -q poststart /shared/log; do sleep 0.05; done")
    run_through(box)
    lines = (shared / "log").read_text().split()
    assert lines[:3] == KINDS[:3] and lines[-1] == "poststop"
    assert lines.index("startContainer") < lines.index("program")


@must("config.md", "POSIX-platform Hooks")
def test_poststart_comes_after_the_program_was_executed(box, shared):
    """So after the startContainer hooks, too."""
    hook(box, "startContainer", "sleep 0.3; echo startContainer >> /shared/log")
    hook(box, "poststart", f"tr '\\0' ' ' < /proc/$(cat {box.pid_file})/cmdline >> {shared}/log")
    box.sleeping()
    assert (shared / "log").read_text().split() == ["startContainer", "/bin/sleep", "1000"]


@must("config.md", "POSIX-platform Hooks")
@pytest.mark.parametrize("kind", KINDS)
def test_in_the_listed_order(box, shared, kind):
    for number in range(3):
        hook(box, kind, f"sleep 0.0{3 - number}; echo {number} >> {place(box, kind)}/log")
    run_through(box)
    assert (shared / "log").read_text().split() == ["0", "1", "2"]


@must("config.md", "POSIX-platform Hooks")
@pytest.mark.parametrize("kind", IN_CREATE)
def test_as_part_of_create(box, shared, kind):
    hook(box, kind, f"sleep 0.2; echo ran >> {shared}/log")
    box.created()
    assert (shared / "log").exists()
    box.start().ok()
    box.wait()
    assert (shared / "log").read_text() == "ran\n"


@must("config.md", "POSIX-platform Hooks")
@pytest.mark.parametrize("kind", IN_START)
def test_as_part_of_start(box, shared, kind):
    hook(box, kind, f"sleep 0.2; echo ran >> {place(box, kind)}/log")
    box.process["args"] = ["/bin/sleep", "1000"]
    box.created()
    assert not (shared / "log").exists()
    box.start().ok()
    assert processes.wait_until(lambda: (shared / "log").exists(), 0 if kind == "poststart" else 5)


@must("config.md", "POSIX-platform Hooks")
def test_start_container_hooks_come_before_the_program(box, shared):
    hook(box, "startContainer", "sleep 0.2; echo hook >> /shared/log")
    box.sh("echo program >> /shared/log")
    box.ended()
    assert (shared / "log").read_text().split() == ["hook", "program"]


@must("config.md", "POSIX-platform Hooks")
def test_as_part_of_delete(box, shared):
    hook(box, "poststop", f"sleep 0.2; echo ran >> {shared}/log")
    box.ended()
    assert not (shared / "log").exists()
    box.delete().ok()
    assert (shared / "log").read_text() == "ran\n"


@must("config.md", "POSIX-platform Hooks")
def test_poststop_also_with_force(box, shared):
    hook(box, "poststop", f"echo ran >> {shared}/log")
    box.sleeping()
    box.delete("--force").ok()
    assert (shared / "log").read_text() == "ran\n"


@must("config.md", "POSIX-platform Hooks")
def test_poststop_after_the_process_is_gone(box, shared):
    hook(box, "poststop", f'pid=$(cat {box.pid_file}); grep -q "State:.*Z" /proc/$pid/status 2>/dev/null || ! test -d /proc/$pid && echo gone >> {shared}/log')
    box.sleeping()
    box.delete("--force").ok()
    assert (shared / "log").read_text() == "gone\n"


@must("config.md", "POSIX-platform Hooks")
def test_run_runs_them_all(box, shared):
    for kind in KINDS:
        hook(box, kind, f"echo {kind} >> {place(box, kind)}/log")
    box.sh("while ! grep -q poststart /shared/log; do sleep 0.05; done")
    box.run().ok()
    assert (shared / "log").read_text().split() == KINDS


@must("config.md", "POSIX-platform Hooks")
def test_the_environment_is_made_before_the_runtime_hooks(box, shared):
    """Namespaces are there, and mounts are done: a hook can set up the network."""
    box.process["args"] = ["/bin/cat", "/sys/class/net/lo/operstate"]
    hook(box, "createRuntime", f"pid=$(sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p'); readlink /proc/$pid/ns/net >> {shared}/log; nsenter -t $pid -n ip link set lo up")
    box.ended()
    assert (shared / "log").read_text().strip() not in ("", os.readlink("/proc/self/ns/net"))
    assert box.out.read_text().strip() != "down"


# Where

@must("config.md", "POSIX-platform Hooks")
@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "poststart", "poststop"])
def test_in_the_runtimes_namespaces(box, shared, kind):
    hook(box, kind, f"for ns in pid net uts ipc; do readlink /proc/self/ns/$ns; done >> {shared}/log")
    box.process["args"] = ["/bin/sleep", "0.5"]
    run_through(box)
    assert (shared / "log").read_text().split() == [os.readlink(f"/proc/self/ns/{ns}") for ns in ("pid", "net", "uts", "ipc")]


@must("config.md", "POSIX-platform Hooks")
@pytest.mark.parametrize("kind", IN_CONTAINER)
def test_in_the_containers_namespaces(box, shared, kind):
    """createContainer: before the root is entered, so the path is the host's, and so is what it sees of files."""
    hook(box, kind, f"for ns in net uts ipc mnt; do readlink /proc/self/ns/$ns; done > {place(box, kind)}/part; mv {place(box, kind)}/part {place(box, kind)}/log")
    box.sleeping()
    assert processes.wait_until((shared / "log").exists)
    assert (shared / "log").read_text().split() == [box.link(ns) for ns in ("net", "uts", "ipc", "mnt")]


@must("config.md", "POSIX-platform Hooks")
def test_start_container_hooks_see_the_containers_root(box, shared):
    (box.rootfs / "etc/mark").write_text("of the image")
    hook(box, "startContainer", "cat /etc/mark > /shared/log")
    box.ended()
    assert (shared / "log").read_text() == "of the image"


@must("config.md", "POSIX-platform Hooks")
def test_create_container_hooks_see_the_containers_mounts(box, shared, scratch):
    hook(box, "createContainer", f"grep -c ' {box.rootfs}/shared ' /proc/self/mountinfo > {shared}/log")
    run_through(box)
    assert (shared / "log").read_text() == "1\n"


# With what

@must("config.md", "POSIX-platform Hooks")
@pytest.mark.parametrize("kind", KINDS)
def test_the_state_on_standard_input(box, shared, kind):
    box.config["annotations"] = {"org.example": "x"}
    hook(box, kind, f"cat > {place(box, kind)}/state")
    box.process["args"] = ["/bin/sleep", "0.5"]
    box.created()
    pid = box.pid
    box.start().ok()
    box.wait()
    box.delete().ok()
    state = json.loads((shared / "state").read_text())
    assert (state["id"], state["bundle"]) == (box.id, str(box.path))
    assert state["status"] in FOR_STATE[kind]
    assert state["annotations"]["org.example"] == "x"
    assert state["ociVersion"]
    if kind not in (*IN_CONTAINER, "poststop"):  # as the container's namespace has it, or not there any more
        assert state["pid"] == pid


@must("config.md", "POSIX-platform Hooks")
@pytest.mark.parametrize("kind", KINDS)
def test_args(box, shared, kind):
    hook(box, kind, f'printf "<%s>" "$@" > {place(box, kind)}/log', args=["my-name", "one", "two words", ""])
    run_through(box)
    assert (shared / "log").read_text() == "<one><two words><>"


@must("config.md", "POSIX-platform Hooks")
@pytest.mark.parametrize("kind", KINDS)
def test_env(box, shared, kind):
    hook(box, kind, f"env | grep -v -e ^_= -e ^PWD= -e ^SHLVL= -e ^OLDPWD= > {place(box, kind)}/log", env=["PATH=/bin:/usr/bin", "A=1", "B=two words"])
    run_through(box)
    assert sorted((shared / "log").read_text().splitlines()) == ["A=1", "B=two words", "PATH=/bin:/usr/bin"]


@must("config.md", "POSIX-platform Hooks")
@pytest.mark.parametrize("kind", ["createRuntime", "poststart"])
def test_args_and_env_may_be_missing(box, shared, kind):
    hook(box, kind, f"echo $# >> {shared}/log")
    run_through(box)
    assert (shared / "log").read_text() == "0\n"


# Failures

@must("runtime.md", "Lifecycle")
@pytest.mark.parametrize("kind", IN_CREATE)
def test_a_failure_in_create(box, kind):
    """An error, and the container is gone."""
    hook(box, kind, "exit 3")
    box.sh("touch /was-here")
    result = box.create()
    result.err = box.err.read_text()
    result.failed("hook")
    box.runtime("state", box.id).failed(*NO_SUCH_CONTAINER)
    assert not (box.rootfs / "was-here").exists()


@must("runtime.md", "Lifecycle")
def test_a_failure_of_start_container(box):
    """An error, the program does not run, and the container is stopped."""
    hook(box, "startContainer", "exit 3")
    box.sh("touch /was-here")
    box.created()
    box.start().failed()
    box.wait()
    assert not (box.rootfs / "was-here").exists()
    result = box.runtime("state", box.id)
    assert result.code != 0 or json.loads(result.out)["status"] == "stopped"


@must("runtime.md", "Lifecycle")
def test_a_failure_of_create_runs_poststop(box, shared):
    """The lifecycle goes on where the container is destroyed."""
    hook(box, "createRuntime", "exit 3")
    hook(box, "poststop", f"echo ran >> {shared}/log")
    assert box.create().code != 0
    assert (shared / "log").read_text() == "ran\n"


@must("runtime.md", "Errors")
@pytest.mark.parametrize("kind", ["createRuntime", None])
def test_a_create_that_fails_before_any_hook(box, shared, kind):
    """Its error leaves everything as if it had never been tried: there is nothing for poststop hooks to undo."""
    box.bind("/not/there", "/mnt")
    if kind:
        hook(box, kind, f"echo {kind} >> {shared}/log")
    hook(box, "poststop", f"echo poststop >> {shared}/log")
    assert box.create().code != 0
    assert not (shared / "log").exists()
    box.runtime("state", box.id).failed(*NO_SUCH_CONTAINER)


@must("runtime.md", "Lifecycle")
@pytest.mark.parametrize("command", ["create", "run"])
def test_a_failure_behind_a_hook_runs_poststop(box, shared, command):
    """What the hooks have set up has to be undone, whatever fails then."""
    hook(box, "createRuntime", f"echo createRuntime >> {shared}/log")
    hook(box, "poststop", f"echo poststop >> {shared}/log")
    box.process["args"] = ["/not/there"]
    result = box.create() if command == "create" else box.run()
    if result.code == 0:
        pytest.skip("it does not look for the command in create")
    assert (shared / "log").read_text().split() == ["createRuntime", "poststop"]


@must("runtime.md", "Lifecycle")
def test_a_failure_of_poststart_is_a_warning(box):
    hook(box, "poststart", "exit 3")
    box.process["args"] = ["/bin/sleep", "1000"]
    box.created()
    result = box.start()
    assert processes.is_running(box.pid), "the lifecycle was not continued"
    assert box.status == "running"
    assert "hook" in result.err.lower() or "exit" in result.err.lower(), "and there was no warning"


@must("runtime.md", "Lifecycle")
def test_after_a_failure_of_poststop_all_else_goes_on(box, shared):
    hook(box, "poststop", "exit 3")
    hook(box, "poststop", f"echo second >> {shared}/log")
    box.ended()
    box.delete()
    box.runtime("state", box.id).failed(*NO_SUCH_CONTAINER)
    assert (shared / "log").read_text() == "second\n"


@must("runtime.md", "Lifecycle")
def test_a_failure_of_poststop_is_a_warning(box):
    hook(box, "poststop", "exit 3")
    box.ended()
    box.delete().ok().says("hook", "exit")


@must("runtime.md", "Lifecycle")
@pytest.mark.parametrize("kind", IN_CREATE)
def test_after_a_failure_the_next_do_not_run(box, shared, kind):
    hook(box, kind, "exit 3")
    hook(box, kind, f"echo second >> {shared}/log")
    assert box.create().code != 0
    assert not (shared / "log").exists()


@must("config.md", "POSIX-platform Hooks")
@pytest.mark.parametrize("kind", ["createRuntime", "createContainer", "startContainer"])
def test_one_that_is_not_there(box, kind):
    box.config["hooks"] = {kind: [{"path": "/not/there"}]}
    result = box.create()
    if result.code == 0:
        box.start().failed()
    else:
        result.err = box.err.read_text()
        result.failed()


@must("config.md", "POSIX-platform Hooks")
def test_a_path_that_is_not_absolute(box):
    box.script("relative-hook", "exit 0")
    box.config["hooks"] = {"createRuntime": [{"path": "relative-hook"}]}
    result = box.create(cwd=box.path)
    result.err = box.err.read_text()
    result.failed()


@must("config.md", "POSIX-platform Hooks")
@pytest.mark.parametrize("timeout", [0, -1])
def test_a_timeout_that_is_none(box, timeout):
    hook(box, "createRuntime", "exit 0", timeout=timeout)
    result = box.create()
    result.err = box.err.read_text()
    result.failed()


@must("config.md", "POSIX-platform Hooks")
@pytest.mark.parametrize("kind", ["createRuntime", "createContainer"])
def test_a_timeout(box, kind):
    hook(box, kind, "exec sleep 15", timeout=1)
    begin = time.monotonic()
    result = box.create()
    result.err = box.err.read_text()
    result.failed()
    assert time.monotonic() - begin < 10


@must("config.md", "POSIX-platform Hooks")
def test_a_timeout_that_is_not_reached(box, shared):
    hook(box, "createRuntime", f"echo ran > {shared}/log", timeout=30)
    run_through(box)
    assert (shared / "log").read_text() == "ran\n"


@must("config.md", "POSIX-platform Hooks")
def test_a_kind_that_is_unknown_is_ignored(box):
    box.config["hooks"] = {"postmortem": [{"path": "/not/there"}]}
    assert box.output("echo here") == "here"


@must("config.md", "POSIX-platform Hooks")
@pytest.mark.parametrize("hooks", [{}, {"prestart": []}, {"createRuntime": None}], ids=str)
def test_none(box, hooks):
    box.config["hooks"] = hooks
    assert box.output("echo here") == "here"
