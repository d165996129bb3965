// Things a container should or should not be able to do: each is tried in a process of its own, and what came of it is
// told as "ok", the errno's name, or "killed by SIGNAL".
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "payload.hpp"

namespace payload {
namespace {

// An attempt with its parts: "socket:AF_INET:2" is {"socket", "AF_INET", "2"}.
struct Attempt {
    Words parts;
    const std::string& text(std::size_t i) const {
        static const std::string empty;
        return i < parts.size() ? parts[i] : empty;
    }
    long number(std::size_t i, long otherwise = 0) const {
        return i < parts.size() ? to_number(parts[i]).value_or(otherwise) : otherwise;
    }
};

struct Named {
    const char* name;
    long value;
};

constexpr Named families[] = {
    {"AF_UNIX", AF_UNIX},     {"AF_INET", AF_INET}, {"AF_INET6", AF_INET6},         {"AF_NETLINK", AF_NETLINK},
    {"AF_PACKET", AF_PACKET}, {"AF_ALG", AF_ALG},   {"AF_VSOCK", AF_VSOCK},         {"AF_KEY", AF_KEY},
    {"AF_RXRPC", AF_RXRPC},   {"AF_XDP", 44},       {"AF_BLUETOOTH", AF_BLUETOOTH}, {"AF_TIPC", AF_TIPC},
};

constexpr Named namespace_flags[] = {
    {"mount", CLONE_NEWNS}, {"pid", CLONE_NEWPID},   {"network", CLONE_NEWNET},   {"uts", CLONE_NEWUTS},
    {"ipc", CLONE_NEWIPC},  {"user", CLONE_NEWUSER}, {"cgroup", CLONE_NEWCGROUP},
};

// Called with the arguments that the attempt names, 0 for the others: enough to tell a filter's answer, which comes
// before the kernel looks at them.
constexpr Named plain_calls[] = {
    {"keyctl", SYS_keyctl},
    {"add_key", SYS_add_key},
    {"request_key", SYS_request_key},
    {"bpf", SYS_bpf},
    {"io_uring_setup", 425},
    {"userfaultfd", SYS_userfaultfd},
    {"perf_event_open", SYS_perf_event_open},
    {"vmsplice", SYS_vmsplice},
    {"open_by_handle_at", SYS_open_by_handle_at},
    {"ptrace", SYS_ptrace},
    {"process_vm_readv", SYS_process_vm_readv},
    {"mount", SYS_mount},
    {"umount2", SYS_umount2},
    {"pivot_root", SYS_pivot_root},
    {"fsopen", 430},
    {"open_tree", 428},
    {"mount_setattr", 442},
    {"setns", SYS_setns},
    {"clone3", 435},
    {"init_module", SYS_init_module},
    {"kexec_load", SYS_kexec_load},
    {"reboot", SYS_reboot},
    {"swapon", SYS_swapon},
    {"settimeofday", SYS_settimeofday},
    {"syslog", SYS_syslog},
    {"acct", SYS_acct},
    {"sethostname", SYS_sethostname},
    {"setpriority", SYS_setpriority},
    {"personality", SYS_personality},
    {"chroot", SYS_chroot},
    {"getpid", SYS_getpid},
};

template <std::size_t Size>
const Named* find(const Named (&table)[Size], const std::string& name) {
    for (const auto& entry : table)
        if (name == entry.name) return &entry;
    return nullptr;
}

template <std::size_t Size>
long value_of(const Named (&table)[Size], const Attempt& attempt, std::size_t i) {
    const auto* entry = find(table, attempt.text(i));
    return entry != nullptr ? entry->value : attempt.number(i);
}

long try_socket(const Attempt& a) {
    return ::socket(static_cast<int>(value_of(families, a, 1)), static_cast<int>(a.number(2, SOCK_STREAM)),
                    static_cast<int>(a.number(3)));
}

long try_unshare(const Attempt& a) { return ::unshare(static_cast<int>(value_of(namespace_flags, a, 1))); }

// The raw call with a child that ends at once.
long try_clone(const Attempt& a) {
    const long pid = syscall(SYS_clone, value_of(namespace_flags, a, 1) | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) ::_exit(0);
    if (pid > 0) ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
    return pid;
}

// tiocsti:HIGH has HIGH in the upper half of the request, which the kernel does not look at.
long try_tiocsti(const Attempt& a) {
    const char letter = 'x';
    return syscall(SYS_ioctl, a.number(2), TIOCSTI | a.number(1) << 32, &letter);
}

long try_mknod(const Attempt& a) {
    const auto type = a.text(2) == "b" ? S_IFBLK : S_IFCHR;
    return ::mknod(a.text(1).c_str(), static_cast<mode_t>(type | 0600),
                   makedev(static_cast<unsigned>(a.number(3)), static_cast<unsigned>(a.number(4))));
}

long try_open(const Attempt& a) {
    int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    if (a.text(2) == "w") flags |= O_WRONLY;
    if (a.text(2) == "rw") flags |= O_RDWR;
    if (a.text(2) == "create") flags |= O_WRONLY | O_CREAT;
    return ::open(a.text(1).c_str(), flags, 0644);
}

// Reading can be refused where opening is not, and a write to a file of /proc may only then be looked at.
long try_read(const Attempt& a) {
    const int fd = ::open(a.text(1).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char byte = 0;
    return fd < 0 ? fd : ::read(fd, &byte, 1);
}
long try_write(const Attempt& a) {
    const int fd = ::open(a.text(1).c_str(), O_WRONLY | O_CLOEXEC);
    return fd < 0 ? fd : ::write(fd, a.text(2).data(), a.text(2).size());
}

// The way out of a chroot(2): a root below the working directory, from where ".." leads on. Opens a path of the host's
// at the top, and before that takes off what is mounted there, as far as it may.
long try_climb(const Attempt& a) {
    if (a.text(2) == "umount") ::umount2("/", MNT_DETACH);
    ::mkdir("/tmp/below", 0755);
    if (::chroot("/tmp/below") < 0) return -1;
    for (int i = 0; i < 100; i++)
        if (::chdir("..") < 0) return -1;
    return ::chroot(".") < 0 ? -1 : ::open(a.text(1).c_str(), O_PATH | O_CLOEXEC);
}

long try_remount(const Attempt& a) {
    return ::mount("none", a.text(1).c_str(), nullptr, MS_REMOUNT | MS_BIND, nullptr);
}

// The 32-bit entry, where numbers mean other calls: 20 is getpid.
long try_int80(const Attempt&) {
#if defined(__x86_64__)
    long result = 20;
    asm volatile("int $0x80" : "+a"(result)::"memory", "r8", "r9", "r10", "r11");
    return result;
#else
    errno = ENOTSUP;
    return -1;
#endif
}

struct Kind {
    const char* name;
    long (*run)(const Attempt&);
};
constexpr Kind kinds[] = {
    {"socket", try_socket},
    {"unshare", try_unshare},
    {"clone", try_clone},
    {"tiocsti", try_tiocsti},
    {"mknod", try_mknod},
    {"open", try_open},
    {"read", try_read},
    {"write", try_write},
    {"remount", try_remount},
    {"climb", try_climb},
    {"int80", try_int80},
    {"chmod", [](const Attempt& a) -> long { return ::chmod(a.text(1).c_str(), static_cast<mode_t>(a.number(2))); }},
    {"chown", [](const Attempt& a) -> long { return ::chown(a.text(1).c_str(), 1, 1); }},
    {"mkdir", [](const Attempt& a) -> long { return ::mkdir(a.text(1).c_str(), 0755); }},
    {"kill", [](const Attempt& a) -> long { return ::kill(static_cast<pid_t>(a.number(1)), 0); }},
    {"nr", [](const Attempt& a) { return syscall(a.number(1), a.number(2), a.number(3), a.number(4)); }},
};

long run(const Attempt& attempt) {
    for (const auto& kind : kinds)
        if (attempt.text(0) == kind.name) return kind.run(attempt);
    if (const auto* call = find(plain_calls, attempt.text(0)))
        return syscall(call->value, attempt.number(1), attempt.number(2), attempt.number(3), attempt.number(4));
    std::fprintf(stderr, "payload: there is no attempt %s\n", attempt.text(0).c_str());
    std::exit(64);
}

Words split_parts(const std::string& text) {
    Words parts(1);
    for (const char c : text) {
        if (c == ':')
            parts.emplace_back();
        else
            parts.back() += c;
    }
    return parts;
}

// The child tells the errno by exit code; 0 is success.
std::string outcome_of(const std::string& text) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        const auto result = run({split_parts(text)});
        ::_exit(result < 0 ? errno : 0);
    }
    int status = 0;
    if (pid < 0 || ::waitpid(pid, &status, 0) != pid) return "cannot fork";
    if (WIFSIGNALED(status)) return "killed by SIG" + signal_name(WTERMSIG(status));
    return WEXITSTATUS(status) == 0 ? "ok" : error_name(WEXITSTATUS(status));
}

}  // namespace

