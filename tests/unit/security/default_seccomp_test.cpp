#include "security/default_seccomp.hpp"

#include <doctest/doctest.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

#include "seccomp_calls.hpp"
#include "security/seccomp.hpp"

using namespace minirun;
using namespace minirun::test;

namespace {

const std::vector<std::string> default_capabilities = {
    "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FOWNER",  "CAP_FSETID", "CAP_KILL",       "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP", "CAP_SETGID",       "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
};
constexpr std::uint64_t junk = 0xdeadbeef00000000;  ///< in the upper half of a register, where an int's is ignored

template <class... Arguments>
std::uint32_t answer(std::string_view name, Arguments... arguments) {
    return evaluate(default_seccomp_filter(), call(name, arguments...));
}

/// The profile's answer for a container with the default capabilities and one more.
template <class... Arguments>
std::uint32_t answer_with(const std::string& capability, std::string_view name, Arguments... arguments) {
    auto capabilities = default_capabilities;
    capabilities.push_back(capability);
    return evaluate(compile_seccomp(default_seccomp_profile(), "default", capabilities).program,
                    call(name, arguments...));
}

bool same(const std::vector<sock_filter>& a, std::span<const sock_filter> b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
        return x.code == y.code && x.jt == y.jt && x.jf == y.jf && x.k == y.k;
    });
}

}  // namespace

TEST_CASE("default seccomp: what was compiled at build time is what the profile says") {
    const auto filter = compile_seccomp(default_seccomp_profile(), "default", default_capabilities);
    CHECK(same(filter.program, default_seccomp_filter()));
    CHECK(filter.flags == 0);
    CHECK(default_seccomp_filter().size() < 1000);
}

TEST_CASE("default seccomp: every name is a system call of some architecture") {
    // These are of 32-bit architectures, for engines that let them in.
    const std::vector<std::string> of_others = {"_llseek",
                                                "_newselect",
                                                "chown32",
                                                "clock_adjtime64",
                                                "clock_getres_time64",
                                                "clock_gettime64",
                                                "clock_nanosleep_time64",
                                                "clock_settime64",
                                                "fadvise64_64",
                                                "fchown32",
                                                "fcntl64",
                                                "fstat64",
                                                "fstatat64",
                                                "fstatfs64",
                                                "ftruncate64",
                                                "futex_time64",
                                                "getegid32",
                                                "geteuid32",
                                                "getgid32",
                                                "getgroups32",
                                                "getresgid32",
                                                "getresuid32",
                                                "getuid32",
                                                "io_pgetevents_time64",
                                                "ipc",
                                                "lchown32",
                                                "lstat64",
                                                "mmap2",
                                                "mq_timedreceive_time64",
                                                "mq_timedsend_time64",
                                                "ppoll_time64",
                                                "pselect6_time64",
                                                "recv",
                                                "recvmmsg_time64",
                                                "rt_sigtimedwait_time64",
                                                "sched_rr_get_interval_time64",
                                                "semtimedop_time64",
                                                "send",
                                                "sendfile64",
                                                "setfsgid32",
                                                "setfsuid32",
                                                "setgid32",
                                                "setgroups32",
                                                "setregid32",
                                                "setresgid32",
                                                "setresuid32",
                                                "setreuid32",
                                                "setuid32",
                                                "sigprocmask",
                                                "sigreturn",
                                                "stat64",
                                                "statfs64",
                                                "stime",
                                                "timer_gettime64",
                                                "timer_settime64",
                                                "timerfd_gettime64",
                                                "timerfd_settime64",
                                                "truncate64",
                                                "ugetrlimit",
                                                "umount",
                                                "utimensat_time64",
                                                "waitpid"};
    const auto filter = compile_seccomp(default_seccomp_profile(), "default", default_capabilities);
    for (const auto& name : filter.unknown_names) {
        CAPTURE(name);
#if defined(__x86_64__)
        CHECK(std::find(of_others.begin(), of_others.end(), name) != of_others.end());
#endif
    }
}

