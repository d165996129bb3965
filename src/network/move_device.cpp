#include "network/move_device.hpp"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <exception>

#include "base/text.hpp"
#include "kernel/channel.hpp"
#include "kernel/process.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

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

Fd open_own_namespace() {
    Fd own(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!own) throw system_error("cannot open '/proc/self/ns/net'", errno);
    return own;
}

void refuse_own_namespace(const Fd& own, const Fd& other) {
    struct stat here {
    }, there{};
    if (::fstat(own.get(), &here) < 0 || ::fstat(other.get(), &there) < 0)
        throw system_error("cannot look at the container's network namespace", errno);
    if (here.st_dev == there.st_dev && here.st_ino == there.st_ino)
        throw Error(ErrorKind::bad_input, "the container is in the host's network namespace, where its devices are",
                    "leave .linux.netDevices out, or give the container another network namespace");
}

// A socket belongs to the namespace that its maker was in, and who has gone into another one may have no right to come
// back: so a process is sent.
Netlink connect_in(const Fd& network_namespace) {
    const auto pair = kernel::socket_pair();
    if (!pair) throw system_error("cannot make a socket pair", pair.error());
    const Fd here(pair.value().here);
    Fd there(pair.value().there);
    const auto sent = kernel::clone_process(0);
    if (!sent) throw system_error("cannot make a process", sent.error());
    if (sent.value().pid == 0) {
        int error = ::setns(network_namespace.get(), CLONE_NEWNET) < 0 ? errno : 0;
        const Fd socket(error == 0 ? netlink_socket() : -1);
        if (error == 0 && !socket) error = errno;
        (void)kernel::send_message(there.get(), &error, sizeof error, socket.get());
        kernel::exit_now(0);
    }
    const Fd process(sent.value().pidfd);
    there.reset();
    int error = EIO;
    const auto received = kernel::receive_message(here.get(), &error, sizeof error);
    (void)kernel::wait_pidfd(process.get());
    Fd socket(received ? received.value().fd : -1);
    if (!socket) throw system_error("cannot enter the container's network namespace", error == 0 ? EIO : error);
    return Netlink(std::move(socket));
}

}  // namespace

MovedDevice::Link MovedDevice::find(Netlink& netlink, const std::string& what, const std::string& device) {
    NetlinkBody body(ifinfomsg{});
    body.attribute(IFLA_IFNAME, c_string(device));
    const auto answers = netlink.ask(what, RTM_GETLINK, 0, body);
    if (answers.empty()) throw system_error(what, ENODEV);
    const auto header = header_of<ifinfomsg>(answers.front());
    return {header.ifi_index, (header.ifi_flags & IFF_UP) != 0};
}

std::vector<MovedDevice::Address> MovedDevice::addresses_of(Netlink& netlink, const std::string& what, int index) {
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

// With its addresses first: some of what listens to the kernel looks only once.
void MovedDevice::set_up(Netlink& netlink, const std::string& what, int index, bool up) const {
    for (auto address : addresses_) {
        address.header.ifa_index = static_cast<unsigned>(index);
        address.header.ifa_flags = IFA_F_PERMANENT;
        NetlinkBody body(address.header);
        if (!address.local.empty()) body.attribute(IFA_LOCAL, address.local);
        if (!address.address.empty()) body.attribute(IFA_ADDRESS, address.address);
        if (!address.broadcast.empty()) body.attribute(IFA_BROADCAST, address.broadcast);
        netlink.ask(cat("cannot give ", what, " its addresses"), RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body);
    }
    ifinfomsg link{};
    link.ifi_index = index;
    link.ifi_flags = up ? IFF_UP : 0;
    link.ifi_change = IFF_UP;
    netlink.ask(cat("cannot set up ", what), RTM_NEWLINK, 0, NetlinkBody(link));
}

MovedDevice::MovedDevice(const std::string& device, const Fd& network_namespace, const std::string& name)
    : device_(device),
      name_(name),
      own_namespace_(open_own_namespace()),
      here_(Fd(netlink_socket())),
      there_(connect_in(network_namespace)) {
    refuse_own_namespace(own_namespace_, network_namespace);
    const auto what = cat("the network device ", quote(device)), inside = cat(what, " in the container");
    const auto moving =
        cat("cannot move ", what, " into the container", name == device ? "" : cat(" as ", quote(name)));
    before_ = find(here_, moving, device);
    addresses_ = addresses_of(here_, moving, before_.index);
    ifinfomsg link{};
    link.ifi_index = before_.index;
    NetlinkBody move(link);
    move.number(IFLA_NET_NS_FD, network_namespace.get());
    move.attribute(IFLA_IFNAME, c_string(name));
    here_.ask(moving, RTM_NEWLINK, 0, move);
    moved_ = true;
    try {
        set_up(there_, inside, find(there_, cat("cannot find ", inside), name).index, true);
    } catch (...) {
        move_back();
        throw;
    }
}

MovedDevice::~MovedDevice() {
    if (!stays_ && own_namespace_) move_back();
}

void MovedDevice::move_back() {
    if (!std::exchange(moved_, false)) return;
    try {
        const auto what = cat("the network device ", quote(device_));
        const auto moving = cat("cannot move ", what, " back");
        ifinfomsg link{};
        link.ifi_index = find(there_, moving, name_).index;
        NetlinkBody move(link);
        move.number(IFLA_NET_NS_FD, own_namespace_.get());
        move.attribute(IFLA_IFNAME, c_string(device_));
        there_.ask(moving, RTM_NEWLINK, 0, move);
        set_up(here_, what, find(here_, moving, device_).index, before_.up);
    } catch (const std::exception&) {
        // It stays where it is; what has failed before is what is told.
    }
}

}  // namespace minirun
