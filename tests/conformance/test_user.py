"""config.md "POSIX-platform User"."""
import os

import pytest

from requirements import engines, must, should


def ids(box):
    return box.output("id -u; id -g; cat /proc/self/status | grep Groups:").replace("Groups:\t", "").splitlines()


@must("config.md", "POSIX-platform User")
@pytest.mark.parametrize("uid, gid", [(0, 0), (1000, 1000), (4242, 4343), (65534, 65534), (2147483647, 2147483647)])
def test_uid_and_gid(box, uid, gid):
    box.process["user"] = {"uid": uid, "gid": gid}
    status = box.proc_status()
    assert status["Uid"].split() == [str(uid)] * 4
    assert status["Gid"].split() == [str(gid)] * 4


@must("config.md", "POSIX-platform User")
def test_additional_gids(box):
    box.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5, 29, 100]}
    assert set(box.proc_status()["Groups"].split()) - {"1000"} == {"5", "29", "100"}


@must("config.md", "POSIX-platform User")
def test_groups_give_access(box):
    (box.rootfs / "tmp/file").write_text("for group 29")
    os.chown(box.rootfs / "tmp/file", 0, 29)
    os.chmod(box.rootfs / "tmp/file", 0o640)
    box.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [29]}
    assert box.output("cat /tmp/file") == "for group 29"
    del box.process["user"]["additionalGids"]
    assert "Permission denied" in box.output("cat /tmp/file 2>&1; true")


@must("config.md", "POSIX-platform User")
def test_the_callers_groups_do_not_come_along(box):
    before = ["setpriv", "--groups", "1234,2345"]
    box.process["user"] = {"uid": 1000, "gid": 1000}
    assert set(box.proc_status(before=before)["Groups"].split()) <= {"1000"}


@must("config.md", "POSIX-platform User")
def test_names_of_the_image_are_not_looked_up(box):
    """What is in /etc/group is left to those who write the config."""
    box.process["user"] = {"uid": 1000, "gid": 1000}
    assert "29" not in box.proc_status()["Groups"].split()


@must("config.md", "POSIX-platform User")
@pytest.mark.parametrize("mask", [0o077, 0o027, 0o002, 0])
def test_umask(box, mask):
    box.process["user"]["umask"] = mask
    assert int(box.output("umask"), 8) == mask


@should("config.md", "POSIX-platform User")
def test_umask_is_the_callers_by_default(box):
    assert box.output("umask", before=["sh", "-c", 'umask 0036; exec "$0" "$@"']) == "0036"


@must("config.md", "POSIX-platform User")
def test_files_are_made_as_the_user(box):
    box.process["user"] = {"uid": 1000, "gid": 100}
    box.output("touch /tmp/made")
    made = (box.rootfs / "tmp/made").stat()
    assert (made.st_uid, made.st_gid) == (1000, 100)


@engines("standard streams")
def test_the_user_may_open_the_streams_again(box):
    """/dev/stdout is a pipe of the caller's, and has to be the user's to be opened by name."""
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.sh("echo through > /dev/stdout; echo error > /dev/stderr")
    command, process = box.runtime.popen("run", "--bundle", box.write(), box.id, stdin=-3, stdout=-1, stderr=-1)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, b"through\n"), err


@must("config.md", "POSIX-platform User")
@pytest.mark.parametrize("user", [{"uid": -1, "gid": 0}, {"uid": 0, "gid": "0"}, {"uid": 4294967296, "gid": 0}, {"uid": 1.5, "gid": 0}], ids=str)
def test_ids_that_are_none(box, user):
    box.process["user"] = user
    box.run().failed()