TEST_CASE("default seccomp: it decides about every system call known here") {
    const auto profile = read_seccomp_profile(default_seccomp_profile(), "default", {}, oldest_kernel);
    CHECK(std::find(profile.all_names.begin(), profile.all_names.end(), known_syscalls().back().name) !=
          profile.all_names.end());
}

TEST_CASE("default seccomp: ordinary programs run") {
    for (const auto* name : {"read",
                             "write",
                             "openat",
                             "openat2",
                             "execve",
                             "execveat",
                             "fork",
                             "vfork",
                             "wait4",
                             "mmap",
                             "mprotect",
                             "brk",
                             "ioctl",
                             "fcntl",
                             "epoll_wait",
                             "futex",
                             "futex_waitv",
                             "futex_wake",
                             "prctl",
                             "rseq",
                             "getrandom",
                             "statx",
                             "newfstatat",
                             "close_range",
                             "faccessat2",
                             "fchmodat2",
                             "bind",
                             "connect",
                             "sendmsg",
                             "splice",
                             "sendfile",
                             "setuid",
                             "setgroups",
                             "capset",
                             "chroot",
                             "mknod",
                             "seccomp",
                             "landlock_create_ruleset",
                             "inotify_init1",
                             "ptrace",
                             "process_vm_readv",
                             "kill",
                             "pidfd_open",
                             "memfd_create",
                             "mseal",
                             "setxattrat",
                             "io_setup",
                             "sched_setaffinity"}) {
        CAPTURE(name);
        CHECK(answer(name) == allow);
    }
}

TEST_CASE("default seccomp: what is refused to everybody") {
    for (const auto* name : {"io_uring_setup", "io_uring_enter", "io_uring_register", "vmsplice", "userfaultfd",
                             "keyctl", "add_key", "request_key", "kexec_load", "kexec_file_load", "swapon", "swapoff",
                             "move_pages", "migrate_pages", "nfsservctl", "_sysctl", "ustat", "sysfs", "uselib"}) {
        if (!syscall_number(name)) continue;
        CAPTURE(name);
        CHECK(answer(name) == fail(EPERM));
        for (const auto* capability : {"CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_BPF", "CAP_SYS_PTRACE"})
            CHECK(answer_with(capability, name) == fail(EPERM));
    }
}

TEST_CASE("default seccomp: address families of socket") {
    for (const auto family : registers(AF_UNIX, AF_INET, AF_INET6, AF_NETLINK)) {
        CAPTURE(family);
        CHECK(answer("socket", family, SOCK_STREAM, 0) == allow);
        CHECK(answer("socket", junk | family, SOCK_DGRAM | SOCK_CLOEXEC, 0) == allow);
    }
    for (std::uint64_t family = 0; family < 64; family++) {
        if (family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK) continue;
        CAPTURE(family);
        CHECK(answer("socket", family, SOCK_STREAM, 0) == fail(EPERM));
        CHECK(answer("socket", junk | family, SOCK_STREAM, 0) == fail(EPERM));
        if (family != AF_PACKET) CHECK(answer_with("CAP_NET_RAW", "socket", family, SOCK_RAW, 0) == fail(EPERM));
    }
    CHECK(answer_with("CAP_NET_RAW", "socket", AF_PACKET, SOCK_RAW, 0x300) == allow);
}

TEST_CASE("default seccomp: SOCK_PACKET is AF_PACKET by another name") {
    CHECK(answer("socket", AF_INET, SOCK_PACKET, 0) == fail(EPERM));
    CHECK(answer("socket", AF_INET, junk | SOCK_PACKET | SOCK_NONBLOCK, 0) == fail(EPERM));
    CHECK(answer_with("CAP_NET_RAW", "socket", AF_INET, SOCK_PACKET, 0) == allow);
    CHECK(answer("socket", AF_INET, SOCK_RAW | SOCK_CLOEXEC, 1) == allow);
}

TEST_CASE("default seccomp: the audit netlink is not there") {
    constexpr int netlink_audit = 9;
    CHECK(answer("socket", AF_NETLINK, SOCK_RAW, netlink_audit) == fail(EINVAL));
    CHECK(answer("socket", junk | AF_NETLINK, SOCK_RAW, junk | netlink_audit) == fail(EINVAL));
    CHECK(answer("socket", AF_INET, SOCK_RAW, netlink_audit) == allow);
    CHECK(answer_with("CAP_AUDIT_WRITE", "socket", AF_NETLINK, SOCK_RAW, netlink_audit) == allow);
}

