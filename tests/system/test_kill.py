"""When minirun itself is ended, whenever that is: by a signal it tidies up, after kill -9 the next command does."""
import os
import random
import select
import shutil
import signal
import subprocess
import time

import pytest

from harness import children, descendants, reap_orphans


def ended(pid):
    """Waits until the process has ended; whether it has."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], 10)[0])
    finally:
        os.close(fd)


OPTIONS = [[], ["--init"], ["--userns", "private"], ["--userns", "private", "--init"], ["-t"], ["--tmpfs-upper"],
           ["--pid", "host"], ["--pid", "host", "--init"], ["-u", "1000"]]


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
class TestKilled:
    """kill -9 of minirun while its container runs."""

    def test_the_container_dies_with_it(self, minirun, plain, options):
        with minirun.start("run", *options, plain, "payload", "wait") as running:
            running.wait_for("ready")
            inside = descendants(running.popen.pid)
            running.send(signal.SIGKILL)
            running.popen.wait()
            assert [pid for pid in inside if not ended(pid)] == []
        assert len(minirun.containers()) == 1
        minirun.run(plain, "true").ok()

    def test_one_that_has_shaken_that_off_is_ended_by_the_next_command(self, minirun, plain, options):
        with minirun.start("run", *options, plain, "payload", "survive") as running:
            running.wait_for("ready")
            inside = descendants(running.popen.pid)
            running.send(signal.SIGKILL)
            running.popen.wait()
            minirun.run(plain, "true").ok()
            assert [pid for pid in inside if not ended(pid)] == []


def test_one_whose_directory_is_gone_is_ended_too(minirun, plain):
    with minirun.start("run", plain, "payload", "survive") as running:
        running.wait_for("ready")
        pid = running.pid
        running.send(signal.SIGKILL)
        running.popen.wait()
        shutil.rmtree(minirun.root / "containers" / minirun.containers()[0])
        minirun.run(plain, "true").ok()
        assert ended(pid) and os.listdir(minirun.root / "run" / ".processes") == []


def test_a_running_container_is_left_alone(minirun, plain):
    """The sweep after a kill ends what was left, and nothing else."""
    with minirun.start("run", plain, "payload", "survive") as living, minirun.start("run", plain, "payload", "survive") as killed:
        living.wait_for("ready")
        killed.wait_for("ready")
        pid = killed.pid
        killed.send(signal.SIGKILL)
        killed.popen.wait()
        minirun.run(plain, "true").ok()
        assert ended(pid)
        assert living.popen.poll() is None and children(living.popen.pid) == [living.pid]
        assert len(minirun.containers()) == 1


def test_a_name_is_free_again(minirun, plain):
    with minirun.start("run", "--name", "web", "--rm", plain, "payload", "wait") as running:
        running.wait_for("ready")
        minirun.run("--name", "web", plain, "true").refused_with(125, "the name 'web' is in use by container")
        running.send(signal.SIGKILL)
        running.popen.wait()
    minirun.run("--name", "web", "--rm", plain, "true").ok()


KILLS = 100


@pytest.mark.parametrize("options", [[], ["--userns", "private", "--init", "-v", "/vol"]], ids=" ".join)
def test_kill_at_any_moment(minirun, plain, options):
    """From before anything is made until after all is gone. What is left then, one command sweeps."""
    began = time.monotonic()
    minirun.run(*options, plain, "true").ok()
    whole = time.monotonic() - began
    moments = random.Random(2)
    for _ in range(KILLS // 2):
        process = minirun.start("run", *options, plain, "true")
        time.sleep(moments.uniform(0, 1.2 * whole))
        process.popen.kill()
        process.popen.wait()
        process.__exit__()
    minirun.run(plain, "true").ok()
    assert reap_orphans() == {}
    assert minirun.containers() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT], ids=lambda n: n.name)
def test_a_signal_at_any_moment(minirun, plain, number):
    """Nothing is left, without another command. Before minirun listens, the signal ends it at once."""
    moments = random.Random(number)
    codes = set()
    for _ in range(25):
        process = minirun.start("run", plain, "payload", "wait")
        time.sleep(moments.uniform(0, 0.015))
        process.send(number)
        codes.add(process.finish().code)
        assert minirun.containers() == []
    assert codes <= {-number, 128 + number}


def test_many_at_once(minirun, plain):
    """No lock is shared: each gets a container of its own, and nothing is left of any."""
    everyone = [minirun.start("run", "--hostname", f"box-{i}", plain, "hostname") for i in range(60)]
    assert [one.finish().ok().out for one in everyone] == [f"box-{i}\n" for i in range(60)]
    assert minirun.containers() == []


def test_many_with_a_full_root_beside_a_killed_one(minirun, plain):
    """Several commands sweep at the same time."""
    for _ in range(5):
        with minirun.start("run", plain, "sh", "-c", "mkdir -p a/b/c d/e/f; for i in $(seq 200); do echo > $i; done; echo up; sleep 1000") as one:
            one.wait_for("up")
            one.send(signal.SIGKILL)
            one.popen.wait()
        everyone = [minirun.start("run", plain, "true") for _ in range(8)]
        for other in everyone:
            other.finish().ok()
        assert minirun.containers() == []


def test_a_supervisor_that_stands_still(minirun, plain):
    """Stopped between clone and exec it holds the container back; killed then, it leaves nothing that runs."""
    for _ in range(20):
        process = minirun.start("run", plain, "payload", "survive")
        time.sleep(0.003)
        process.send(signal.SIGSTOP)
        process.send(signal.SIGKILL)
        process.popen.wait()
        process.__exit__()
    minirun.run(plain, "true").ok()
    assert reap_orphans() == {} and minirun.containers() == []


def test_without_a_root_directory_to_begin_with(minirun, plain):
    """Many first commands make the same directories at once."""
    subprocess.run(["rm", "-rf", minirun.root], check=True)
    everyone = [minirun.start("run", plain, "true") for _ in range(10)]
    for one in everyone:
        one.finish().ok()
