"""The container's process: its command, environment, directory, user, limits, and what minirun tells about it."""
import os
import re
import signal
import time

import pytest

from bundles import FIFO, PATH, Directory, File, Link
from harness import DEADLINE

WORKDIR_HINT = "choose another one with --workdir"


class TestCommand:
    @pytest.mark.parametrize("image, options, arguments, expected", [
        ({"Cmd": ["payload", "facts", "of cmd"]}, [], [], ["of cmd"]),
        ({"Entrypoint": ["payload", "facts"], "Cmd": ["of cmd"]}, [], [], ["of cmd"]),
        ({"Entrypoint": ["payload", "facts"], "Cmd": ["of cmd"]}, [], ["mine", "too"], ["mine", "too"]),
        ({"Entrypoint": ["payload", "facts", "of entrypoint"], "Cmd": None}, [], [], ["of entrypoint"]),
        ({"Entrypoint": ["not", "this"], "Cmd": ["of cmd"]}, ["--entrypoint", "payload"], ["facts", "mine"], ["mine"]),
        ({"Entrypoint": ["not", "this"], "Cmd": ["not this"]}, ["--entrypoint="], ["payload", "facts", "mine"], ["mine"]),
        ({"Entrypoint": ["sh", "-c", 'payload facts "$0" "$@"'], "Cmd": ["a"]}, [], ["b", "c d"], ["b", "c d"]),
    ], ids=str)
    def test_what_runs(self, minirun, bundle, image, options, arguments, expected):
        assert minirun.run(*options, bundle(image), *arguments).facts["args"] == expected

    def test_words_stay_as_they_are(self, minirun, plain):
        words = ["", "a b", "-v", "--", "--rm", "$HOME", "*", "\"'\\", "ünï", "tab\tnew\nline"]
        assert minirun.run("--", plain, "payload", "facts", *words).facts["args"] == words
        assert minirun.run("--rm", plain, "payload", "facts", "-q", "--init").facts["args"] == ["-q", "--init"]

    def test_all_at_once(self, minirun, plain):
        """Docker's ways to write options: letters in a cluster, with their value or without, '=', and the end of them."""
        facts = minirun.run("-qie", "A=1", "-w=/tmp", "-u1000", "--ulimit=nofile=64", "--init=false", "--", plain, "payload", "facts", stdin="").facts
        assert "A=1" in facts["env"] and facts["ids"]["uid"][0] == 1000 and facts["cwd"] == "/tmp" and facts["pid"] == 1
        assert facts["rlimits"]["nofile"] == [64, 64]


class TestSearch:
    """PATH is that of the container, and so are the files."""

    def image(self, bundle):
        tool = File("#!/bin/sh\necho $0\n", 0o755)
        return bundle({"Env": ["PATH=/a:/b:/link:/bin"]}, files={
            "a/second": File("not executable", 0o644), "b/second": tool, "opt/third": tool, "link": Link("/opt"), "a/first": tool, "b/first": tool,
            "a/only": File("x", 0o644), "a/folder": None})

    def test_in_order(self, minirun, bundle):
        image = self.image(bundle)
        assert minirun.run(image, "first").lines == ["/a/first"]
        assert minirun.run(image, "second").lines == ["/b/second"]
        assert minirun.run(image, "third").lines == ["/link/third"]
        assert minirun.run("-e", "PATH=/b", image, "/b/first").code == 0
        assert minirun.run("-e", "PATH=/b:/bin", image, "first").lines == ["/b/first"]
        assert minirun.run("-w", "/opt", image, "./third").lines == ["./third"]

    def test_what_is_not_found(self, minirun, bundle):
        image = self.image(bundle)
        minirun.run(image, "apt-get").refused(127, "command 'apt-get': executable file not found in $PATH (/a:/b:/link:/bin)",
                                              hint="check the spelling, or give the command's whole path")
        minirun.run(image, "only").refused(126, "cannot run '/a/only': it is not executable: permission denied", hint="chmod +x it in the image")
        minirun.run(image, "folder").refused(126, "cannot run '/a/folder': it is a directory: permission denied")
        minirun.run(image, "/sbin/init").refused(127, "command '/sbin/init': no such file or directory in the container")
        assert minirun.containers() == []

    def test_as_the_user(self, minirun, bundle):
        """What root may execute and the user may not is passed over."""
        image = bundle({"Env": ["PATH=/a:/b:/bin"]}, files={"a/tool": File("#!/bin/sh\necho a\n", 0o700), "b/tool": File("#!/bin/sh\necho b\n", 0o755)})
        assert minirun.run(image, "tool").lines == ["a"]
        assert minirun.run("-u", "1000", image, "tool").lines == ["b"]