TEST_CASE("default seccomp: socketpair is for AF_UNIX") {
    CHECK(answer("socketpair", AF_UNIX, SOCK_STREAM) == allow);
    CHECK(answer("socketpair", junk | AF_UNIX, SOCK_STREAM) == allow);
    for (const auto family : registers(AF_INET, AF_TIPC, AF_ALG, 0))
        CHECK(answer("socketpair", family, SOCK_STREAM) == fail(EPERM));
}

TEST_CASE("default seccomp: requests that type into a terminal, whatever is in the upper half") {
    constexpr std::uint64_t tioclinux = 0x541c;
    for (const auto request : registers(TIOCSTI, tioclinux)) {
        for (const auto upper : registers(0, 0xffffffff00000000, 0x100000000, junk)) {
            CAPTURE(upper);
            CHECK(answer("ioctl", 0, upper | request) == fail(EPERM));
            CHECK(answer_with("CAP_SYS_ADMIN", "ioctl", 0, upper | request) == fail(EPERM));
        }
    }
    for (const auto request : registers(TIOCGWINSZ, TIOCSCTTY, FIONREAD, TCGETS, 0x5413))
        CHECK(answer("ioctl", 0, request) == allow);
}

TEST_CASE("default seccomp: clone makes no namespaces") {
    CHECK(answer("clone", SIGCHLD) == allow);
    CHECK(answer("clone", CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                              CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID) == allow);
    CHECK(answer("clone", CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD) == allow);
    for (const auto flag : registers(CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER,
                                     CLONE_NEWPID, CLONE_NEWNET)) {
        CAPTURE(flag);
        CHECK(answer("clone", flag | SIGCHLD) == fail(EPERM));
        CHECK(answer("clone", junk | flag | SIGCHLD) == fail(EPERM));
        CHECK(answer_with("CAP_SYS_ADMIN", "clone", flag | SIGCHLD) == allow);
    }
}

TEST_CASE("default seccomp: clone3 is not there, so that the C library uses clone") {
    CHECK(answer("clone3") == fail(ENOSYS));
    CHECK(answer_with("CAP_SYS_ADMIN", "clone3") == allow);
}

TEST_CASE("default seccomp: personalities") {
    for (const auto persona : registers(0x0u, 0x8u, 0x20000u, 0x20008u, 0xffffffffu)) {
        CAPTURE(persona);
        CHECK(answer("personality", persona) == allow);
        CHECK(answer("personality", 0xffffffff00000000 | persona) == allow);
    }
    for (const auto persona : registers(0x1u, 0x0040000u, 0x0400000u, 0x20001u, 0x7fffffffu))
        CHECK(answer("personality", persona) == fail(EPERM));
}

