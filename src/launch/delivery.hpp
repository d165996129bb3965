// What a container has sent last.
#pragma once

#include <cstdint>
#include <string_view>

#include "launch/launcher.hpp"
#include "launch/supervise.hpp"

namespace minirun {

/// After a container's end its kernel buffers, or pasta's, may still have answers that their readers have not got: they
/// would be lost with its network, and the readers not even told. Returns when all have been delivered, when nothing
/// has moved for a second, after five, or when minirun is to end. A container that was killed has nothing to add.
///
/// The caller has all signals blocked.
void await_delivery(const Launched& launched, const Ending& ending);

/// How much is on its way, by the text of /proc/net/tcp or tcp6 of a network namespace whose container has ended. 0
/// only if there is nothing.
std::uint64_t undelivered_in(std::string_view table);

}  // namespace minirun
