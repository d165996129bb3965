"""What a host can lack: rights, file systems that fit, space, system calls. Each is told by name, and nothing is left."""
import os
import platform
import re

import pytest

import missing_calls
from harness import PAYLOAD, reap_orphans, skip

OTHER_ROOT = "set MINIRUN_ROOT to a directory that can be written, with space left"
UPPER_HINT = ("keep the writable layer in memory (--tmpfs-upper), do without one (--read-only), or set MINIRUN_ROOT to a "
              "directory on ext4, xfs or btrfs")
COPY_LAYER = "copy the layer to ext4, xfs, btrfs or tmpfs"
KERNEL_HINT = "Linux 5.12 or newer has them; inside another container its seccomp profile may forbid them"
CALL_HINT = "this kernel lacks a system call of this step, or a seccomp filter around minirun forbids it"
FILES_HINT = "the limit of open files (ulimit -n, or --ulimit nofile) is too low to set a container up"
AS_USER = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"]


def prepared(script):
    """Words that run the rest of a command line in a mount namespace that SCRIPT has prepared: the host sees no mount."""
    return ["unshare", "--mount", "sh", "-ec", f'{script}; exec "$@"', "sh"]


@pytest.fixture
def mnt(scratch):
    """An empty directory to mount on."""
    (scratch / "mnt").mkdir()
    yield scratch / "mnt"
    assert os.listdir(scratch / "mnt") == []


@pytest.fixture
def on_overlay(scratch, mnt):
    """A script that mounts an overlay on mnt."""
    for name in ("lower", "upper", "work"):
        (scratch / name).mkdir()
    yield f"cd {scratch}; mount -t overlay o -o lowerdir=lower,upperdir=upper,workdir=work {mnt}; cd /"
    left = [path.name for path in (scratch / "upper").glob("root/containers/*")]
    assert left == [], "the directory of a container was left on the overlay"


class TestRights:
    def test_run_needs_root(self, minirun, plain, base_layer):
        for image in ([plain], ["--rootfs", base_layer]):
            minirun.run(*image, "true", before=AS_USER).refused(
                125, "minirun run needs root, to make namespaces and mounts",
                "run it with sudo; --dry-run and explain work without")

    def test_the_others_do_not(self, minirun, plain):
        minirun.run("--dry-run", plain, "true", before=AS_USER).ok()
        minirun("explain", plain, before=AS_USER).ok()

    def test_what_a_user_may_not_read(self, minirun, bundle):
        image = bundle(files={"etc/passwd": "root:x:0:0::/:"})
        (image / "layers/001").chmod(0o700)
        for words in (["run", "--dry-run"], ["explain"]):
            minirun(*words, image, before=AS_USER).refused(
                125, f"cannot look at '/etc' in layer '001' ({image}/layers/001): Permission denied",
                "the layer's files belong to another user: run as that user or as root")
            (image / "layers").chmod(0)
            minirun(*words, image, before=AS_USER).refused(
                125, f"cannot read the directory '{image}/layers': Permission denied (EACCES)")
            (image / "config.json").chmod(0)
            minirun(*words, image, before=AS_USER).refused(
                125, f"cannot open '{image}/config.json': Permission denied")
            (image / "config.json").chmod(0o644)
            (image / "layers").chmod(0o755)

    @pytest.mark.parametrize("capability, message, hint", [
        ("sys_admin", "cannot clone a process with new namespaces: mount, pid, network, uts, ipc, cgroup: ",
         "new namespaces take CAP_SYS_ADMIN: run as root"),
        ("mknod", "cannot make device /dev/null 1:3 0666: ", "device nodes take CAP_MKNOD"),
        ("setpcap", "cannot limit the bounding set to CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP "
                    "NET_BIND_SERVICE SYS_CHROOT SETFCAP: ", "dropping capabilities takes CAP_SETPCAP"),
        ("setgid", "cannot become uid 0, gid 0, groups 0: ", None),
        ("net_admin", "cannot bring up the loopback interface: ", None)])
    def test_a_root_without_a_capability(self, minirun, plain, capability, message, hint):
        minirun.run(plain, "true", before=["setpriv", f"--bounding-set=-{capability}"]).refused(
            125, message + "Operation not permitted (EPERM)", hint)


