#include "network/host_routes.hpp"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/fd.hpp"
#include "kernel/system_error.hpp"
#include "network/netlink.hpp"

namespace minirun {
namespace {

std::string interface_of(std::string_view answer) {
    const auto number = netlink_attribute(answer, sizeof(rtmsg), RTA_OIF);
    unsigned index = 0;
    char name[IF_NAMESIZE] = {};
    if (number.size() == sizeof index) std::memcpy(&index, number.data(), sizeof index);
    return ::if_indextoname(index, name) == nullptr ? "" : name;
}

}  // namespace

std::vector<HostRoute> host_routes() {
    const char* const what = "cannot list the host's routes";
    Netlink netlink{Fd(netlink_socket())};
    rtmsg header{};
    header.rtm_family = AF_UNSPEC;
    std::vector<HostRoute> routes;
    for (const auto& answer : netlink.ask(what, RTM_GETROUTE, NLM_F_DUMP, NetlinkBody(header))) {
        rtmsg route{};
        if (answer.size() < sizeof route) continue;
        std::memcpy(&route, answer.data(), sizeof route);
        const auto destination = netlink_attribute(answer, sizeof route, RTA_DST);
        const bool v6 = route.rtm_family == AF_INET6;
        const bool is_unicast = route.rtm_type == RTN_UNICAST || route.rtm_type == RTN_LOCAL;
        if (!is_unicast || route.rtm_dst_len == 0 || destination.size() != (v6 ? 16U : 4U)) continue;
        HostRoute one{{{v6, {}}, route.rtm_dst_len}, interface_of(answer)};
        std::memcpy(one.range.first.bytes.data(), destination.data(), destination.size());
        routes.push_back(std::move(one));
    }
    return routes;
}

}  // namespace minirun
