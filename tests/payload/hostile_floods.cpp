// Attacks that take too much: memory, files, output.
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>

#include "hostile.hpp"

namespace payload {
namespace {

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

constexpr Program programs[] = {
    {"memory-bomb", memory_bomb, 1},   {"phoenix", phoenix, 0},       {"page-cache", page_cache, 0},
    {"output-flood", output_flood, 1}, {"file-flood", file_flood, 1}, {"inode-flood", inode_flood, 1},
    {"thicket", thicket, 0},
};

}  // namespace

std::span<const Program> attacks_that_flood() { return programs; }

}  // namespace payload
