#include "payload.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace payload {
namespace {

// A fault ends pid 1 too, which signals of its own do not.
int crash(const Words&) { __builtin_trap(); }

int exit_with(const Words& code) { return static_cast<int>(to_number(code.at(0)).value_or(64)); }

// Writes to a file until no more fits.
int fill(const Words& path) {
    const int fd = ::open(path.at(0).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    const std::string block(65536, 'x');
    long written = 0;
    int error = fd < 0 ? errno : 0;
    while (error == 0) {
        const auto n = ::write(fd, block.data(), block.size());
        if (n < 0) error = errno;
        if (n > 0) written += n;
    }
    std::printf("%s after %ld bytes\n", error_name(error).c_str(), written);
    return 0;
}

// Has so many bytes of anonymous memory for a second.
int hold_memory(const Words& bytes) {
    const std::vector<char> memory(static_cast<std::size_t>(to_number(bytes.at(0)).value_or(0)), 'x');
    ::sleep(1);
    return memory.back() == 'x' ? 0 : 71;
}

long zombies() {
    const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
    long count = 0;
    while (const dirent* entry = proc ? ::readdir(proc.get()) : nullptr) {
        const auto path = std::string("/proc/") + entry->d_name + "/stat";
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
        char state = 0;
        if (file && std::fscanf(file.get(), "%*d (%*[^)]) %c", &state) == 1 && state == 'Z') count++;
    }
    return count;
}

// Makes processes whose parents are gone when they end, and tells how many of them stay unreaped. All hold the pipe:
// its end says that all have ended.
int spawn_orphans(const Words& number) {
    const auto count = to_number(number.at(0)).value_or(1);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return 71;
    for (long i = 0; i < count; i++) {
        const pid_t parent = ::fork();
        if (parent == 0) ::_exit(::fork() < 0 ? 71 : 0);
        if (parent > 0) ::waitpid(parent, nullptr, 0);
    }
    ::close(ends[1]);
    char nothing = 0;
    while (::read(ends[0], &nothing, 1) > 0) continue;
    // A reaper is told of an end after it: it may need a moment.
    long left = zombies();
    for (int tries = 0; left > 0 && tries < 500; tries++) {
        ::usleep(10000);
        left = zombies();
    }
    std::printf("%ld of %ld orphans are zombies\n", left, count);
    return 0;
}

// A process in the background that holds none of the streams, while the first one ends.
int leave_behind(const Words&) {
    if (::fork() == 0) {
        ::setsid();
        for (int fd = 0; fd < 3; fd++) ::close(fd);
        while (true) ::pause();
    }
    std::puts("left one behind");
    return 0;
}

// To a filter: the call that is named, "437", or "157:35" with that first argument alone, does not exist.
void leave_out(std::vector<sock_filter>& program, std::string_view call) {
    const auto colon = std::min(call.find(':'), call.size());
    const auto number = static_cast<unsigned>(to_number(call.substr(0, colon)).value_or(-1));
    const auto argument = colon < call.size() ? to_number(call.substr(colon + 1)) : std::nullopt;
    program.push_back({BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)});
    program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, static_cast<unsigned char>(argument ? 3 : 1), number});
    if (argument) {
        program.push_back({BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, args)});
        program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, 1, static_cast<unsigned>(*argument)});
    }
    program.push_back({BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS});
}

// On the host: runs a program for which system calls do not exist, nor for what that runs. `without 437,442 minirun
// run …`. As root without no_new_privs, which would be something else again.
int without(const Words& words) {
    std::vector<sock_filter> program;
    for (std::size_t at = 0; at < words.at(0).size();) {
        const auto comma = std::min(words[0].find(',', at), words[0].size());
        leave_out(program, std::string_view(words[0]).substr(at, comma - at));
        at = comma + 1;
    }
    program.push_back({BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW});
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    std::vector<char*> argv;
    for (std::size_t i = 1; i < words.size(); i++) argv.push_back(const_cast<char*>(words[i].c_str()));
    argv.push_back(nullptr);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0) ::execvp(argv[0], argv.data());
    std::perror("payload without");
    return 71;
}

// One system call again and again, by its number and without arguments; 0 times: for ever. Signals come in between.
int call(const Words& words) {
    const auto number = to_number(words.at(0)).value_or(-1), times = to_number(words.at(1)).value_or(1);
    std::signal(SIGALRM, [](int) {});
    const itimerval often{{0, 2000}, {0, 2000}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
    int error = 0;
    for (long i = 0; times == 0 || i < times; i++) error = ::syscall(number) < 0 ? errno : 0;
    std::printf("%s\n", error_name(error).c_str());
    return 0;
}

struct Command {
    const char* name;
    int (*run)(const Words&);
    std::size_t least;  // words that it needs
};
constexpr Command commands[] = {
    {"facts", print_facts, 0},
    {"try", print_attempts, 1},
    {"overwrite-exe", overwrite_program_of, 1},
    {"exit", exit_with, 1},
    {"crash", crash, 0},
    {"raise", raise_signal, 1},
    {"wait", wait_for_ever, 0},
    {"survive", survive, 0},
    {"ignore", ignore_signals, 1},
    {"catch", catch_signals, 1},
    {"sigwait", take_signals, 1},
    {"winsize", watch_window_size, 1},
    {"orphans", spawn_orphans, 1},
    {"leave-behind", leave_behind, 0},
    {"fill", fill, 1},
    {"hold-memory", hold_memory, 1},
    {"call", call, 2},
    {"without", without, 2},
    {"hostile", attack, 1},
};

}  // namespace
}  // namespace payload

int main(int argc, char** argv) {
    const payload::Words words(argv + 1, argv + argc);
    for (const auto& command : payload::commands)
        if (!words.empty() && words[0] == command.name && words.size() > command.least)
            return command.run({words.begin() + 1, words.end()});
    std::fputs("usage: payload COMMAND …; the table at the end of payload.cpp lists them\n", stderr);
    return 64;
}