class TestEnvironment:
    def test_where_it_comes_from(self, minirun, bundle, scratch):
        (scratch / "env").write_text("# of the file\nC=file\nD=file\nFROM_HOST\nNOT_THERE\n")
        image = bundle({"Env": [PATH, "A=image", "B=image", "GONE=image", "EMPTY="]})
        options = ["-e", "B=option", "--env-file", scratch / "env", "-e", "D=option", "-e", "HOST_TOO", "-e", "GONE", "-e", "E=a b=c"]
        facts = minirun.run("-h", "box", *options, image, "payload", "facts", "env", env={"FROM_HOST": "1", "HOST_TOO": "2", "NOT_ASKED": "3"}).facts
        assert sorted(facts["env"]) == ["A=image", "B=option", "C=file", "D=option", "E=a b=c", "EMPTY=", "FROM_HOST=1", "HOME=/root",
                                        "HOSTNAME=box", "HOST_TOO=2", PATH]

    @pytest.mark.parametrize("options, home", [([], "/root"), (["-u", "tester"], "/home/tester"), (["-u", "1000"], "/home/tester"),
                                               (["-u", "4242"], "/"), (["-u", "tester", "-e", "HOME=/x"], "/x")], ids=str)
    def test_home(self, minirun, plain, options, home):
        assert f"HOME={home}" in minirun.run(*options, plain, "payload", "facts", "env").facts["env"]


