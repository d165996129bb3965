"""runtime.md: the lifecycle, and the operations in right and wrong states."""
import json
import os
import time

import pytest

import machine
import processes
from requirements import engines, must, should
from runtime import NO_SUCH_CONTAINER, NOT_RUNNING


# Create

@must("runtime.md", "Create")
def test_create_does_not_run_the_program(box):
    box.sh("touch /was-here")
    box.created()
    time.sleep(0.2)
    assert not (box.rootfs / "was-here").exists()
    assert box.status == "created"


@must("runtime.md", "Lifecycle")
def test_start_runs_the_program(box):
    box.sh("touch /was-here; echo out; echo err >&2; exit 7")
    box.started()
    assert box.wait() == 7
    assert (box.rootfs / "was-here").exists()
    assert box.out.read_text() == "out\n"
    assert "err\n" in box.err.read_text()


@must("runtime.md", "Create")
def test_changes_to_the_config_after_create_have_no_effect(box):
    box.sh("echo first")
    box.created()
    box.sh("echo second")
    box.process["env"] = []
    box.write()
    box.start().ok()
    box.wait()
    assert box.out.read_text() == "first\n"


@must("runtime.md", "Create")
def test_the_config_may_be_gone_after_create(box):
    box.sh("echo first")
    box.created()
    (box.path / "config.json").unlink()
    box.start().ok()
    assert box.wait() == 0
    box.delete().ok()


@must("runtime.md", "Create")
def test_ids_are_unique(box, new_container):
    box.created()
    twin = new_container()
    twin.id, own = box.id, twin.id
    twin.sh("touch /was-here")
    result = twin.create()
    result.err = twin.err.read_text()
    result.failed("exist", "already", "in use")
    twin.id = own
    assert box.status == "created"
    box.start().ok()
    assert box.wait() == 0


@must("runtime.md", "Create")
@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "/abs"], ids=ascii)
def test_ids_that_are_not_valid(box, name):
    """Which ids are valid is left to the runtime; these would be other places than below its root."""
    box.id, own = name, box.id
    box.sh("touch /was-here")
    try:
        box.run().failed()
    finally:
        box.id = own
    assert not (box.rootfs / "was-here").exists()
    assert not box.runtime.root.exists() or name.strip("./") not in os.listdir(box.runtime.root)


@engines("ids")
@pytest.mark.parametrize("name", ["a" * 64, "with-dash_under.dot", "UPPER", "1"])
def test_ids_that_are(box, name):
    box.id, own = name, box.id
    try:
        assert box.output("echo here") == "here"
    finally:
        box.id = own


@must("runtime.md", "Create")
def test_create_needs_an_id(box):
    box.write()
    box.runtime("create", "--bundle", box.path).failed()


@must("runtime.md", "Create")
def test_create_of_a_bundle_that_is_not_there(box):
    box.write()
    box.runtime("create", "--bundle", box.path / "not-there", box.id).failed("no such file")
    box.runtime("state", box.id).failed(*NO_SUCH_CONTAINER)


@engines("create")
def test_the_bundle_is_the_working_directory_by_default(box):
    box.sh("echo here")
    box.write()
    assert box.runtime("run", box.id, cwd=box.path).ok().text == "here"


@engines("create")
def test_a_relative_bundle(box):
    box.sh("echo here")
    box.write()
    assert box.runtime("run", "-b", box.path.name, box.id, cwd=box.path.parent).ok().text == "here"


@engines("create")
def test_a_bundle_behind_a_link(box, scratch):
    box.sh("echo here")
    box.write()
    (scratch / "link").symlink_to(box.path)
    assert box.runtime("run", "-b", scratch / "link", box.id).ok().text == "here"


