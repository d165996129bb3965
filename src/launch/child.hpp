// The child: from clone3 to execve.
#pragma once

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/fd.hpp"
#include "plan/step.hpp"

namespace minirun {

/// What the parent prepared for the child besides the plan.
struct ChildStart {
    int report_socket = -1;
    int parents_socket = -1;  ///< the other end, which this process inherited and must not keep
    int standard_streams[3] = {0, 1, 2};
    int user_namespace = -1;                 ///< Slot::userns
    int owned_namespaces[3] = {-1, -1, -1};  ///< Slot::network, ipc, uts
    const Fd* idmaps = nullptr;              ///< of the steps MakeIdmap, in their order
    const Fd* peers = nullptr;               ///< of the steps ClonePeer, in their order
    int start_listener = -1;                 ///< whom AwaitStart listens to, or -1: the parent says it
    sigset_t signal_mask = {};               ///< the mask to exec with
    std::int64_t* finished = nullptr;  ///< for each step the time at which it was done, shared with the parent; or null
    /// For a child in the parent's memory that splits off pid 1 (ForkInit): minirun-init, and a stack for the other
    /// one.
    int init_program = -1;
    std::span<std::byte> second_stack = {};
};

/// Executes the steps of phase child and child_final; the last one is Exec. Does not return: on failure one
/// ChildReport is sent and the process exits.
///
/// Everything here is async-signal-safe and allocates nothing, because the program that links libminirun may have
/// threads that held a lock when the clone was made. tools/check-child-symbols.py holds it to that.
[[noreturn]] void run_child(std::span<const Step> steps, const ChildStart& start) noexcept;

}  // namespace minirun
