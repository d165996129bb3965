// What programs that attack have in common. Each tries what it is named after in variations and more than once, and
// tells what came of it: "through WHAT": that worked; "reached WHAT ERRNO": where a filter should have answered the
// kernel did. Exit code 42 for either, 0 if nothing worked, 98 if nothing was tried. What floods ends by itself (42) at
// a bound that no machine minds.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <new>
#include <set>
#include <span>

#include "payload.hpp"

// What is only tried may fail: others look at what came of it.
#pragma GCC diagnostic ignored "-Wunused-result"

namespace payload {

struct Program {
    const char* name;
    int (*run)(const Words&);
    std::size_t least;  // words that it needs
};
// By what they attack, a file each.
std::span<const Program> attacks_on_processes();
std::span<const Program> attacks_that_flood();
std::span<const Program> attacks_by_calls();
std::span<const Program> attacks_on_neighbours();

inline constexpr int got_through = 42, not_here = 97, nothing_tried = 98;
inline constexpr unsigned longest = 100;  // seconds that any of these processes lives
inline constexpr long megabyte = 1 << 20;

inline std::string text_of(long number) { return std::to_string(number); }

inline std::string contents(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    std::string text(8192, 0);
    const auto n = fd < 0 ? -1 : ::read(fd, text.data(), text.size());
    if (fd >= 0) ::close(fd);
    text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return text;
}

inline std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
    while (const dirent* entry = open ? ::readdir(open.get()) : nullptr)
        if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    return names;
}

inline std::vector<pid_t> visible_processes() {
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

inline long bound_of(const Words& words, std::size_t i, long otherwise) {
    return words.size() > i ? to_number(words[i]).value_or(otherwise) : otherwise;
}

// Where a limit stopped it, which is as it should be; and where its own bound did.
inline int stopped(long amount, const char* unit) {
    const int error = errno;
    std::printf("refused %s after %ld %s\n", error_name(error).c_str(), amount, unit);
    return 1;
}
inline int went_through(long amount, const char* unit) {
    std::printf("through %ld %s\n", amount, unit);
    return got_through;
}

inline std::atomic<long>& shared_counter() {
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) std::exit(71);
    return *new (page) std::atomic<long>(0);
}

inline void ignore_all_signals() {
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        if (signal != SIGALRM) std::signal(signal, SIG_IGN);
}

[[noreturn]] inline void live_long() {
    const auto end = ::time(nullptr) + longest;
    while (::time(nullptr) < end) ::sleep(1);
    ::_exit(0);
}

}  // namespace payload
