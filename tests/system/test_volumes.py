"""Volumes: what they show, who may write to it, and that no image can lead them astray."""
import os
import pathlib
import subprocess

import pytest

from bundles import Directory, File, Link, make_tree


@pytest.fixture
def data(scratch):
    """A directory of the host's."""
    return make_tree(scratch / "data", {"file": "from the host", "dir/below": "deep"})


class TestBinds:
    @pytest.mark.parametrize("form", ["-v {}:/data", "-v {}:/data:rw", "--volume={}:/data", "-v {}:/data/",
                                      "--mount type=bind,src={},dst=/data", "--mount type=bind,source={},target=/data"])
    def test_writable(self, minirun, plain, data, form):
        options = form.format(data).split()
        script = "cat /data/file; echo changed > /data/file; mkdir /data/new"
        assert minirun.run(*options, plain, "sh", "-c", script).ok().out == "from the host"
        assert (data / "file").read_text() == "changed\n" and (data / "new").is_dir()

    @pytest.mark.parametrize("form", ["-v {}:/data:ro", "--mount type=bind,src={},dst=/data,readonly",
                                      "--mount type=bind,src={},dst=/data,ro=true", "-v {}:/data:ro,z"])
    def test_read_only(self, minirun, plain, data, form):
        assert minirun.attempts(plain, "open:/data/file:r", "open:/data/file:w", "mkdir:/data/new", "chmod:/data/file:0",
                                "remount:/data", options=form.format(data).split()) == {
            "open:/data/file:r": "ok", "open:/data/file:w": "EROFS", "mkdir:/data/new": "EROFS",
            "chmod:/data/file:0": "EROFS", "remount:/data": "EPERM"}

    def test_one_file(self, minirun, plain, data):
        assert minirun.run("-v", f"{data}/file:/etc/passwd:ro", plain, "cat", "/etc/passwd").ok().out == "from the host"
        assert minirun.run("-v", f"{data}/file:/not/there/yet", plain, "cat", "/not/there/yet").ok().out == "from the host"

    def test_a_relative_path_is_the_callers(self, minirun, plain, data):
        assert minirun.run("-v", "./dir:/d", plain, "cat", "/d/below", cwd=data).ok().out == "deep"
        assert minirun.run("-v", "..:/d", plain, "cat", "/d/file", cwd=data / "dir").ok().out == "from the host"

    def test_one_upon_another(self, minirun, plain, data, scratch):
        """In the order of the paths, not of the options."""
        inner = make_tree(scratch / "inner", {"file": "inner"})
        assert minirun.run("-v", f"{inner}:/a/dir", "-v", f"{data}:/a:ro", plain, "cat", "/a/file", "/a/dir/file"
                           ).ok().out == "from the hostinner"

    def test_odd_names(self, minirun, plain, scratch):
        odd = make_tree(scratch / "sp ace,com\\ma\"ünï", {"file": "odd"})
        assert minirun.run("-v", f"{odd}:/o d,d", plain, "cat", "/o d,d/file").ok().out == "odd"
        colon = make_tree(scratch / "a:b,c", {"file": "colon"})
        quoted = f'type=bind,"src={colon}","dst=/c:d,e"'
        assert minirun.run("--mount", quoted, plain, "cat", "/c:d,e/file").ok().out == "colon"

    def test_devices_on_a_volume_are_dead(self, minirun, plain, data):
        os.mknod(data / "null", 0o020666, os.makedev(1, 3))
        assert minirun.attempts(plain, "open:/data/null:r", options=["-v", f"{data}:/data"]) == {"open:/data/null:r": "EACCES"}
        assert minirun.attempts(plain, "open:/data/null:r", options=["-v", f"{data}:/data:dev"]) == {"open:/data/null:r": "ok"}

    def test_noexec_and_nosuid(self, minirun, plain, base_layer):
        minirun.run("-v", f"{base_layer}:/tools:ro,noexec", plain, "/tools/bin/true").refused_with(
            126, "cannot run '/tools/bin/true'", "permission denied", hint="noexec mount")