@must("runtime.md", "Create")
def test_a_failed_create_leaves_no_container(box):
    """What cannot be applied is an error, and then there is no container."""
    box.bind(box.path / "not-there", "/mnt")
    result = box.create()
    result.err = box.err.read_text()
    result.failed("no such file")
    box.runtime("state", box.id).failed(*NO_SUCH_CONTAINER)
    assert box.id not in os.listdir(box.runtime.root)


@must("runtime.md", "Errors")
def test_after_a_failed_create_the_id_is_free(box):
    bad = box.bind(box.path / "not-there", "/mnt")
    assert box.create().code != 0
    box.config["mounts"].remove(bad)
    assert box.output("echo here") == "here"


@must("runtime.md", "Errors")
def test_a_failed_create_leaves_no_cgroup(box):
    box.bind(box.path / "not-there", "/mnt")
    assert box.create().code != 0
    left = [place for place in map(str, {path / box.cgroup.strip("/") for path in machine.hierarchies().values()}) if os.path.exists(place)]
    assert left == []


@must("runtime.md", "Errors")
def test_a_failed_create_leaves_no_process(box):
    box.bind(box.path / "not-there", "/mnt")
    assert box.create().code != 0
    assert processes.wait_until(lambda: not [pid for pid in processes.children(os.getpid()) if processes.is_running(pid)], 5)


# Start

@must("runtime.md", "Start")
def test_start_needs_an_id(box):
    box.runtime("start").failed()


@must("runtime.md", "Start")
def test_start_of_an_unknown_container(box):
    box.start().failed(*NO_SUCH_CONTAINER)


@must("runtime.md", "Start")
def test_start_of_a_running_container(box):
    box.sh("echo once; sleep 1000")
    box.started()
    pid = box.pid
    box.start().failed()
    assert (box.status, box.state()["pid"]) == ("running", pid)
    assert box.out.read_text() == "once\n"


@must("runtime.md", "Start")
def test_start_of_a_stopped_container(box):
    box.sh("echo once")
    box.ended()
    box.start().failed()
    assert box.status == "stopped"
    assert box.out.read_text() == "once\n"


@must("runtime.md", "Start")
def test_start_without_process(box):
    """It may also be create that complains; then there is nothing to start."""
    del box.config["process"]
    result = box.create()
    if result.code == 0:
        result = box.start()
    else:
        result.err = box.err.read_text()
    result.failed()


@engines("start")
def test_start_says_that_the_program_is_not_there(box):
    """The error of exec reaches who called start, or create already."""
    box.process["args"] = ["/not/there"]
    result = box.create()
    if result.code == 0:
        result = box.start()
    else:
        result.err = box.err.read_text()
    result.failed("no such file or directory", "not found")


# Kill

@must("runtime.md", "Kill")
def test_kill_needs_an_id(box):
    box.runtime("kill").failed()


@must("runtime.md", "Kill")
def test_kill_of_an_unknown_container(box):
    box.kill().failed(*NO_SUCH_CONTAINER)


@must("runtime.md", "Kill")
def test_kill_of_a_stopped_container(box):
    box.ended()
    box.kill("TERM").failed(*NOT_RUNNING)
    assert box.status == "stopped"


@must("runtime.md", "Kill")
@pytest.mark.parametrize("word", ["USR1", "SIGUSR1", "10"])
def test_kill_sends_the_signal(box, word):
    box.sh("trap 'echo got USR1; exit 3' USR1; echo ready; while :; do sleep 0.05; done")
    box.started()
    assert processes.wait_until(lambda: "ready" in box.out.read_text())
    box.kill(word).ok()
    assert box.wait() == 3
    assert box.out.read_text() == "ready\ngot USR1\n"


@engines("kill")
def test_kill_sends_term_by_default(box):
    box.sh("trap 'exit 4' TERM; echo ready; while :; do sleep 0.05; done")
    box.started()
    assert processes.wait_until(lambda: "ready" in box.out.read_text())
    box.runtime("kill", box.id).ok()
    assert box.wait() == 4


