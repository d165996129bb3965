#include "network/network_namespace.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <future>
#include <memory>
#include <set>
#include <thread>

#include "base/text.hpp"
#include "kernel/system_error.hpp"
#include "network/netlink.hpp"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

namespace minirun {
namespace {

constexpr const char* own_namespace = "/proc/thread-self/ns/net";

Fd open_namespace(const std::string& path) { return Fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)); }

// In a thread of its own: it ends in whatever namespace it is.
template <class F>
auto in_thread(F f) {
    std::packaged_task<decltype(f())()> task(std::move(f));
    auto result = task.get_future();
    std::thread(std::move(task)).join();
    return result.get();
}

std::uint64_t number_of(const Fd& network) {
    return in_thread([&] { return ::setns(network.get(), CLONE_NEWNET) < 0 ? 0 : network_namespace_number(); });
}

// One end of a pair; the kernel names the other.
void add_interface(Netlink& netlink, const std::string& name) {
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    NetlinkBody kind(rtattr{RTA_LENGTH(4), IFLA_INFO_KIND});
    std::string info = kind.bytes();
    info += "veth";
    NetlinkBody body(header);
    body.attribute(IFLA_IFNAME, std::string_view(name.c_str(), name.size() + 1));
    body.attribute(IFLA_LINKINFO, info);
    (void)netlink.ask(cat("cannot make the interface ", quote(name)), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body);
}

// Calls f with the path of each namespace that might be meant, until it says that it was.
template <class F>
void for_each_path(F f) {
    if (f(std::string(own_namespace))) return;
    for (const auto& [folder, rest] : {std::pair("/proc/", "/ns/net"), std::pair("/run/netns/", "")}) {
        const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder), ::closedir);
        while (const dirent* entry = entries ? ::readdir(entries.get()) : nullptr)
            if (entry->d_name[0] != '.' && f(cat(folder, entry->d_name, rest))) return;
    }
}

}  // namespace

std::uint64_t network_namespace_number() noexcept {
    const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    if (socket && ::getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0) return cookie;
    struct stat info {};
    return ::stat(own_namespace, &info) == 0 ? info.st_ino : 0;
}

Fd find_network_namespace(std::uint64_t number) {
    Fd found;
    if (number == 0) return found;
    std::set<ino_t> seen;
    for_each_path([&](const std::string& path) {
        auto network = open_namespace(path);
        struct stat info {};
        if (!network || ::fstat(network.get(), &info) < 0 || !seen.insert(info.st_ino).second) return false;
        if (number_of(network) != number) return false;
        found = std::move(network);
        return true;
    });
    return found;
}

Fd make_network_namespace(const std::vector<std::string>& interfaces) {
    return in_thread([&] {
        if (::unshare(CLONE_NEWNET) < 0) throw system_error("cannot make a network namespace", errno);
        Netlink netlink{Fd(netlink_socket())};
        for (const auto& name : interfaces) add_interface(netlink, name);
        auto made = open_namespace(own_namespace);
        if (!made) throw system_error("cannot open a network namespace", errno);
        return made;
    });
}

int in_network_namespace(const Fd& network, const std::function<int()>& act) {
    return in_thread([&] {
        if (::setns(network.get(), CLONE_NEWNET) < 0) throw system_error("cannot enter a network namespace", errno);
        return act();
    });
}

}  // namespace minirun