class TestDataDirectory:
    @pytest.mark.parametrize("root", ["data", "./data", "~/data"])
    def test_it_has_to_be_absolute(self, minirun, plain, root):
        minirun.run(plain, "true", env={"MINIRUN_ROOT": root}).refused(
            125, f"MINIRUN_ROOT is '{root}', which is not an absolute path")

    @pytest.mark.parametrize("root, made, why", [
        ("/proc/minirun", "/proc/minirun", "No such file or directory (ENOENT)"),
        ("/proc/x\x1b\n/y", r"/proc/x\x1b\n", "No such file or directory (ENOENT)"),
        ("/" + "x" * 256, "/" + "x" * 256 + "/containers/…", "File name too long (ENAMETOOLONG)"),
        ("/proc/version/x", "/proc/version/x/containers/…", "Not a directory (ENOTDIR)")], ids=lambda value: repr(value[:20]))
    def test_it_cannot_be_made(self, minirun, plain, root, made, why):
        said = minirun.run(plain, "true", env={"MINIRUN_ROOT": root}).refused_with(
            125, f"cannot make the directory '{made.removesuffix('…')}", f"': {why}", hint=OTHER_ROOT)
        assert ("…" in made) == (f"'{made}': " not in said.err)

    @pytest.mark.parametrize("options", [[], ["--name", "x"], ["--tmpfs-upper"]], ids=str)
    def test_it_is_read_only(self, minirun, plain, mnt, options):
        minirun.run(*options, plain, "true", before=prepared(f"mount -t tmpfs -o ro t {mnt}"),
                    env={"MINIRUN_ROOT": f"{mnt}/root"}).refused(
            125, f"cannot make the directory '{mnt}/root': Read-only file system (EROFS)", OTHER_ROOT)

    @pytest.mark.parametrize("options", [[], ["--init"], ["--pid", "host"]], ids=str)
    def test_no_room_for_the_pidfile(self, minirun, plain, mnt, options):
        """The container runs by then; it ends, whatever it does to outlive minirun."""
        script = f'mount -t tmpfs -o size=4k t {mnt}; set +e; head -c 4096 /dev/zero > {mnt}/full; "$@"; code=$?; ls {mnt} >&2; exit $code'
        result = minirun.run(*options, "--pidfile", mnt / "pid", plain, "payload", "survive", before=["unshare", "--mount", "sh", "-ec", script, "sh"])
        assert result.err == f"minirun: cannot write the file '{mnt}/pid': No space left on device (ENOSPC)\nfull\n" and result.code == 125
        assert minirun.containers() == [] and reap_orphans() == {}

    @pytest.mark.parametrize("options, write", [([], ["mkdir", "/new"]), (["-v", "{}:/bin:O"], ["mkdir", "/bin/new"])], ids=str)
    def test_the_disk_is_full(self, minirun, plain, base_layer, mnt, options, write):
        """At each step in turn: the tmpfs takes so many files and no more. What was made before is removed again, and
        no container runs that cannot write."""
        options = [option.format(f"{base_layer}/bin") for option in options]
        # What is left of a container is told behind minirun's own words.
        script = f'mount -t tmpfs -o nr_inodes=$0 t {mnt}; set +e; "$@"; code=$?; find {mnt} -mindepth 3 ! -path "*/run/.*" >&2; exit $code'
        steps = set()
        for inodes in range(1, 64):
            result = minirun.run("--name", "x", "--rm", *options, plain, *write, env={"MINIRUN_ROOT": f"{mnt}/root"},
                                 before=["unshare", "--mount", "sh", "-c", script, inodes])
            if result.code == 0:
                break
            if result.code == 1:  # it was set up, and there is no more space for the command's own
                result.check(result.err == f"mkdir: can't create directory '{write[1]}': No space left on device\n", "that")
                continue
            result.check("No space left on device (ENOSPC)" in result.err or "overlayfs can make nothing in '" in result.err,
                         "that space is lacking")
            result.refused_with(125, " (E", hint="set MINIRUN_ROOT to a directory")
            steps.add(re.sub("[0-9a-f]{64}", "ID", result.err))
        assert result.ok() and len(steps) >= 5, steps

    def test_it_cannot_be_locked(self, minirun, plain):
        """As on NFS without a lock daemon."""
        if platform.machine() != "x86_64":
            skip("the number of flock(2) is that of x86_64")
        said = minirun.run(plain, "true", before=[PAYLOAD, "without", "73"]).refused_with(
            125, f"cannot lock the directory '{minirun.root}/containers/", "': Function not implemented (ENOSYS)", hint=OTHER_ROOT)
        assert len(said.err.splitlines()) == 2