def in_own_mount_namespace(script):
    """Words that run the rest of a command line in a mount namespace that SCRIPT has prepared."""
    return ["unshare", "--mount", "sh", "-ec", f'{script}; exec "$@"', "sh"]


class TestMountsBelow:
    """A mount below a volume's source comes along, and is read-only with it."""

    def prepared(self, data):
        return in_own_mount_namespace(f"mount -t tmpfs t {data}/dir; echo covered > {data}/dir/below")

    def test_it_is_seen(self, minirun, plain, data):
        assert minirun.run("-v", f"{data}:/data", plain, "cat", "/data/dir/below", before=self.prepared(data)).ok().out == "covered\n"

    @pytest.mark.parametrize("option, outcome", [("ro", "EROFS"), ("rw", "ok"), ("ro,rro", "EROFS")])
    def test_it_is_as_read_only_as_the_volume(self, minirun, plain, data, option, outcome):
        found = minirun.run("-v", f"{data}:/data:{option}", plain, "payload", "try", "open:/data/dir/x:create",
                            before=self.prepared(data)).facts
        assert found == {"open:/data/dir/x:create": outcome}

    def test_it_can_be_left_out(self, minirun, plain, data):
        mount = f"type=bind,src={data},dst=/data,bind-recursive=disabled"
        assert minirun.run("--mount", mount, plain, "cat", "/data/dir/below", before=self.prepared(data)).ok().out == "deep"

    def test_what_the_host_mounts_later_does_not_come_in(self, minirun, plain, data):
        mount_later = (f"mount --make-rshared /; \"$@\" & sleep 0; while [ ! -e {data}/up ]; do sleep 0.01; done; "
                       f"mount -t tmpfs t {data}/dir; touch {data}/mounted; wait")
        script = "touch /data/up; while [ ! -e /data/mounted ]; do sleep 0.01; done; cat /data/dir/below"
        before = ["unshare", "--mount", "sh", "-ec", mount_later, "sh"]
        assert minirun.run("-v", f"{data}:/data", plain, "sh", "-c", script, before=before).ok().out == "deep"


def test_minirun_own_data(minirun, plain):
    """Neither the container's root is in it, with a /proc that nothing masks, nor what lies beneath that."""
    script = "cd /data/containers/*/ && ls && ls upper && cat /data/containers/*/proc/version"
    minirun.root.mkdir()
    result = minirun.run("-v", f"{minirun.root}:/data", plain, "sh", "-c", script)
    of_old_mount_calls = {"l0", "staging"}
    assert set(result.out.split()) - of_old_mount_calls == {"upper", "work", "data", "etc"}
    assert result.code == 1 and "No such file" in result.err


class TestThrowAway:
    """-v SRC:DST:O, an overlay: writable, and what is written is gone with the container."""

    def test_it_never_reaches_the_source(self, minirun, plain, data):
        script = "cat /data/file; echo changed > /data/file; rm -r /data/dir; ls /data"
        assert minirun.run("-v", f"{data}:/data:O", plain, "sh", "-c", script).ok().out == "from the hostfile\n"
        assert (data / "file").read_text() == "from the host" and (data / "dir/below").exists()

    @pytest.mark.parametrize("options", [["--read-only"], ["--tmpfs-upper"]])
    def test_beside_other_roots(self, minirun, bundle, data, options):
        image = bundle(files={"data": None, "more": None})
        script = "echo x > /data/file && echo y > /more/file && cat /data/file /more/file"
        assert minirun.run(*options, "-v", f"{data}:/data:O", "-v", f"{data}:/more:O", image, "sh", "-c", script
                           ).ok().out == "x\ny\n"
        assert (data / "file").read_text() == "from the host"

    def test_with_the_old_mount_call(self, minirun, plain, data):
        assert minirun.run("-v", f"{data}:/data:O", plain, "sh", "-c", "rm /data/file; ls /data",
                           env={"MINIRUN_WITHOUT": "lowerdir+"}).ok().out == "dir\n"

    def test_only_directories(self, minirun, plain, data):
        minirun.run("-v", f"{data}/file:/file:O", plain, "true").refused(
            125, f"--volume '{data}/file': only a directory can have the option O")