@must("runtime.md", "Kill")
def test_kill_of_a_created_container(box):
    box.created()
    box.kill("KILL").ok()
    assert box.wait() == -9
    assert box.status == "stopped"


@must("runtime.md", "Kill")
def test_kill_ends_a_running_container(box):
    box.sleeping()
    box.kill("KILL").ok()
    assert box.wait() == -9
    assert box.status == "stopped"


@engines("kill")
@pytest.mark.parametrize("word", ["NOSUCH", "SIGNOSUCH", "999", "-5", ""])
def test_kill_with_no_signal_that_exists(box, word):
    box.sleeping()
    box.runtime("kill", box.id, *(["--", word] if word.startswith("-") else [word])).failed()
    assert box.status == "running"


@engines("kill")
@pytest.mark.parametrize("word", ["RTMIN+3", "SIGRTMIN+3", "37"])
def test_kill_with_a_real_time_signal(box, word):
    """systemd's containers are stopped with one."""
    box.without_namespace("pid")  # where the first process would not get what it has no handler for
    box.sleeping()
    box.kill(word).ok()
    assert box.wait() == -37


@engines("kill --all")
@pytest.mark.parametrize("option", ["--all", "-a"])
def test_kill_all(box, option):
    """Without a pid namespace of its own, the container's other processes live on, and are ended so."""
    box.without_namespace("pid")
    box.sh("sleep 1001 & echo $! > /child; exec sleep 1000")
    box.started()
    child = int(processes.wait_until(lambda: (box.rootfs / "child").exists() and (box.rootfs / "child").read_text()))
    box.kill("KILL", option).ok()
    assert box.wait() == -9
    assert processes.wait_until(lambda: not processes.is_running(child), 5)


# Delete

@must("runtime.md", "Delete")
def test_delete_needs_an_id(box):
    box.runtime("delete").failed()


@must("runtime.md", "Delete")
def test_delete_of_an_unknown_container(box):
    box.delete().failed(*NO_SUCH_CONTAINER)


@must("runtime.md", "Delete")
def test_delete_of_a_running_container(box):
    box.sleeping()
    box.delete().failed()
    assert box.status == "running"
    assert processes.is_running(box.pid)


@must("runtime.md", "Delete")
def test_delete_of_a_created_container(box):
    """It is not stopped: an error that changes nothing."""
    box.sh("echo here")
    box.created()
    box.delete().failed()
    assert box.status == "created"
    box.start().ok()
    box.wait()
    assert box.out.read_text() == "here\n"


@must("runtime.md", "Delete")
def test_delete_of_a_stopped_container(box):
    box.ended()
    box.delete().ok()
    box.runtime("state", box.id).failed(*NO_SUCH_CONTAINER)
    assert box.id not in os.listdir(box.runtime.root)


@must("runtime.md", "Delete")
def test_delete_deletes_the_cgroups(box):
    box.sleeping()
    places = {path / box.cgroup.strip("/") for path in machine.hierarchies().values()}
    assert any(place.exists() for place in places)
    box.kill().ok()
    box.wait()
    box.delete().ok()
    assert [place for place in places if place.exists()] == []


@must("runtime.md", "Delete")
def test_delete_leaves_what_was_not_made_for_the_container(box, scratch):
    (scratch / "given").mkdir()
    (scratch / "given/file").write_text("kept")
    box.bind(scratch / "given", "/given")
    box.ended()
    box.delete().ok()
    assert (scratch / "given/file").read_text() == "kept"
    assert (box.rootfs / "bin/busybox").exists() and (box.path / "config.json").exists()


@must("runtime.md", "Delete")
def test_an_id_may_be_used_again(box):
    box.sh("echo first")
    box.ended()
    box.delete().ok()
    assert box.output("echo second") == "second"


@engines("delete --force")
def test_delete_force_of_a_running_container(box):
    box.sleeping()
    pid = box.pid
    box.delete("--force").ok()
    assert not processes.is_running(pid)
    box.runtime("state", box.id).failed(*NO_SUCH_CONTAINER)