class TestOverlay:
    def test_the_writable_layer_on_an_overlay(self, minirun, plain, mnt, on_overlay):
        root = {"MINIRUN_ROOT": f"{mnt}/root"}
        minirun.run(plain, "true", before=prepared(on_overlay), env=root).refused_with(
            125, f"overlayfs refused the writable layer in '{mnt}/root/containers/", "' on overlay: Invalid argument (EINVAL)",
            "; the kernel says: overlay: filesystem on upper not supported as upperdir", hint=UPPER_HINT)
        for way_out in ("--tmpfs-upper", "--read-only"):
            minirun.run(way_out, plain, "true", before=prepared(on_overlay), env=root).ok()

    def test_a_throw_away_volume_on_an_overlay(self, minirun, plain, base_layer, mnt, on_overlay):
        minirun.run("--tmpfs-upper", "-v", f"{base_layer}:/x:O", plain, "true", before=prepared(on_overlay),
                    env={"MINIRUN_ROOT": f"{mnt}/root"}).refused_with(
            125, f"overlayfs refused the throw-away writes to '/x' in '{mnt}/root/containers/", "' on overlay: Invalid argument",
            hint="set MINIRUN_ROOT to a directory on ext4, xfs, btrfs or tmpfs: that holds what the container writes")

    @pytest.mark.parametrize("options", [[], ["--read-only"], ["--tmpfs-upper"]], ids=str)
    def test_a_layer_on_a_file_system_that_takes_none(self, minirun, bundle, mnt, options):
        image = bundle()
        (image / "layers/01").symlink_to(mnt)
        minirun.run(*options, image, "true", before=prepared(f"mount -t proc p {mnt}")).refused(
            125, f"overlayfs refused the layer '{mnt}' on proc: Invalid argument (EINVAL)", COPY_LAYER)

    def test_a_stack_of_overlays(self, minirun, bundle, scratch, mnt, on_overlay):
        """The kernel stacks two and no more."""
        image = bundle()
        (image / "layers/01").symlink_to(mnt)
        minirun.run(image, "true", before=prepared(on_overlay)).ok()
        again = f"cd {scratch}; mkdir -p u2 w2; mount -t overlay o -o lowerdir=mnt,upperdir=u2,workdir=w2 {mnt}; cd /"
        minirun.run(image, "true", before=prepared(f"{on_overlay}; {again}")).refused(
            125, f"overlayfs refused the layer '{mnt}' on overlay: Invalid argument (EINVAL)", COPY_LAYER)

    def test_ids_that_cannot_be_mapped(self, minirun, bundle, mnt):
        image = bundle()
        (image / "layers/01").symlink_to(mnt)
        minirun.run("--userns", "private", image, "true", before=prepared(f"mount -t proc p {mnt}")).refused(
            125, f"the file system of '{mnt}' (proc) cannot map ids in this kernel: Invalid argument (EINVAL)",
            "leave out --userns, or use ext4, xfs or btrfs with Linux 5.19 or newer (tmpfs: 6.3)")

    def test_no_null_device(self, minirun, plain, scratch):
        minirun.run(plain, "true", before=prepared("mount -t tmpfs t /dev; exec 0<&- 1>/dev/x 2>/dev/y; set +e; "
                                                   f'"$@"; cp /dev/y {scratch}/said; exit 0')).ok()
        assert (scratch / "said").read_text() == "minirun: cannot open '/dev/null': No such file or directory (ENOENT)\n"


# By number: Python has no names for them. They are the same on all machines.
REQUIRED = {"open_tree": 428, "move_mount": 429, "close_range": 436, "pidfd_send_signal": 424}
DISPENSABLE = {name: number for numbers in missing_calls.CALLS.values() for name, number in numbers.items()} | {"faccessat2": 439}
WITH_IDS = ["--userns", "private"]


