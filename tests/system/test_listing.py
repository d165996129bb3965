"""minirun ps takes what has not changed since the last time from a file: nobody ever sees a difference."""
import os
import signal
import subprocess

import pytest

from harness import MINIRUN, until

ROW = "{{.Names}} {{.State}} {{.Image}} {{.Command}} {{.Labels}} {{.CreatedAt}} {{.ID}}"


def file_of(box):
    return box.root / "run" / ".containers"


def rows(box):
    return sorted(box("ps", "-a", "--format", ROW).lines)


def states(box):
    return dict(line.split(" ", 1) for line in box("ps", "-a", "--format", "{{.Names}} {{.Status}}").lines)


def supervisor_of(box, id):
    return int(os.readlink(box.root / "containers" / id / "supervisor").split()[0])


def list_until_kept(box, *ids):
    """What has changed just now is not kept yet."""
    def kept():
        box("ps").ok()
        return file_of(box).exists() and all(id.encode() in file_of(box).read_bytes() for id in ids)
    until(kept, "the container in the file")


@pytest.fixture
def kept(box, detached):
    """The ids of one that runs, and of one that has ended, both in the file."""
    ids = detached("sleep", "1000", options=["--label", "a=b"]), detached("sh", "-c", "exit 3", name="ended")
    box("wait", "ended").ok()
    list_until_kept(box, *ids)
    return ids


class TestTheFile:
    def test_what_is_kept_is_what_there_is(self, box, kept):
        known = rows(box)
        assert [row.split()[:2] for row in known] == [["ended", "exited"], ["web", "running"]] and '"sleep 1000" a=b' in known[1]
        assert file_of(box).stat().st_mode & 0o077 == 0
        file_of(box).unlink()
        assert rows(box) == known

    @pytest.mark.parametrize("damage", [lambda whole: b"", lambda whole: b"\0" * len(whole), lambda whole: whole[:-1], lambda whole: whole + b"x", lambda whole: whole[:len(whole) // 2],
                                        lambda whole: whole.replace(b"running", b"RUNNING").replace(b"web", b"wax"), lambda whole: os.urandom(4096)],
                             ids=["empty", "zeros", "short", "long", "half", "changed", "random"])
    def test_a_damaged_one(self, box, kept, damage):
        """It says nothing, and is written again."""
        known, whole = rows(box), file_of(box).read_bytes()
        file_of(box).write_bytes(damage(whole))
        assert rows(box) == known
        assert all(id.encode() in file_of(box).read_bytes() for id in kept)

    def test_something_else_in_its_place(self, box, kept):
        known = rows(box)
        file_of(box).unlink()
        file_of(box).mkdir()
        assert rows(box) == known
        file_of(box).rmdir()
        os.mkfifo(file_of(box))
        assert rows(box) == known

    def test_nothing_of_what_is_gone_stays(self, box, kept, detached):
        box("rm", "ended").ok()
        list_until_kept(box, detached("sleep", "1000", name="third"))
        assert kept[1].encode() not in file_of(box).read_bytes() and sorted(states(box)) == ["third", "web"]


class TestChanges:
    """The next ps tells of each."""

    def test_renamed(self, box, kept):
        box("rename", "web", "new").ok()
        box("rename", "ended", "over").ok()
        assert sorted(states(box)) == ["new", "over"]

    def test_stopped_and_started(self, box, kept):
        box("stop", "-t", "0", "web").ok()
        assert states(box)["web"].startswith("Exited (")
        list_until_kept(box, kept[0])
        box("start", "web").ok()
        assert states(box)["web"].startswith("Up")

    def test_paused(self, box, kept):
        box("pause", "web").ok()
        for _ in range(2):
            assert states(box)["web"].endswith("(Paused)")
        box("unpause", "web").ok()
        assert not states(box)["web"].endswith("(Paused)")

    def test_paused_by_an_engine(self, box, kept):
        oci = MINIRUN.parent / "minirun-oci"
        subprocess.run([oci, "--root", box.root / "containers", "pause", kept[0]], check=True)
        assert states(box)["web"].endswith("(Paused)")
        subprocess.run([oci, "--root", box.root / "containers", "resume", kept[0]], check=True)
        assert not states(box)["web"].endswith("(Paused)")

    def test_ended_by_itself(self, box, kept):
        box("kill", "web").ok()
        assert states(box)["web"].startswith("Exited (137)")

    def test_restarted(self, box, detached):
        """One that waits for its next start is not taken for one that runs."""
        id = detached("sh", "-c", "test -e /second && exit 1; touch /second; exec sleep 1000", options=["--restart", "always"])
        list_until_kept(box, id)
        pid = int(os.readlink(box.root / "containers" / id / "process").split()[0])
        os.kill(pid, signal.SIGKILL)
        until(lambda: states(box)["web"].startswith("Restarting (1)"), "the end of the next run")

    def test_removed(self, box, kept):
        box("rm", "-f", *kept).ok()
        assert states(box) == {}


class TestASupervisorThatWasKilled:
    def killed(self, box, id):
        pid = supervisor_of(box, id)
        process = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PIDFD, process, os.WEXITED)
        os.close(process)

    def test_ps(self, box, kept):
        self.killed(box, kept[0])
        assert states(box)["web"].startswith("Exited (137)")

    def test_ps_without_the_marks(self, box, kept):
        """The files in which supervisors hold their places were removed, or are others."""
        marks = box.root / "run/.supervised"
        marks.rename(box.root / "elsewhere")
        assert states(box)["web"].startswith("Up")
        marks.mkdir()
        for number in range(16):
            (marks / str(number)).touch()
        assert states(box)["web"].startswith("Up")
        self.killed(box, kept[0])
        assert states(box)["web"].startswith("Exited (137)")

    def test_run(self, box, kept, plain):
        """The next one sweeps it."""
        self.killed(box, kept[0])
        box.run(plain, "true").ok()
        assert not (box.root / "containers" / kept[0] / "supervisor").is_symlink()

    def test_run_beside_others(self, box, kept, detached, plain):
        """One that was to go goes, the others stay."""
        gone = detached("sleep", "1000", name="gone", options=["--rm"])
        list_until_kept(box, gone)
        self.killed(box, gone)
        box.run(plain, "true").ok()
        assert box.containers() == sorted(kept) and box.names() == ["ended", "web"]

    def test_a_name_that_leads_nowhere(self, box, kept, plain):
        """It goes as well."""
        (box.root / "run/.names/lost").symlink_to("f" * 64)
        box.run(plain, "true").ok()
        assert box.names() == ["ended", "web"]


def test_from_another_pid_namespace(box, kept):
    """Processes have other numbers there, or none."""
    inside = dict(before=["unshare", "--pid", "--fork", "--mount-proc"])
    look = lambda: dict(line.split(" ", 1) for line in box("ps", "-a", "--format", "{{.Names}} {{.Status}}", **inside).lines)
    assert look()["web"].startswith("Up") and look()["ended"].startswith("Exited (3)")
    TestASupervisorThatWasKilled().killed(box, kept[0])
    assert look()["web"].startswith("Exited (137)")
