#include "launch/delivery.hpp"

#include <chrono>
#include <csignal>
#include <ctime>
#include <sstream>
#include <string>

#include "base/text.hpp"
#include "kernel/cgroup_layout.hpp"
#include "minirun/error.hpp"
#include "network/network_namespace.hpp"

namespace minirun {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

std::uint64_t undelivered(const Fd& network) {
    std::uint64_t bytes = 0;
    in_network_namespace(network, [&] {
        for (const char* table : {"/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"})
            bytes += undelivered_in(read_kernel_file(table));
        return 0;
    });
    return bytes;
}

// False if somebody has asked to end meanwhile.
bool pause() {
    sigset_t ends;
    ::sigemptyset(&ends);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&ends, signal);
    constexpr timespec time{0, 10'000'000};
    return ::sigtimedwait(&ends, nullptr, &time) < 0;
}

}  // namespace

std::uint64_t undelivered_in(std::string_view table) {
    // States of a socket: closed here, and not all of it acknowledged; or closed by the other side only.
    constexpr unsigned fin_wait1 = 4, close_wait = 8, last_ack = 9, closing = 11;
    std::istringstream lines{std::string(table)};
    std::uint64_t bytes = 0;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string number, local, remote;
        unsigned state = 0;
        std::uint64_t sent = 0, received = 0;
        char colon = 0;
        if (!(words >> number >> local >> remote >> std::hex >> state >> sent >> colon >> received)) continue;
        if (state == fin_wait1 || state == last_ack || state == closing) bytes += sent;
        // pasta's end of a connection by the host's loopback. When it has read all, a MiB may still be in its pipe: it
        // closes its end when its client has read that, too, and closed.
        if (state == close_wait) bytes += received + 1;
    }
    return bytes;
}

void await_delivery(const Launched& launched, const Ending& ending) try {
    const bool killed = ending.process.signaled && ending.process.code == SIGKILL;
    if (!launched.network || ending.by != EndedBy::itself || killed) return;
    const auto end = Clock::now() + seconds(5);
    auto moved = Clock::now();
    std::uint64_t before = 0;
    while (const auto bytes = undelivered(launched.network)) {
        const auto now = Clock::now();
        if (bytes != before) moved = now;
        before = bytes;
        if (now >= end || now >= moved + seconds(1) || !pause()) return;
    }
} catch (const Error&) {
    // A namespace that cannot be looked into holds nothing up.
}

}  // namespace minirun