class TestUser:
    @pytest.mark.parametrize("user, uid, gid, groups", [
        ("", 0, 0, [0]), ("root", 0, 0, [0]), ("tester", 1000, 1000, [29, 44, 1000]), ("1000", 1000, 1000, [29, 44, 1000]),
        ("other", 1001, 100, [44, 100]), ("tester:video", 1000, 44, [44]), ("tester:44", 1000, 44, [44]), ("1000:1001", 1000, 1001, [1001]),
        ("4242", 4242, 0, [0]), ("4242:4243", 4242, 4243, [4243]), ("4242:audio", 4242, 29, [29]), ("root:users", 0, 100, [100]),
        (":44", 0, 44, [44]), ("2147483647", 2147483647, 0, [0]),
    ])
    def test_forms(self, minirun, bundle, user, uid, gid, groups):
        """Of the option and of the image; the files are the image's own."""
        expected = {"uid": [uid] * 3, "gid": [gid] * 3, "groups": groups}
        assert minirun.run(bundle({"User": user}), "payload", "facts", "ids").facts["ids"] == expected
        if user:
            assert minirun.run("-u", user, bundle({"User": "daemon"}), "payload", "facts", "ids").facts["ids"] == expected

    def test_more_groups(self, minirun, plain):
        options = ["-u", "tester", "--group-add", "daemon", "--group-add", "777", "--group-add", "audio"]
        assert minirun.run(*options, plain, "payload", "facts", "ids").facts["ids"]["groups"] == [1, 29, 44, 777, 1000]
        # Those of whoever runs minirun are not among them.
        assert minirun.run("-u", "4242", plain, "payload", "facts", "ids", extra_groups=[555]).facts["ids"]["groups"] == [0]

    def test_the_files_that_the_container_sees(self, minirun, bundle):
        """Through all layers, and with links that lead nowhere but inside."""
        upper = {"etc/passwd": "tester:x:77:88::/:/bin/sh\n", "etc/group": "more:x:99:tester\n"}
        ids = lambda image: minirun.run("-u", "tester", image, "payload", "facts", "ids").facts["ids"]
        assert ids(bundle(layers=[upper])) == {"uid": [77] * 3, "gid": [88] * 3, "groups": [88, 99]}
        linked = {"etc/passwd": Link("../../../../../data/passwd"), "data/passwd": "tester:x:66:66::/:\n", "etc/group": Link("/nowhere")}
        assert ids(bundle(layers=[linked])) == {"uid": [66] * 3, "gid": [66] * 3, "groups": [66]}

    @pytest.mark.parametrize("entry", [FIFO, None, Link("/etc/passwd"), Link("/dev/zero")], ids=["fifo", "directory", "loop", "device"])
    def test_files_that_are_none(self, minirun, bundle, entry):
        """Nothing hangs, and nothing of the host's is read instead."""
        image = bundle(base=False, files={"etc/passwd": entry, "bin/true": File("#!/none", 0o755)})
        minirun.run("-u", "root", image, "true").refused_with(125, "user 'root' is not in the image's /etc/passwd")

    def test_unknown_ones(self, minirun, plain):
        minirun.run("-u", "nobody", plain, "true").refused(
            125, "user 'nobody' is not in the image's /etc/passwd", hint="give a user that the image has, or a numeric user id")
        minirun.run("-u", "tester:wheel", plain, "true").refused(
            125, "group 'wheel' is not in the image's /etc/group", hint="give a group that the image has, or a numeric group id")
        minirun.run("-u", "4294967295", plain, "true").refused(125, "user id '4294967295' is out of range", hint="ids go from 0 to 2147483647")


class TestWorkingDirectory:
    def test_which(self, minirun, bundle):
        image = bundle({"WorkingDir": "/srv/app"}, files={"srv/app": None})
        assert minirun.run(image, "pwd").lines == ["/srv/app"]
        assert minirun.run("-w", "/tmp/../etc/", image, "pwd", "-P").lines == ["/etc"]
        assert minirun.run(bundle(), "pwd").lines == ["/"]

    def test_it_is_made_as_the_user(self, minirun, bundle):
        show = ["sh", "-c", "pwd; stat -c '%u:%g %a' . .."]
        assert minirun.run(bundle({"WorkingDir": "/new/deep"}), *show).lines == ["/new/deep", "0:0 755", "0:0 755"]
        image = bundle({"WorkingDir": "/home/tester/new/deep", "User": "tester"})
        assert minirun.run(image, *show).lines == ["/home/tester/new/deep", "1000:1000 755", "1000:1000 755"]
        assert minirun.run("--userns", "private", image, *show).lines == ["/home/tester/new/deep", "1000:1000 755", "1000:1000 755"]

    def test_where_the_user_may_not(self, minirun, bundle):
        minirun.run("-u", "tester", "-w", "/new", bundle(), "true").refused(
            125, "the working directory '/new' does not exist and the container's user cannot make it: Permission denied (EACCES)",
            hint=WORKDIR_HINT + ", or run as root with --user 0")
        minirun.run("-u", "tester", "-w", "/root", bundle(), "true").refused(
            125, "the container's user may not enter the working directory '/root': Permission denied (EACCES)",
            hint="choose another one with --workdir, or another user with --user")
        minirun.run("--read-only", "-w", "/new", bundle(), "true").refused_with(125, "the working directory '/new' is not in the image, and the root is read-only", "(EROFS)")
        minirun.run("-w", "/etc/passwd", bundle(), "true").refused(
            125, "the working directory '/etc/passwd' is not a directory: Not a directory (ENOTDIR)", hint=WORKDIR_HINT)

    @pytest.mark.parametrize("path", ["/gone", "/gone/below"])
    def test_a_link_that_leads_nowhere(self, minirun, bundle, path):
        minirun.run("-w", path, bundle(files={"gone": Link("/nowhere")}), "true").refused(
            125, f"the working directory '{path}' is, or lies below, a symbolic link that leads nowhere: No such file or directory (ENOENT)", hint=WORKDIR_HINT)

    @pytest.mark.parametrize("target", ["/minirun-test/{}", "../../../../../../../minirun-test/{}", "/proc/self/cwd/../minirun-test/{}"])
    def test_links_lead_nowhere_outside(self, minirun, bundle, target):
        """CVE-2026-55686: nothing is made where a link of the image's points to on the host."""
        name = f"made-{os.getpid()}"
        image = bundle({"WorkingDir": "/work"}, files={"work": Link(target.format(name)), "minirun-test": None})
        result = minirun.run(image, "sh", "-c", "pwd -P")
        assert not os.path.exists(f"/minirun-test/{name}") and not os.path.exists("/minirun-test")
        if result.code == 125:
            result.refused_with(125, "the working directory '/work' ")
        else:
            assert result.lines == [f"/minirun-test/{name}"]

    def test_through_links_inside(self, minirun, bundle):
        image = bundle(files={"work": Link("/data/here"), "data/here": Directory(0o755, 1000, 1000)})
        assert minirun.run("-w", "/work/new", "-u", "1000", image, "pwd", "-P").lines == ["/data/here/new"]


