// A descriptor on its way to whoever serves it: a terminal, the listener of a seccomp filter.
#pragma once

#include <string>
#include <string_view>

namespace minirun {

/// Connects to the Unix stream socket at `path`, sends one message with the descriptor beside it (SCM_RIGHTS), and
/// closes the connection. Throws Error after 10 seconds in which nobody takes it, and otherwise, that names the socket,
/// and what was to be sent: "the terminal".
void send_descriptor(std::string_view what, const std::string& path, std::string_view message, int fd);

}  // namespace minirun
