#include "network/netlink.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kernel/system_error.hpp"

namespace minirun {
namespace {

constexpr std::size_t padding(std::size_t size) { return NLMSG_ALIGN(size) - size; }

// What the kernel says in one datagram, message by message; true behind the last one of the answer.
bool read_answers(std::string_view datagram, std::uint32_t sequence, const std::string& what,
                  std::vector<std::string>& answers) {
    while (datagram.size() >= sizeof(nlmsghdr)) {
        nlmsghdr header{};
        std::memcpy(&header, datagram.data(), sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size()) break;
        const auto body = datagram.substr(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN);
        datagram.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), datagram.size()));
        if (header.nlmsg_seq != sequence) continue;
        if (header.nlmsg_type == NLMSG_DONE) return true;
        if (header.nlmsg_type != NLMSG_ERROR) {
            answers.emplace_back(body);
            continue;
        }
        int error = 0;
        std::memcpy(&error, body.data(), sizeof error);
        if (error != 0) throw system_error(what, -error);
        return true;
    }
    return false;
}

}  // namespace

void NetlinkBody::append(std::string_view part) {
    bytes_ += part;
    bytes_.append(padding(bytes_.size()), '\0');
}

void NetlinkBody::attribute(std::uint16_t type, std::string_view value) {
    const rtattr header{static_cast<unsigned short>(RTA_LENGTH(value.size())), type};
    std::string text(reinterpret_cast<const char*>(&header), sizeof header);
    append(text.append(value));
}

std::string_view netlink_attribute(std::string_view answer, std::size_t header_size, std::uint16_t type) {
    auto rest = answer.substr(std::min(NLMSG_ALIGN(header_size), answer.size()));
    while (rest.size() >= sizeof(rtattr)) {
        rtattr header{};
        std::memcpy(&header, rest.data(), sizeof header);
        if (header.rta_len < sizeof header || header.rta_len > rest.size()) break;
        if (header.rta_type == type) return rest.substr(RTA_LENGTH(0), header.rta_len - RTA_LENGTH(0));
        rest.remove_prefix(std::min<std::size_t>(RTA_ALIGN(header.rta_len), rest.size()));
    }
    return {};
}

Netlink::Netlink() : socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
    if (!socket_) throw system_error("cannot reach the network configuration of the kernel", errno);
}

std::vector<std::string> Netlink::ask(const std::string& what, std::uint16_t type, std::uint16_t flags,
                                      const NetlinkBody& body) {
    // A dump ends by itself, everything else is acknowledged.
    const bool dump = (flags & NLM_F_DUMP) == NLM_F_DUMP;
    const nlmsghdr header{static_cast<std::uint32_t>(NLMSG_LENGTH(body.bytes().size())), type,
                          static_cast<std::uint16_t>(flags | NLM_F_REQUEST | (dump ? 0 : NLM_F_ACK)), ++sequence_, 0};
    std::string message(reinterpret_cast<const char*>(&header), sizeof header);
    message += body.bytes();
    if (::send(socket_.get(), message.data(), message.size(), 0) < 0) throw system_error(what, errno);
    std::vector<std::string> answers;
    std::string datagram(std::size_t{1} << 16, '\0');
    while (true) {
        const auto size = ::recv(socket_.get(), datagram.data(), datagram.size(), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) throw system_error(what, errno);
        if (read_answers({datagram.data(), static_cast<std::size_t>(size)}, sequence_, what, answers)) return answers;
    }
}

}  // namespace minirun