class TestLimits:
    def test_ulimits(self, minirun, plain):
        options = ["--ulimit", "nofile=100:200", "--ulimit", "core=0", "--ulimit=nproc=50:60", "--ulimit", "fsize=unlimited"]
        limits = minirun.run(*options, plain, "payload", "facts", "rlimits").facts["rlimits"]
        assert (limits["nofile"], limits["core"], limits["nproc"], limits["fsize"]) == ([100, 200], [0, 0], [50, 60], [-1, -1])

    def test_they_hold(self, minirun, plain):
        fill = ["payload", "fill", "/tmp/x"]
        assert minirun.run("--ulimit", "fsize=1000000", plain, *fill).lines == ["EFBIG after 1000000 bytes"]
        minirun.run("--ulimit", "fsize=1000000", "--init", plain, *fill).ended(128 + signal.SIGXFSZ)  # which pid 1 does not get

    def test_sysctls(self, minirun, plain):
        values = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "9000", "net.ipv4.ip_unprivileged_port_start": "80", "kernel.domainname": "example"}
        files = ["/proc/sys/" + name.replace(".", "/") for name in values]
        before = [open(file).read() for file in files]
        options = [word for name, value in values.items() for word in ("--sysctl", f"{name}={value}")]
        assert minirun.run(*options, plain, "cat", *files).lines == list(values.values())
        assert [open(file).read() for file in files] == before

    def test_sysctls_of_the_host(self, minirun, plain):
        minirun.run("--sysctl", "kernel.panic=1", plain, "true").refused(
            125, "--sysctl 'kernel.panic': no namespace has its own, so it would change the host")
        minirun.run("--network", "host", "--sysctl", "net.ipv4.ip_forward=1", plain, "true").refused(
            125, "--sysctl 'net.ipv4.ip_forward': the container shares that namespace with the host, so it would change the host")
        minirun.run("--sysctl", "net.ipv4.ip_forward=x", plain, "true").refused(
            125, "the kernel does not take 'x' for the sysctl 'net.ipv4.ip_forward': Invalid argument (EINVAL)")
        minirun.run("--sysctl", "net.ipv4.nope=1", plain, "true").refused(
            125, "this kernel has no sysctl 'net.ipv4.nope': No such file or directory (ENOENT)", hint="sysctl -a lists them")

    def test_devices(self, minirun, plain):
        script = "stat -c '%a %u:%g %t:%T' /dev/my/zero; head -c 2 /dev/my/zero | od -An -tx1"
        assert minirun.run("--device", "/dev/zero:/dev/my/zero", plain, "sh", "-c", script).lines == ["666 0:0 1:5", " 00 00"]
        kmsg = ["open:/dev/kmsg:r"]
        assert list(minirun.attempts(plain, *kmsg).values()) == ["ENOENT"]
        assert list(minirun.attempts(plain, *kmsg, options=["--device", "/dev/kmsg", "-u", "0"]).values()) in (["ok"], ["EPERM"])  # dmesg_restrict

    def test_umask_and_session(self, minirun, plain):
        facts = minirun.run(plain, "payload", "facts", "umask", "tty", preexec_fn=lambda: os.umask(0o077) and None).facts
        assert facts["umask"] == 0o022 and facts["tty"]["session_leader"]


