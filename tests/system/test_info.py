"""minirun info and version: what there is, and what this host can do."""
import json
import os
import platform

import pytest


def info(box, **options):
    return json.loads(box("info", "--format", "json", **options).ok().out)


def test_what_there_is(box, detached, plain):
    detached("sleep", "1000")
    detached("sleep", "1000", name="paused")
    box("pause", "paused").ok()
    box("create", plain).ok()
    told = info(box)
    assert [told[key] for key in ("Containers", "ContainersRunning", "ContainersPaused", "ContainersStopped", "Images")] == [3, 1, 1, 1, 0]
    assert (told["DockerRootDir"], told["StateDir"]) == (str(box.root), str(box.root / "run"))
    text = box("info").ok().out
    assert "Containers: 3\n Running: 1\n Paused: 1\n Stopped: 1\nImages: 0\n" in text and f"Root Dir: {box.root}\n" in text


def test_the_host(box):
    told = info(box)
    host = os.uname()
    assert (told["KernelVersion"], told["Architecture"], told["Name"], told["OSType"]) == (host.release, host.machine, host.nodename, "linux")
    assert told["NCPU"] == os.cpu_count() and told["MemTotal"] == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert told["OperatingSystem"] == platform.freedesktop_os_release()["PRETTY_NAME"]
    version = box("version", "--format", "{{.Server.Version}}").ok().out.strip()
    assert told["ServerVersion"] == version and box("info", "-f", "{{.Driver}}").ok().out == "overlay2\n"
    assert "name=seccomp,profile=builtin" in told["SecurityOptions"]


def test_cgroups(box):
    """As the host has them mounted."""
    unified = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    assert info(box)["CgroupVersion"] == ("2" if unified else "1") and info(box)["CgroupDriver"] == "cgroupfs"


def test_helpers(box, scratch):
    """What is not there is told, with what it is good for."""
    told = info(box, env={"PATH": str(scratch)})
    assert told["Helpers"]["pasta"] == ""
    missing = "no program pasta (package passt): no --network pasta and no --publish"
    assert missing in told["Warnings"] and f"MISSING: {missing}\n" in box("info", env={"PATH": str(scratch)}).ok().out
    (scratch / "pasta").write_text("")
    (scratch / "pasta").chmod(0o755)
    assert info(box, env={"PATH": str(scratch)})["Helpers"]["pasta"] == str(scratch / "pasta")


def test_without_root(box, scratch):
    root = scratch / "nobody"
    result = box("info", "--format", "json", before=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
                 env={"MINIRUN_ROOT": str(root)})
    assert "not root: only images and plans can be looked at" in json.loads(result.ok().out)["Warnings"]


@pytest.mark.parametrize("words", [["version"], ["--version"], ["-v"]], ids=str)
def test_version(box, words):
    told = json.loads(box("version", "--format", "json").ok().out)
    assert told["Client"] == told["Server"] and told["Client"]["Os"] == "linux" and told["Client"]["KernelVersion"] == os.uname().release
    assert box(*words).ok().out == f"minirun {told['Client']['Version']}\n"


@pytest.mark.parametrize("words, message", [
    (["info", "x"], "minirun info takes no arguments"), (["version", "x"], "minirun version takes no arguments"),
    (["version", "-f", "{{.X}}"], "--format '{{.X}}': no field '.X'"), (["info", "-f", "x"], "--format 'x': no field ''")], ids=str)
def test_refusals(box, words, message):
    box(*words).refused(125, message)