class TestTmpfs:
    def options_of(self, minirun, image, *options):
        found = minirun.run(*options, image, "sh", "-c", "grep ' /t ' /proc/self/mountinfo; stat -c %a /t").lines
        fields = found[0].split()
        return set(fields[5].split(",")), set(fields[-1].split(",")), found[1]

    def test_the_defaults(self, minirun, plain):
        mount, filesystem, mode = self.options_of(minirun, plain, "--tmpfs", "/t")
        assert {"rw", "nosuid", "nodev", "noexec"} <= mount and mode == "1777"

    def test_options(self, minirun, plain):
        mount, filesystem, mode = self.options_of(minirun, plain, "--tmpfs", "/t:size=1m,mode=0700,exec,uid=1000")
        assert "noexec" not in mount and {"size=1024k", "uid=1000"} <= filesystem and mode == "700"

    def test_as_mount(self, minirun, plain):
        mount, filesystem, mode = self.options_of(
            minirun, plain, "--mount", "type=tmpfs,dst=/t,tmpfs-size=2m,tmpfs-mode=0755,readonly")
        assert "ro" in mount and "size=2048k" in filesystem and mode == "755"

    def test_it_is_full_when_it_is_full(self, minirun, plain):
        said = minirun.run("--tmpfs", "/t:size=1m", plain, "payload", "fill", "/t/big").ok().out
        assert said == "ENOSPC after 1048576 bytes\n"

    def test_a_place_to_write_in_a_read_only_root(self, minirun, plain):
        assert minirun.attempts(plain, "open:/tmp/x:create", "open:/x:create", options=["--read-only", "--tmpfs", "/tmp"]) == {
            "open:/tmp/x:create": "ok", "open:/x:create": "EROFS"}


class TestAnonymous:
    """The image's Volumes, and -v with one path: writable, beginning with what the image has there."""

    @pytest.fixture
    def image(self, bundle):
        files = {"vol/from-image": "image", "vol/own": File("", 0o640, 1000, 1000), "vol": Directory(0o770, 1000, 100)}
        return bundle({"Volumes": {"/vol": {}, "/empty/deep": {}}}, files)

    @pytest.mark.parametrize("options", [[], ["--tmpfs-upper"], ["--read-only"]], ids=str)
    def test_it_begins_with_what_the_image_has(self, minirun, image, options):
        script = "cat /vol/from-image; stat -c '%a %u:%g' /vol /vol/own; echo x > /vol/new && ls /vol | wc -l; ls /empty/deep"
        assert minirun.run(*options, image, "sh", "-c", script).ok().out == "image770 1000:100\n640 1000:1000\n3\n"

    def test_it_is_gone_with_the_container(self, minirun, image):
        minirun.run(image, "rm", "/vol/from-image").ok()
        assert minirun.run(image, "cat", "/vol/from-image").ok().out == "image"

    def test_writable_in_a_read_only_root(self, minirun, image):
        assert minirun.attempts(image, "open:/vol/x:create", "open:/empty/deep/x:create", "open:/x:create",
                                options=["--read-only"]) == {
            "open:/vol/x:create": "ok", "open:/empty/deep/x:create": "ok", "open:/x:create": "EROFS"}

    def test_another_volume_takes_its_place(self, minirun, image, data):
        assert minirun.run("-v", f"{data}:/vol", image, "ls", "/vol").lines == ["dir", "file"]
        assert minirun.run("--tmpfs", "/vol", image, "ls", "/vol").lines == []

    def test_it_keeps_a_part_of_another_out(self, minirun, plain, data):
        """-v DIR:/app -v /app/dir: what is built there does not reach DIR."""
        script = "ls /app /app/dir; echo x > /app/dir/new; echo y > /app/new"
        assert minirun.run("-v", f"{data}:/app", "-v", "/app/dir", plain, "sh", "-c", script).lines == [
            "/app:", "dir", "file", "", "/app/dir:"]
        assert sorted(os.listdir(data)) == ["dir", "file", "new"] and os.listdir(data / "dir") == ["below"]