class TestVolumes:
    @pytest.mark.parametrize("options", [[], ["--read-only"]], ids=str)
    def test_of_the_image(self, minirun, bundle, options):
        """They can be written to, hold what the image has there, and nothing of it stays."""
        image = bundle({"Volumes": {"/data": {}, "/new": {}}}, files={"data/file": "of the image"})
        script = "cat /data/file; echo x > /data/file; echo y > /new/file; cat /data/file /new/file"
        for _ in range(2):
            assert minirun.run(*options, image, "sh", "-c", script).ok().out == "of the imagex\ny\n"
        assert (image / "layers/001/data/file").read_text() == "of the image"


class TestFilesAboutIt:
    def test_ids(self, minirun, plain, scratch):
        with minirun.start("run", "--cidfile", scratch / "cid", "--pidfile", scratch / "pid", plain, "payload", "catch", "1") as running:
            running.wait_for("ready")
            end = time.monotonic() + DEADLINE
            while not (scratch / "pid").read_text() and time.monotonic() < end:  # the program runs already
                time.sleep(0.01)
            pid = int((scratch / "pid").read_text())
            assert pid == running.pid and minirun.containers() == [(scratch / "cid").read_text()]
            running.send(signal.SIGUSR1)
            running.finish().ok()
        # As with Docker, they stay.
        assert re.fullmatch("[0-9a-f]{64}", (scratch / "cid").read_text()) and (scratch / "pid").exists()

    @pytest.mark.parametrize("option", ["--cidfile", "--pidfile"])
    def test_one_that_is_there(self, minirun, plain, scratch, option):
        """Nothing runs, and it stays as it is."""
        (scratch / "file").write_text("mine")
        minirun.run(option, scratch / "file", plain, "echo", "it ran").refused(
            125, f"cannot make the file '{scratch}/file': File exists (EEXIST)", hint="remove it, or choose another name")
        assert (scratch / "file").read_text() == "mine"
        assert minirun.containers() == []

    @pytest.mark.parametrize("option", ["--cidfile", "--pidfile"])
    def test_a_failed_run_leaves_none(self, minirun, plain, scratch, option):
        assert minirun.run(option, scratch / "file", plain, "not-there").code == 127
        assert not (scratch / "file").exists()
        assert minirun.run(option, scratch / "none/file", plain, "true").code == 125

    def test_annotations_and_labels_change_nothing(self, minirun, plain):
        """Not even those that other programs act upon."""
        options = ["--annotation", "run.oci.hooks.stderr=/x", "--annotation", "io.kubernetes.cri-o.userns-mode=auto", "-l", "a=b"]
        show = ["payload", "facts", "caps", "ids", "seccomp"]
        assert minirun.run(*options, plain, *show).facts == minirun.run(plain, *show).facts

    def test_remarks_and_quiet(self, minirun, bundle):
        image = bundle({"ExposedPorts": {"80/tcp": {}}})
        result = minirun.run(image, "true")
        assert (result.code, result.err) == (0, "minirun: the image exposes 80/tcp, but the container has no network (-P publishes them, --network host gives it the host's)\n")
        for options in (["-q"], ["--network", "none"], ["--network", "host"]):
            minirun.run(*options, image, "true").ok()