@engines("delete --force")
def test_delete_force_of_a_created_container(box):
    box.sh("touch /was-here")
    box.created()
    pid = box.pid
    box.delete("-f").ok()
    assert not processes.is_running(pid)
    assert not (box.rootfs / "was-here").exists()


@engines("delete --force")
def test_delete_force_of_an_unknown_container(box):
    box.delete("--force").ok()


@engines("delete --force")
def test_delete_force_of_a_paused_container(box):
    box.sleeping()
    box.runtime("pause", box.id).ok()
    pid = box.pid
    box.delete("--force").ok()
    assert not processes.is_running(pid)


@engines("delete --force")
def test_delete_force_ends_all_processes(box):
    """Also where they have no pid namespace that would go with the first."""
    box.without_namespace("pid")
    box.sh("sleep 1001 & echo $! > /child; exec sleep 1000")
    box.started()
    child = int(processes.wait_until(lambda: (box.rootfs / "child").exists() and (box.rootfs / "child").read_text()))
    box.delete("--force").ok()
    assert processes.wait_until(lambda: not processes.is_running(child), 5)


# Run, and the whole of it

@engines("run")
@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_run_ends_with_the_exit_code(box, code):
    box.sh(f"exit {code}")
    box.run().ended(code)


@engines("run")
def test_run_ends_with_128_and_the_signal(box):
    box.sh("kill -9 $$; sleep 5 & kill -9 $!; wait $!; exit $?")  # as pid 1 the first has no effect
    box.run().ended(137)
    box.without_namespace("pid")
    box.sh("kill -TERM $$")
    box.run().ended(143)


@engines("run")
def test_run_leaves_nothing(box):
    box.run().ok()
    assert box.id not in os.listdir(box.runtime.root)
    assert not any((path / box.cgroup.strip("/")).exists() for path in machine.hierarchies().values())


@engines("run")
def test_run_passes_standard_input(box):
    box.sh("cat")
    assert box.run(stdin="from the outside\n").ok().out == "from the outside\n"


@engines("run --detach")
def test_run_detached(box):
    box.process["args"] = ["/bin/sleep", "1000"]
    box.run("--detach", "--pid-file", box.pid_file).ok()
    assert box.status == "running"
    assert processes.is_running(box.pid)


@engines("run --keep")
def test_run_keep(box):
    if "--keep" not in box.runtime("run", "--help").out:
        pytest.skip("it has no --keep")
    box.run("--keep").ok()
    assert box.status == "stopped"
    box.delete().ok()


@engines("create --pid-file")
def test_the_pid_file(box):
    box.created()
    assert box.pid_file.read_text() == str(box.state()["pid"])


@engines("create --pid-file")
def test_a_relative_pid_file(box):
    box.write()
    box.runtime("create", "--bundle", box.path, "--pid-file", "here.pid", box.id, cwd=box.path).ok()
    assert int((box.path / "here.pid").read_text()) == box.state()["pid"]


@should("runtime.md", "Lifecycle")
def test_create_leaves_only_the_container_running(box):
    """No process of the runtime stays."""
    box.sleeping()
    left = [pid for pid in processes.children(os.getpid()) if processes.is_running(pid)]
    assert left == [box.pid]


@must("runtime.md", "Lifecycle")
def test_many_at_once(new_container):
    boxes = [new_container() for _ in range(4)]
    for number, box in enumerate(boxes):
        box.sh(f"echo {number}; sleep 1000")
        box.started()
    listed = json.loads(boxes[0].runtime("list", "--format", "json").ok().out)
    assert {box.id for box in boxes} <= {entry["id"] for entry in listed if entry["status"] == "running"}
    assert [processes.wait_until(lambda: box.out.read_text()) for box in boxes] == ["0\n", "1\n", "2\n", "3\n"]
    for box in boxes:
        box.delete("--force").ok()