class TestMissingCalls:
    @pytest.mark.parametrize("name", REQUIRED)
    def test_one_that_is_needed(self, minirun, plain, name):
        minirun.run(plain, "true", before=[PAYLOAD, "without", REQUIRED[name]]).refused(
            125, f"this kernel ({os.uname().release}) lacks {name}, which minirun needs", KERNEL_HINT)

    def test_several(self, minirun, plain):
        numbers = ",".join(str(number) for number in REQUIRED.values())
        minirun.run(plain, "true", before=[PAYLOAD, "without", numbers]).refused(
            125, f"this kernel ({os.uname().release}) lacks {', '.join(REQUIRED)}, which minirun needs", KERNEL_HINT)

    @pytest.mark.parametrize("words", [["run", "--dry-run"], ["explain"]], ids=str)
    def test_what_starts_nothing_needs_none(self, minirun, plain, words):
        numbers = ",".join(str(number) for number in (REQUIRED | DISPENSABLE).values())
        minirun(*words, plain, before=[PAYLOAD, "without", numbers]).ok()

    @pytest.mark.parametrize("name", DISPENSABLE)
    def test_one_that_can_be_done_without(self, minirun, plain, name):
        for options in ([], ["--init"], WITH_IDS, ["--timeout", "60s"]):
            if options == WITH_IDS and name == "mount_setattr":
                continue
            assert minirun.run(*options, plain, "echo", "ran", before=[PAYLOAD, "without", DISPENSABLE[name]]
                               ).ok().out == "ran\n"

    def test_all_that_can_be_done_without(self, minirun, plain):
        numbers = ",".join(map(str, DISPENSABLE.values()))
        assert minirun.run(plain, "echo", "ran", before=[PAYLOAD, "without", numbers]).ok().out == "ran\n"

    def test_ids_that_nothing_can_map(self, minirun, plain):
        minirun.run(*WITH_IDS, plain, "true", before=[PAYLOAD, "without", DISPENSABLE["mount_setattr"]]).refused(
            125, "--userns: the ids of files cannot be mapped: this kernel "
                 f"({os.uname().release}) lacks mount_setattr", KERNEL_HINT.replace("them", "it"))

    def test_options_of_which_one_is_refused(self, minirun, plain):
        """mount(2) does not say which."""
        minirun.run("--tmpfs", "/x:uid=4294967295", plain, "true", before=[PAYLOAD, "without", DISPENSABLE["fsopen"]]).refused(
            125, "tmpfs on '/x' does not take all of the options 'mode=1777,uid=4294967295': Invalid argument (EINVAL)")

    @pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")
    @pytest.mark.parametrize("number, step", [
        (165, "make all mounts rslave"), (155, "pivot_root: the container's root becomes /, the host's is unmounted"),
        (166, "pivot_root: the container's root becomes /, the host's is unmounted"), (112, "start a new session"),
        (259, "make device /dev/null 1:3 0666"), (266, "make symbolic link /dev/fd -> /proc/self/fd"),
        (157, "become non-dumpable"), (117, "become uid 0, gid 0, groups 0"), (116, "become uid 0, gid 0, groups 0"),
    ], ids=["mount", "pivot_root", "umount2", "setsid", "mknodat", "symlinkat", "prctl", "setresuid", "setgroups"])
    def test_one_of_a_step(self, minirun, plain, number, step):
        minirun.run(plain, "true", before=[PAYLOAD, "without", number]).refused(
            125, f"cannot {step}: Function not implemented (ENOSYS)", CALL_HINT)

    @pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")
    @pytest.mark.parametrize("number, says", [
        (318, "cannot get random bytes"), (289, "cannot make a signalfd"), (53, "cannot make a socket pair")],
        ids=["getrandom", "signalfd4", "socketpair"])
    def test_one_of_minirun_itself(self, minirun, plain, number, says):
        minirun.run(plain, "true", before=[PAYLOAD, "without", number]).refused(
            125, f"{says}: Function not implemented (ENOSYS)")

    @pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")
    def test_no_seccomp(self, minirun, plain):
        minirun.run(plain, "true", before=[PAYLOAD, "without", "317"]).refused_with(
            125, "cannot load the seccomp filter, ", " instructions: Function not implemented (ENOSYS)", hint=CALL_HINT)
        minirun.run("--security-opt", "seccomp=unconfined", plain, "true", before=[PAYLOAD, "without", "317"]).ok()


class TestLimits:
    def test_too_few_descriptors(self, minirun, plain):
        """Whatever the step at which they end: the reason is the same, and the container's directory is removed."""
        outcomes = set()
        for limit in range(3, 24):
            result = minirun.run(plain, "echo", "ran", before=["prlimit", f"--nofile={limit}:{limit}"])
            if result.code == 0:
                outcomes.add(result.ok().out)
                continue
            result.refused_with(125, "Too many open files")
            outcomes.add(len(result.err.splitlines()) == 2 and result.err.splitlines()[1] == "  hint: " + FILES_HINT)
            assert minirun.containers() == []
        assert outcomes == {False, True, "ran\n"}

    def test_too_few_for_the_container(self, minirun, plain):
        minirun.run("--ulimit", "nofile=3", plain, "true").refused_with(125, "Too many open files (EMFILE)", hint=FILES_HINT)

    def test_files_that_may_not_grow(self, minirun, plain, scratch):
        """SIGXFSZ would end minirun without a word; the container has it again."""
        minirun.run("--cidfile", scratch / "cid", plain, "true", before=["prlimit", "--fsize=0"]).refused(
            125, f"cannot write the file '{scratch / 'cid'}': File too large (EFBIG)")
        assert minirun.run("--ulimit", "fsize=0", "--tmpfs", "/t", plain, "sh", "-c", "sh -c 'echo x > /t/x' 2>/dev/null; echo $?").ok().out == "153\n"

    def test_too_few_namespaces(self, minirun, plain):
        """In a user namespace of its own, whose limits are not the host's."""
        script = 'echo 0 > /proc/sys/user/max_net_namespaces; exec "$@"'
        minirun.run("-u", "0:0", plain, "true", before=["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", script, "sh"],
                    ).refused(125, "cannot clone a process with new namespaces: mount, pid, network, uts, ipc, cgroup: No space "
                                   "left on device (ENOSPC)", "the limit in /proc/sys/user/max_*_namespaces is reached: raise it")
