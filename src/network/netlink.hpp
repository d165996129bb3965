// Requests to the kernel's network configuration: rtnetlink(7).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.hpp"

namespace minirun {

/// The body of a request: the message's own struct, and attributes behind it.
class NetlinkBody {
public:
    template <class Header>
    explicit NetlinkBody(const Header& header) {
        append({reinterpret_cast<const char*>(&header), sizeof header});
    }
    void attribute(std::uint16_t type, std::string_view value);
    template <class Value>
    void number(std::uint16_t type, Value value) {
        attribute(type, {reinterpret_cast<const char*>(&value), sizeof value});
    }
    const std::string& bytes() const noexcept { return bytes_; }

private:
    void append(std::string_view part);
    std::string bytes_;
};

/// The attribute of this type in what follows the header of an answer; empty if it is not there.
std::string_view netlink_attribute(std::string_view answer, std::size_t header_size, std::uint16_t type);

/// A socket to the kernel of the network namespace that this process is in; -1 and errno.
int netlink_socket() noexcept;

/// A connection to the network namespace in which its socket was made, whoever uses it.
class Netlink {
public:
    explicit Netlink(Fd socket) : socket_(std::move(socket)) {}
    /// Sends one request (RTM_*, NLM_F_*) and returns the bodies of the kernel's answers. Throws Error that begins with
    /// `what`.
    std::vector<std::string> ask(const std::string& what, std::uint16_t type, std::uint16_t flags,
                                 const NetlinkBody& body);

private:
    bool receive(const std::string& what, std::vector<std::string>& answers, bool& changed);

    Fd socket_;
    std::uint32_t sequence_ = 0;
};

}  // namespace minirun