class TestTargets:
    """Where a volume lands is up to the image's links, inside of the image's root and nowhere else."""

    @pytest.mark.parametrize("link, lands", [
        (Link("/real"), "/real"), (Link("real"), "/real"), (Link("../../../real"), None), (Link("/"), None),
        (Link("dir/up/real"), "/real"), (Link("/proc/self/root/real"), None), (Link("/proc/self/cwd"), None),
        (Link("link"), None), (Link("/nowhere/at/all"), None), (Link("/dev/fd/3"), None),
    ], ids=lambda value: value.target if isinstance(value, Link) else "")
    def test_a_target_that_is_a_link(self, minirun, bundle, data, link, lands):
        image = bundle(files={"real/here": "", "dir/up": Link(".."), "link": link})
        result = minirun.run("-v", f"{data}:/link", image, "ls", lands or "/")
        if lands:
            assert result.lines == ["dir", "file"]
        else:
            result.refused_with(125, "the mount target '/link'")

    def test_a_parent_that_is_a_link(self, minirun, bundle, data):
        image = bundle(files={"out": Link("../../../../../.."), "abs": Link("/srv"), "srv": None})
        assert minirun.run("-v", f"{data}:/abs/made", image, "ls", "/srv/made").lines == ["dir", "file"]
        minirun.run("-v", f"{data}:/out/made", image, "true").refused(
            125, "the mount target '/out/made' leads out of the root file system through a symbolic link",
            hint="mount on another path of the container")
        assert not pathlib.Path("/made").exists() and not pathlib.Path("/srv/made").exists()

    @pytest.mark.parametrize("where", ["dev", "proc", "sys", "dev/shm"])
    def test_links_where_minirun_mounts(self, minirun, bundle, where):
        """What is mounted follows the image's links inside of its root; the host's directories stay as they are."""
        before = sorted(os.listdir("/tmp")), sorted(os.listdir("/dev"))
        image = bundle(base=False, layers=[{"bin/payload": bundle.base_layer / "bin/payload", "tmp": None,
                                            where: Link("../../../../tmp")}])
        result = minirun.run(image, "/bin/payload", "try", "open:/dev/null:w", "open:/proc/kcore:r", "write:/proc/sysrq-trigger:x")
        if result.code == 125:
            result.refused_with(125, "the mount target")
        else:
            assert result.facts["write:/proc/sysrq-trigger:x"] in ("EROFS", "ENOENT"), result
            assert result.facts["open:/proc/kcore:r"] in ("ok", "ENOENT"), result  # ok: it is /dev/null
        assert (sorted(os.listdir("/tmp")), sorted(os.listdir("/dev"))) == before

    def test_a_file_where_a_directory_is_needed(self, minirun, bundle, data):
        image = bundle(files={"thing": "a file", "folder/x": ""})
        minirun.run("-v", f"{data}:/thing", image, "true").refused_with(
            125, "the mount target '/thing' is a file where a directory is needed, or the reverse")
        minirun.run("-v", f"{data}/file:/folder", image, "true").refused_with(
            125, "the mount target '/folder' is a file where a directory is needed, or the reverse")

    def test_a_volume_does_not_bring_the_hosts_links(self, minirun, plain, data):
        """A link in a volume means the container's files."""
        (data / "passwd").symlink_to("/etc/passwd")
        (data / "up").symlink_to("../../../../../../../../etc/group")
        out = minirun.run("-v", f"{data}:/data", plain, "cat", "/data/passwd", "/data/up").ok().out
        assert "tester" in out and subprocess.run(["hostname"], stdout=subprocess.PIPE, text=True).stdout.strip() not in out
