// The terminal of a container on its way to whoever serves it.
#pragma once

#include <string>

namespace minirun {

/// Sends the master of a terminal over the Unix socket at `path`, as runc's consoles do: its name, with the descriptor
/// beside it (SCM_RIGHTS). Throws Error that names the socket.
void send_console(const std::string& path, int master);

}  // namespace minirun
