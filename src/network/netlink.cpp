#include "network/netlink.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "kernel/system_error.hpp"

namespace minirun {
namespace {

constexpr std::size_t padding(std::size_t size) { return NLMSG_ALIGN(size) - size; }

// The number at the head of NLMSG_ERROR and NLMSG_DONE: 0, or -errno.
int error_of(std::string_view body) {
    int error = -EBADMSG;
    if (body.size() >= sizeof error) std::memcpy(&error, body.data(), sizeof error);
    return error > -4096 && error <= 0 ? -error : EBADMSG;
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

int netlink_socket() noexcept { return ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE); }

// One datagram, message by message; true behind the last one of the answer. Who has CAP_NET_ADMIN in the namespace can
// send to this socket as well: only the kernel's port is 0.
bool Netlink::receive(const std::string& what, std::vector<std::string>& answers, bool& changed) {
    std::string buffer(std::size_t{1} << 16, '\0');
    sockaddr_nl sender{};
    socklen_t length = sizeof sender;
    const auto size =
        ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&sender), &length);
    if (size < 0 && errno == EINTR) return false;
    if (size < 0) throw system_error(what, errno);
    if (length != sizeof sender || sender.nl_pid != 0) return false;
    std::string_view datagram(buffer.data(), static_cast<std::size_t>(size));
    while (datagram.size() >= sizeof(nlmsghdr)) {
        nlmsghdr header{};
        std::memcpy(&header, datagram.data(), sizeof header);
        if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > datagram.size()) break;
        const auto body = datagram.substr(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN);
        datagram.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), datagram.size()));
        if (header.nlmsg_seq != sequence_) continue;
        changed |= (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
        if (header.nlmsg_type != NLMSG_ERROR && header.nlmsg_type != NLMSG_DONE) {
            answers.emplace_back(body);
            continue;
        }
        if (const int error = error_of(body); error != 0) throw system_error(what, error);
        return true;
    }
    return false;
}

std::vector<std::string> Netlink::ask(const std::string& what, std::uint16_t type, std::uint16_t flags,
                                      const NetlinkBody& body) {
    // A dump ends by itself, everything else is acknowledged. One that others have changed under the kernel's hands may
    // lack something.
    const bool dump = (flags & NLM_F_DUMP) == NLM_F_DUMP;
    constexpr int attempts = 100;
    for (int i = 0; i < attempts; i++) {
        const nlmsghdr header{static_cast<std::uint32_t>(NLMSG_LENGTH(body.bytes().size())), type,
                              static_cast<std::uint16_t>(flags | NLM_F_REQUEST | (dump ? 0 : NLM_F_ACK)), ++sequence_,
                              0};
        std::string message(reinterpret_cast<const char*>(&header), sizeof header);
        message += body.bytes();
        if (::send(socket_.get(), message.data(), message.size(), 0) < 0) throw system_error(what, errno);
        std::vector<std::string> answers;
        bool changed = false;
        while (!receive(what, answers, changed)) {
        }
        if (!changed) return answers;
    }
    throw system_error(what, EAGAIN);
}

}  // namespace minirun
