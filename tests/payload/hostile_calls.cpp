// Attacks by system calls that a filter, or a missing capability, is to deny.
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <set>

#include "hostile.hpp"

namespace payload {
namespace {

int mounts(const Words&) {
    Tally tally;
    ::mkdir("/tmp/m", 0755);
    for (int round = 0; round < 2; round++) {
        for (const char* type : {"tmpfs", "proc", "sysfs", "cgroup", "cgroup2", "devtmpfs", "mqueue", "devpts",
                                 "overlay", "debugfs", "bpf", "fuse", "binfmt_misc", "securityfs", "ext4"}) {
            tally(std::string("mount ") + type, ::mount(type, "/tmp/m", type, 0, nullptr));
            tally(std::string("fsopen ") + type, ::syscall(SYS_fsopen, type, 0));
        }
        for (const char* path : {"/", "/proc", "/proc/sys", "/sys", "/dev", "/sys/fs/cgroup", "/proc/1/root",
                                 "/proc/self/root", "/etc/hosts"}) {
            const std::string name = path;
            tally("bind " + name, ::mount(path, "/tmp/m", nullptr, MS_BIND | MS_REC, nullptr));
            tally("remount " + name, ::mount(nullptr, path, nullptr, MS_REMOUNT | MS_BIND, nullptr));
            tally("remount all of " + name, ::mount("none", path, nullptr, MS_REMOUNT, nullptr));
            tally("share " + name, ::mount(nullptr, path, nullptr, MS_SHARED | MS_REC, nullptr));
            tally("move " + name, ::mount(path, "/tmp/m", nullptr, MS_MOVE, nullptr));
            tally("unmount " + name, ::umount2(path, MNT_DETACH));
            tally("expire " + name, ::umount2(path, MNT_EXPIRE));
            tally("open_tree " + name,
                  ::syscall(SYS_open_tree, AT_FDCWD, path, 1 /* OPEN_TREE_CLONE */ | AT_RECURSIVE));
            tally("fspick " + name, ::syscall(SYS_fspick, AT_FDCWD, path, 0));
            const struct {
                unsigned long set, clear, propagation, userns;
            } writable{0, 1 /* MOUNT_ATTR_RDONLY */, 0, 0};
            tally("mount_setattr " + name, ::syscall(SYS_mount_setattr, AT_FDCWD, path, 0, &writable, sizeof writable));
        }
        tally("unmount a mask", ::umount2("/proc/keys", MNT_DETACH));
        tally("pivot_root", ::syscall(SYS_pivot_root, ".", "."));
        tally("move_mount", ::syscall(SYS_move_mount, AT_FDCWD, "/proc", AT_FDCWD, "/tmp/m", 0));
        // With a user namespace of its own it would have the right.
        tally("unshare", ::unshare(CLONE_NEWUSER | CLONE_NEWNS));
    }
    return tally.verdict();
}

int namespaces(const Words&) {
    Tally tally;
    constexpr long flags[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,    CLONE_NEWNET,
                              CLONE_NEWUTS,  CLONE_NEWIPC, CLONE_NEWCGROUP, 0x80};
    constexpr long all =
        CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
    const auto attempt = [&](const std::string& name, auto call) {
        // In a child: one that worked does not change what the next ones find.
        const pid_t pid = ::fork();
        if (pid == 0) ::_exit(call() < 0 ? errno : 0);
        int status = 0;
        ::waitpid(pid, &status, 0);
        errno = WEXITSTATUS(status);
        tally(name, WIFEXITED(status) && errno == 0 ? 0 : -1);
    };
    for (int round = 0; round < 3; round++) {
        for (const long flag : flags) {
            const auto name = text_of(flag);
            attempt("unshare " + name, [&] { return ::syscall(SYS_unshare, flag); });
            attempt("unshare high " + name, [&] { return ::syscall(SYS_unshare, flag | 1L << 40); });
            attempt("unshare files " + name, [&] { return ::syscall(SYS_unshare, flag | CLONE_FILES); });
            attempt("unshare with user " + name, [&] { return ::syscall(SYS_unshare, flag | CLONE_NEWUSER); });
            const auto cloned = [&](long more) {
                const long pid = ::syscall(SYS_clone, flag | more | SIGCHLD, 0, 0, 0, 0);
                if (pid == 0) ::_exit(0);
                if (pid > 0) ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
                return pid;
            };
            if (flag != 0x80) attempt("clone " + name, [&] { return cloned(0); });
            if (flag != 0x80) attempt("clone high " + name, [&] { return cloned(1L << 40); });
            attempt("clone3 " + name, [&] {
                const unsigned long arguments[11] = {static_cast<unsigned long>(flag), 0, 0, 0, SIGCHLD};
                const long pid = ::syscall(SYS_clone3, arguments, sizeof arguments);
                if (pid == 0) ::_exit(0);
                if (pid > 0) ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
                return pid;
            });
        }
        attempt("unshare all", [&] { return ::syscall(SYS_unshare, all); });
        for (const char* name : {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"})
            for (const char* whose : {"1", "self", "thread-self"})
                attempt(std::string("setns ") + whose + " " + name, [&] {
                    const int fd =
                        ::open((std::string("/proc/") + whose + "/ns/" + name).c_str(), O_RDONLY | O_CLOEXEC);
                    return fd < 0 ? -1 : ::setns(fd, 0);
                });
        const int init = static_cast<int>(::syscall(SYS_pidfd_open, 1, 0));
        attempt("setns of init", [&] { return ::setns(init, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET); });
    }
    return tally.verdict();
}

int keys(const Words&) {
    Tally tally(true);
    constexpr int process = -2, session = -3, user = -4, user_session = -5;
    for (int round = 0; round < 3; round++) {
        for (const int ring : {process, session, user, user_session}) {
            tally("add_key " + text_of(ring), ::syscall(SYS_add_key, "user", "minirun-hostile", "secret", 6, ring));
            tally("add_key keyring " + text_of(ring),
                  ::syscall(SYS_add_key, "keyring", "minirun-hostile", nullptr, 0, ring));
            tally("request_key " + text_of(ring), ::syscall(SYS_request_key, "user", "minirun-hostile", nullptr, ring));
            // Operations 0 to 32: ids, reading, linking, searching, the keyring of the boot, Diffie-Hellman, watching.
            for (long operation = 0; operation <= 32; operation++)
                // Not revoking and clearing, nor what stays for days: a control does this, too.
                if (operation != 3 && operation != 7 && operation != 22)
                    tally("keyctl " + text_of(operation), ::syscall(SYS_keyctl, operation, ring, 0, 0, 0));
        }
        tally("join a session", ::syscall(SYS_keyctl, 1, "minirun-hostile"));
        tally("search", ::syscall(SYS_keyctl, 10, user, "user", "minirun-hostile", 0));
    }
    return tally.verdict();
}

// Of all families, or of those that are named.
int sockets(const Words& words) {
    Tally tally(true);
    std::set<long> families;
    for (const auto& word : words) families.insert(to_number(word).value_or(0));
    for (long family = 0; words.empty() && family < 64; family++) families.insert(family);
    for (int round = 0; round < 2; round++)
        for (const long family : families) {
            const bool allowed = family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK;
            for (const long type : {1, 2, 3, 4, 5, 6, 10}) {
                const bool raw = type == SOCK_RAW && (family == AF_INET || family == AF_INET6);
                const bool packet = type == SOCK_PACKET && family == AF_INET;
                if (allowed && !raw && !packet) continue;
                const auto name = text_of(family) + " " + text_of(type);
                for (const long protocol : {0L, 1L, 3L, 255L}) {
                    // Without a protocol, or with one above 255, a raw socket is refused for that.
                    if (raw && protocol == 0) continue;
                    const long bits = protocol == 1 ? SOCK_CLOEXEC | SOCK_NONBLOCK : 0,
                               high = protocol == 3 ? 1L << 32 : 0;
                    const int fd = static_cast<int>(
                        tally("socket " + name, ::syscall(SYS_socket, family | high, type | bits, protocol)));
                    if (fd >= 0) ::close(fd);
                }
                int pair[2];
                if (!allowed) tally("socketpair " + name, ::syscall(SYS_socketpair, family, type, 0, pair));
            }
        }
    return tally.verdict();
}

int io_urings(const Words&) {
    Tally tally(true);
    for (int round = 0; round < 3; round++) {
        for (const unsigned flags : {0U, 1U << 1 /* SQPOLL */, 1U << 6 /* R_DISABLED */, 1U << 12 | 1U << 13})
            for (const unsigned entries : {1U, 8U, 4096U}) {
                unsigned parameters[30] = {0, 0, flags};
                tally("io_uring_setup", ::syscall(SYS_io_uring_setup, entries, parameters));
            }
        tally("io_uring_enter", ::syscall(SYS_io_uring_enter, 1000, 1, 0, 0, nullptr, 0));
        tally("io_uring_register", ::syscall(SYS_io_uring_register, 1000, 0, nullptr, 0));
    }
    return tally.verdict();
}

// Types a command at whatever terminal there is.
int type_ahead(const Words&) {
    Tally tally;
    std::set<int> all;
    for (int fd = 0; fd < 64; fd++) all.insert(fd);
    for (const char* path : {"/dev/tty", "/dev/console", "/dev/pts/0", "/dev/pts/ptmx", "/proc/self/fd/0",
                             "/proc/self/fd/1", "/proc/self/fd/2", "/proc/1/fd/0", "/proc/1/fd/1", "/proc/1/fd/2"})
        all.insert(::open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK));
    for (const bool own_session : {false, true}) {
        if (own_session && ::fork() > 0) {
            int status = 0;
            ::wait(&status);
            return WEXITSTATUS(status);
        }
        if (own_session) ::setsid();
        for (const int fd : all)
            for (const char letter : std::string("echo hostile\n")) {
                ::ioctl(fd, TIOCSCTTY, own_session ? 1 : 0);
                tally("TIOCSTI", ::ioctl(fd, TIOCSTI, &letter));
                tally("TIOCSTI with more bits", ::syscall(SYS_ioctl, fd, TIOCSTI | 0xffffffffL << 32, &letter));
                const char paste = 3;
                tally("TIOCLINUX", ::ioctl(fd, TIOCLINUX, &paste));
                tally("TIOCCONS", ::ioctl(fd, TIOCCONS, 0));
            }
    }
    std::fflush(stdout);
    ::_exit(tally.verdict());
}

Tally* walk_tally = nullptr;
int open_for_writing(const char* path, const struct stat* status, int type, FTW*) {
    // Root may open what nobody may write; then there is nothing that would take it.
    if (type != FTW_F || !S_ISREG(status->st_mode) || (status->st_mode & 0222) == 0) return 0;
    const int fd = ::open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if ((*walk_tally)(fd < 0 ? "a file" : path, fd) >= 0) ::close(fd);
    return 0;
}

// Opens all settings of the kernel for writing, and writes nothing.
int settings(const Words& words) {
    Tally tally;
    walk_tally = &tally;
    for (const auto& top : words.empty() ? Words{"/proc/sys", "/sys", "/proc/irq", "/proc/fs", "/proc/bus",
                                                 "/proc/driver", "/proc/scsi", "/proc/self/root/proc/sys"}
                                         : words)
        ::nftw(top.c_str(), open_for_writing, 32, FTW_PHYS);
    for (const auto& name : names_in("/proc"))
        if (!to_number(name) && name != "self" && name != "thread-self") {
            const auto path = "/proc/" + name;
            struct stat status {};
            if (::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 0222) != 0)
                tally(path, ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK));
        }
    // What would be read for its secrets, and what would change another process.
    for (const char* path :
         {"/proc/kcore", "/proc/kmsg", "/sys/kernel/debug/.", "/sys/kernel/security/.", "/sys/fs/bpf/."})
        if (!contents(path).empty()) tally(path, 0);
    return tally.verdict();
}

// Files of procfs have one mode for all that mount it. This one tells nothing that matters, and the test puts it back.
int proc_modes(const Words&) {
    Tally tally;
    for (int round = 0; round < 3; round++) {
        tally("chmod", ::chmod("/proc/misc", 0400));
        tally("fchmodat", ::fchmodat(::open("/proc", O_PATH | O_CLOEXEC), "misc", 0400, 0));
        tally("fchmod", ::fchmod(::open("/proc/misc", O_RDONLY | O_CLOEXEC), 0400));
    }
    return tally.verdict();
}

int devices(const Words&) {
    Tally tally;
    struct Node {
        char type;
        unsigned major, minor;
    };
    constexpr Node nodes[] = {{'c', 1, 1},    {'c', 1, 2},    {'c', 1, 4},    {'c', 1, 11},   {'c', 10, 58},
                              {'c', 10, 200}, {'c', 10, 229}, {'c', 10, 232}, {'c', 10, 237}, {'c', 10, 183},
                              {'c', 89, 0},   {'b', 254, 0},  {'b', 253, 0},  {'b', 8, 0},    {'b', 259, 0},
                              {'b', 7, 0},    {'b', 1, 0},    {'c', 242, 0}};
    for (const auto& [type, major, minor] : nodes)
        for (const char* folder : {"/tmp", "/dev", "/dev/shm", "/dev/mqueue", "/home/tester"}) {
            const auto name = std::string(1, type) + text_of(major) + ":" + text_of(minor);
            const auto path = std::string(folder) + "/hostile-" + name;
            const int made = ::mknod(path.c_str(), static_cast<mode_t>((type == 'b' ? S_IFBLK : S_IFCHR) | 0666),
                                     makedev(major, minor));
            if (made < 0) {
                tally("mknod", -1);
                continue;
            }
            std::printf("made %s\n", path.c_str());
            for (const int flags : {O_RDONLY, O_WRONLY, O_RDWR}) {
                const int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
                if (tally("open " + name, fd) >= 0) ::close(fd);
            }
            ::unlink(path.c_str());
        }
    const std::set<std::string> known{"full", "null",   "random", "tty",   "urandom", "zero",   "console", "pts",
                                      "shm",  "mqueue", "fd",     "stdin", "stdout",  "stderr", "ptmx"};
    for (const auto& name : names_in("/dev"))
        if (!known.contains(name))
            tally("/dev/" + name, ::open(("/dev/" + name).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    for (const char* name : {"mem", "kmem", "port", "kmsg", "vda", "sda", "nvme0n1", "loop0", "loop-control", "kvm",
                             "fuse", "net/tun", "vhost-vsock"})
        tally(std::string("/dev/") + name,
              ::open((std::string("/dev/") + name).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    return tally.verdict();
}

// Calls of other architectures. The first one that the filter kills for is the last one.
int foreign_calls(const Words& words) {
#if defined(__x86_64__)
    const auto& how = words.at(0);
    std::fflush(stdout);
    long result = 0;
    if (how == "int80") {
        result = 20;  // getpid
        asm volatile("int $0x80" : "+a"(result)::"memory", "r8", "r9", "r10", "r11");
    } else if (how == "socketcall") {
        // What hides the family from the filter: socketcall(SOCKET, {AF_INET, SOCK_DGRAM, 0}), arguments below 4 GiB.
        auto* arguments = static_cast<unsigned*>(
            ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
        arguments[0] = AF_INET, arguments[1] = SOCK_DGRAM, arguments[2] = 0;
        result = 102;
        asm volatile("int $0x80" : "+a"(result) : "b"(1L), "c"(arguments) : "memory", "r8", "r9", "r10", "r11");
    } else if (how == "x32") {
        result = ::syscall(0x40000000L | SYS_getpid);
        if (result < 0) return stopped(0, "calls");
    }
    std::printf("through %ld\n", result);
    return result >= 0 ? got_through : 1;
#else
    (void)words;
    return nothing_tried;
#endif
}

constexpr Program programs[] = {
    {"mounts", mounts, 0},       {"namespaces", namespaces, 0},
    {"keys", keys, 0},           {"sockets", sockets, 0},
    {"io-urings", io_urings, 0}, {"type-ahead", type_ahead, 0},
    {"settings", settings, 0},   {"proc-modes", proc_modes, 0},
    {"devices", devices, 0},     {"foreign-calls", foreign_calls, 1},
};

}  // namespace

std::span<const Program> attacks_by_calls() { return programs; }

}  // namespace payload