TEST_CASE("default seccomp: what capabilities open") {
    const std::pair<const char*, std::vector<const char*>> opened[] = {
        {"CAP_SYS_ADMIN", {"bpf",        "clone",         "clone3",         "fanotify_init",   "fsconfig",
                           "fsmount",    "fsopen",        "fspick",         "mount",           "mount_setattr",
                           "move_mount", "open_tree",     "open_tree_attr", "perf_event_open", "pivot_root",
                           "quotactl",   "setdomainname", "sethostname",    "setns",           "statmount",
                           "listmount",  "syslog",        "umount2",        "unshare",         "lsm_get_self_attr"}},
        {"CAP_BPF", {"bpf"}},
        {"CAP_DAC_READ_SEARCH", {"open_by_handle_at"}},
        {"CAP_PERFMON", {"perf_event_open"}},
        {"CAP_SYS_BOOT", {"reboot"}},
        {"CAP_SYS_MODULE", {"init_module", "finit_module", "delete_module"}},
        {"CAP_SYS_NICE", {"mbind", "get_mempolicy", "set_mempolicy", "set_mempolicy_home_node"}},
        {"CAP_SYS_PACCT", {"acct"}},
        {"CAP_SYS_PTRACE", {"kcmp", "pidfd_getfd", "process_madvise"}},
        {"CAP_SYS_TIME", {"settimeofday", "clock_settime"}},
        {"CAP_SYS_TTY_CONFIG", {"vhangup"}},
        {"CAP_SYSLOG", {"syslog"}},
#if defined(__x86_64__)
        {"CAP_SYS_RAWIO", {"iopl", "ioperm"}},
#endif
    };
    for (const auto& row : opened) {
        for (const auto* name : row.second) {
            CAPTURE(row.first);
            CAPTURE(name);
            CHECK(answer_with(row.first, name, CLONE_NEWUSER) == allow);
            CHECK((answer(name, CLONE_NEWUSER) & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO);
        }
    }
    const auto without_chroot = compile_seccomp(default_seccomp_profile(), "default", {});
    CHECK(evaluate(without_chroot.program, call("chroot")) == fail(EPERM));
}

TEST_CASE("default seccomp: what is new and closed is ENOSYS, for programs with a way around") {
    for (const auto* name : {"statmount", "listmount", "lsm_get_self_attr", "lsm_set_self_attr", "lsm_list_modules",
                             "open_tree_attr", "cachestat", "file_getattr", "file_setattr", "listns"}) {
        CAPTURE(name);
        CHECK(answer(name) == fail(ENOSYS));
    }
    CHECK(answer_with("CAP_SYS_ADMIN", "cachestat") == fail(ENOSYS));
}

TEST_CASE("default seccomp: numbers from the future are ENOSYS, other architectures are killed") {
    const int last = known_syscalls().back().number;
    for (const int number : {last + 1, last + 100, 0x3fffffff})
        CHECK(evaluate(default_seccomp_filter(), call(number)) == fail(ENOSYS));
    auto foreign = call("read");
    for (const unsigned arch : {AUDIT_ARCH_I386 + 0u, AUDIT_ARCH_ARM + 0u}) {
        foreign.arch = arch;
        CHECK(evaluate(default_seccomp_filter(), foreign) == killed);
    }
#if defined(__x86_64__)
    CHECK(evaluate(default_seccomp_filter(), call(0x40000000)) == killed);
    CHECK(evaluate(default_seccomp_filter(), call(-1)) == fail(ENOSYS));
    CHECK(answer("uretprobe") == allow);
#endif
}

TEST_CASE("default seccomp: as explained") {
    const auto conditional = conditional_syscalls(default_seccomp_filter());
    CHECK(conditional == std::vector<std::string>{"clone", "ioctl", "personality", "socket", "socketpair"});
    const auto denied = denied_syscalls(default_seccomp_filter());
    for (const auto* name : {"bpf", "clone3", "io_uring_setup", "keyctl", "mount", "setns", "unshare", "vmsplice"}) {
        CAPTURE(name);
        CHECK(std::binary_search(denied.begin(), denied.end(), name));
    }
    CHECK_FALSE(std::binary_search(denied.begin(), denied.end(), "read"));
    CHECK_FALSE(std::binary_search(denied.begin(), denied.end(), "socket"));
}

TEST_CASE("default seccomp: which capability sets its filter fits") {
    CHECK(default_seccomp_filter_fits(default_capabilities));
    auto capabilities = default_capabilities;
    std::reverse(capabilities.begin(), capabilities.end());
    CHECK(default_seccomp_filter_fits(capabilities));
    // Not a word about these in the profile.
    CHECK(default_seccomp_filter_fits({"CAP_SYS_CHROOT"}));
    CHECK(default_seccomp_filter_fits({"SYS_CHROOT", "CAP_NET_ADMIN", "CAP_MKNOD"}));
    CHECK_FALSE(default_seccomp_filter_fits({}));
    CHECK_FALSE(default_seccomp_filter_fits({"CAP_SYS_CHROOT", "CAP_SYS_ADMIN"}));
    CHECK_FALSE(default_seccomp_filter_fits({"CAP_SYS_CHROOT", "CAP_NET_RAW"}));
    CHECK(error_of([] { static_cast<void>(default_seccomp_filter_fits({"CAP_X"})); }) == "unknown capability 'CAP_X'");
}