int print_attempts(const Words& attempts) {
    JsonObject object;
    for (const auto& attempt : attempts) object.add(attempt, json(outcome_of(attempt)));
    std::puts(object.text().c_str());
    return 0;
}

// The attack of CVE-2019-5736: reach the program of a process of the runtime's through /proc and write to it. Each
// step that is refused is told; "opened" means that the attack would have worked.
int overwrite_program_of(const Words& words) {
    const auto exe = "/proc/" + words.at(0) + "/exe";
    JsonObject object;
    const auto tell = [&](const char* step, int fd) { object.add(step, json(fd < 0 ? error_name(errno) : "opened")); };
    const int readable = ::open(exe.c_str(), O_RDONLY | O_CLOEXEC);
    tell("read", readable);
    tell("path", ::open(exe.c_str(), O_PATH | O_CLOEXEC));
    tell("write", ::open(exe.c_str(), O_WRONLY | O_CLOEXEC));
    tell("memory", ::open(("/proc/" + words.at(0) + "/mem").c_str(), O_RDWR | O_CLOEXEC));
    if (readable >= 0)
        tell("write by descriptor", ::open(("/proc/self/fd/" + std::to_string(readable)).c_str(), O_WRONLY));
    std::puts(object.text().c_str());
    return 0;
}

}  // namespace payload
