#include "network/move_device.hpp"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>

#include <cerrno>
#include <cstring>

#include "base/text.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "network/netlink.hpp"

namespace minirun {
namespace {

template <class Header>
Header header_of(const std::string& answer) {
    Header header{};
    if (answer.size() >= sizeof header) std::memcpy(&header, answer.data(), sizeof header);
    return header;
}

// With the NUL that ends it: a name in a message of the kernel's has one.
std::string_view c_string(const std::string& text) { return {text.c_str(), text.size() + 1}; }

int index_of(Netlink& netlink, const std::string& what, const std::string& device) {
    NetlinkBody body(ifinfomsg{});
    body.attribute(IFLA_IFNAME, c_string(device));
    const auto answers = netlink.ask(what, RTM_GETLINK, 0, body);
    return answers.empty() ? 0 : header_of<ifinfomsg>(answers.front()).ifi_index;
}

// Requests that give the device, under another index, what addresses it has.
struct Address {
    ifaddrmsg header;
    std::string local, address, broadcast;
};
std::vector<Address> addresses_of(Netlink& netlink, const std::string& what, int index) {
    std::vector<Address> addresses;
    for (const auto& answer : netlink.ask(what, RTM_GETADDR, NLM_F_DUMP, NetlinkBody(ifaddrmsg{}))) {
        const auto header = header_of<ifaddrmsg>(answer);
        const bool kept = (header.ifa_flags & IFA_F_PERMANENT) != 0 && header.ifa_scope == RT_SCOPE_UNIVERSE;
        if (header.ifa_index != static_cast<unsigned>(index) || !kept) continue;
        const auto part = [&](std::uint16_t type) {
            return std::string(netlink_attribute(answer, sizeof header, type));
        };
        addresses.push_back({header, part(IFA_LOCAL), part(IFA_ADDRESS), part(IFA_BROADCAST)});
    }
    return addresses;
}

void add_address(Netlink& netlink, const std::string& what, int index, Address address) {
    address.header.ifa_index = static_cast<unsigned>(index);
    address.header.ifa_flags = IFA_F_PERMANENT;
    NetlinkBody body(address.header);
    if (!address.local.empty()) body.attribute(IFA_LOCAL, address.local);
    if (!address.address.empty()) body.attribute(IFA_ADDRESS, address.address);
    if (!address.broadcast.empty()) body.attribute(IFA_BROADCAST, address.broadcast);
    netlink.ask(what, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body);
}

// A socket belongs to the namespace that its maker was in.
Netlink connect_in(const Fd& network_namespace) {
    const Fd own(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!own || ::setns(network_namespace.get(), CLONE_NEWNET) < 0)
        throw system_error("cannot enter the container's network namespace", errno);
    try {
        Netlink netlink;
        ::setns(own.get(), CLONE_NEWNET);
        return netlink;
    } catch (...) {
        ::setns(own.get(), CLONE_NEWNET);
        throw;
    }
}

}  // namespace

void move_network_device(const std::string& device, const Fd& network_namespace, const std::string& name) {
    const auto what = cat("cannot move the network device ", quote(device), " into the container",
                          name == device ? "" : cat(" as ", quote(name)));
    Netlink here, there = connect_in(network_namespace);
    const int index = index_of(here, what, device);
    const auto addresses = addresses_of(here, what, index);

    ifinfomsg link{};
    link.ifi_index = index;
    NetlinkBody move(link);
    move.number(IFLA_NET_NS_FD, network_namespace.get());
    move.attribute(IFLA_IFNAME, c_string(name));
    here.ask(what, RTM_NEWLINK, 0, move);

    link.ifi_index = index_of(there, what, name);
    link.ifi_flags = IFF_UP;
    link.ifi_change = IFF_UP;
    for (const auto& address : addresses) add_address(there, what, link.ifi_index, address);
    there.ask(what, RTM_NEWLINK, 0, NetlinkBody(link));
}

}  // namespace minirun
