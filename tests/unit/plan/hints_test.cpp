// Each failed step becomes a sentence with the step, the path, the cause and a way out.
#include "plan/hints.hpp"

#include <cerrno>
#include <cstring>

#include "support.hpp"

namespace minirun {
namespace {

std::string sentence(Operation operation, int error, int item = -1, const char* detail = "", int layer = -1) {
    Plan plan;
    plan.steps.push_back({Phase::child, operation});
    ChildReport report;
    report.error = error;
    report.item = item;
    report.layer = layer;
    std::strncpy(report.detail, detail, sizeof report.detail - 1);
    const auto said = step_error(plan, report);
    return said.message() + " | " + said.hint();
}

constexpr const char* layers[] = {"/no/such/layer"};

TEST_CASE("hints: steps without a known cause are told as they are") {
    CHECK(sentence(op::LoopbackUp{}, ENODEV) == "cannot bring up the loopback interface: No such device (ENODEV) | ");
}

TEST_CASE("hints: overlay") {
    const FsOption writable[] = {{"upperdir", "upper"}, {"workdir", "work"}};
    const op::MountOverlay overlay{layers, writable, 0, "/proc", nullptr};
    CHECK(
        sentence(overlay, EINVAL, -1, "e overlay: filesystem on proc not supported as upperdir\n") ==
        "overlayfs refused the writable layer in '/proc' on proc: Invalid argument (EINVAL); the kernel says: overlay: "
        "filesystem on proc not supported as upperdir | keep the writable layer in memory (--tmpfs-upper), do without "
        "one (--read-only), or set MINIRUN_ROOT to a directory on ext4, xfs or btrfs");
    CHECK(sentence(overlay, ENOENT, -1, "", 0) ==
          "overlayfs refused the layer '/no/such/layer' on unknown: No such file or directory (ENOENT) | the layer's "
          "directory is gone: build the bundle again");
    CHECK(sentence(overlay, ENODEV) ==
          "this kernel has no overlay file system: No such device (ENODEV) | modprobe overlay");

    CHECK(sentence(overlay, EROFS) ==
          "overlayfs can make nothing in '/proc' on proc, so the root could not be written to: Read-only file system "
          "(EROFS) | make space, or set MINIRUN_ROOT to a directory on another disk");

    const char* const on_proc[] = {"/no/such/layer", "/proc/self"};
    for (const auto options : {std::span<const FsOption>(writable), std::span<const FsOption>()})
        CHECK(sentence(op::MountOverlay{on_proc, options, 0, "/", nullptr}, EINVAL) ==
              "overlayfs refused the layer '/proc/self' on proc: Invalid argument (EINVAL) | copy the layer to ext4, "
              "xfs, btrfs or tmpfs");
}

TEST_CASE("hints: the throw-away writes to a volume are in the container's directory") {
    const FsOption options[] = {{"upperdir", "volumes/0/upper"}};
    Plan plan;
    plan.steps.push_back({Phase::child, op::MountOverlay{layers, {}, 0, "/proc", nullptr}});
    plan.steps.push_back(
        {Phase::child, op::MountFilesystem{
                           "overlay", "overlay", options, 0, 0, {Slot::root, "/data", Create::directory}, Slot::none}});
    ChildReport report;
    report.step = 1;
    report.item = 0;
    report.error = EINVAL;
    const auto said = step_error(plan, report);
    CHECK(said.message() ==
          "overlayfs refused the throw-away writes to '/data' in '/proc' on proc: Invalid argument (EINVAL)");
    CHECK(said.hint() ==
          "set MINIRUN_ROOT to a directory on ext4, xfs, btrfs or tmpfs: that holds what the container writes");
    report.error = EROFS;
    CHECK(step_error(plan, report).message() ==
          "overlayfs can make nothing in '/proc' on proc, so '/data' could not be written to: Read-only file system "
          "(EROFS)");
}

TEST_CASE("hints: a call that is not there, and a full disk") {
    CHECK(sentence(op::LoopbackUp{}, ENOSYS) ==
          "cannot bring up the loopback interface: Function not implemented (ENOSYS) | this kernel lacks a system call "
          "of this step, or a seccomp filter around minirun forbids it");
    CHECK(sentence(op::HostDirectory{"/d/upper", 0755, nullptr}, ENOSPC) ==
          "cannot make directory /d/upper 0755: No space left on device (ENOSPC) | make space, or set MINIRUN_ROOT to "
          "a directory on another disk");
}

TEST_CASE("hints: mounts name the option or the target") {
    const FsOption options[] = {{"size", "much"}};
    const op::MountFilesystem tmpfs{"tmpfs",   "tmpfs", options, 0, 0, {Slot::root, "/tmp", Create::directory},
                                    Slot::none};
    CHECK(sentence(tmpfs, EINVAL, 0) ==
          "tmpfs on '/tmp' does not take the option 'size=much': Invalid argument (EINVAL) | ");
    const op::BindMount bind{Slot::host, "/src", true, 0, 0, 0, false, {Slot::root, "/dst", Create::like_source}};
    CHECK(sentence(bind, ENOENT) == "the volume's source '/src' does not exist: No such file or directory (ENOENT) | ");
    CHECK(sentence(bind, ENOENT, 1) ==
          "the mount target '/dst' is a symbolic link that leads nowhere inside the root file system: No such file or "
          "directory (ENOENT) | mount on the directory itself, or choose another target");
    CHECK(sentence(bind, EROFS, 1)
              .starts_with("the mount target '/dst' is not in the image, and the root is read-only: "));
}

TEST_CASE("hints: rights") {
    CHECK(sentence(op::SetRlimit{7, 1, 2}, EPERM) ==
          "cannot limit RLIMIT_NOFILE to 1 (hard 2): Operation not permitted (EPERM) | raising the hard limit of "
          "RLIMIT_NOFILE takes CAP_SYS_RESOURCE");
    CHECK(sentence(op::EnterWorkingDirectory{"/x"}, EACCES) ==
          "the container's user may not enter the working directory '/x': Permission denied (EACCES) | choose another "
          "one with --workdir, or another user with --user");
    CHECK(sentence(op::EnterWorkingDirectory{"/x"}, EROFS, 1) ==
          "the working directory '/x' is not in the image, and the root is read-only: Read-only file system (EROFS) | "
          "choose another one with --workdir, or leave out --read-only");
    CHECK(sentence(op::WriteSysctl{"sys/net/ipv4/conf/eth0.5/forwarding", {}}, ENOENT) ==
          "this kernel has no sysctl 'net.ipv4.conf.eth0/5.forwarding': No such file or directory (ENOENT) | sysctl -a "
          "lists them");
    CHECK(sentence(op::LoopbackUp{}, EMFILE) ==
          "cannot bring up the loopback interface: Too many open files (EMFILE) | the limit of open files (ulimit -n, "
          "or --ulimit nofile) is too low to set a container up");
    CHECK(sentence(op::EnterWorkingDirectory{"/x"}, EXDEV) ==
          "the working directory '/x' lies outside of the container: Invalid cross-device link (EXDEV) | ");
}

TEST_CASE("hints: the kind decides the exit code") {
    Plan plan;
    plan.steps.push_back({Phase::clone, op::CloneProcess{0, false}});
    ChildReport report;
    report.error = EPERM;
    CHECK(step_error(plan, report).kind() == ErrorKind::not_permitted);
    CHECK(exit_code(ErrorKind::not_permitted) == 125);
    CHECK(exit_code(ErrorKind::cannot_execute) == 126);
    CHECK(exit_code(ErrorKind::command_not_found) == 127);
}

}  // namespace
}  // namespace minirun
