#include "network/bridge_port.hpp"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/text.hpp"
#include "kernel/system_error.hpp"
#include "network/netlink.hpp"
#include "network/network_namespace.hpp"

namespace minirun {
namespace {

ifinfomsg about(int number) {
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = number;
    return header;
}

// A number among the attributes of one interface; 0 if it is not there.
int number_in(Netlink& netlink, const NetlinkBody& asked, std::uint16_t type) {
    int number = 0;
    for (const auto& answer : netlink.ask("cannot look at an interface", RTM_GETLINK, 0, asked)) {
        const auto value = netlink_attribute(answer, sizeof(ifinfomsg), type);
        if (value.size() == sizeof number) std::memcpy(&number, value.data(), sizeof number);
    }
    return number;
}

}  // namespace

int peer_of_interface(const Fd& network, const std::string& interface) {
    return in_network_namespace(network, [&] {
        Netlink netlink{Fd(netlink_socket())};
        NetlinkBody asked(about(0));
        asked.attribute(IFLA_IFNAME, std::string_view(interface.c_str(), interface.size() + 1));
        return number_in(netlink, asked, IFLA_LINK);
    });
}

void remove_bridge_port(const Fd& host, const std::string& bridge, int number) {
    (void)in_network_namespace(host, [&] {
        const auto master = ::if_nametoindex(bridge.c_str());
        Netlink netlink{Fd(netlink_socket())};
        const NetlinkBody asked(about(number));
        if (master != 0 && number_in(netlink, asked, IFLA_MASTER) == static_cast<int>(master))
            (void)netlink.ask("cannot remove an interface", RTM_DELLINK, 0, asked);
        return 0;
    });
}

}  // namespace minirun
