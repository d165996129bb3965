// Hooks: programs of the host that are told about a container (config.md "POSIX-platform Hooks").
#pragma once

#include <sys/types.h>

#include <string_view>
#include <vector>

#include "base/arena.hpp"
#include "base/fd.hpp"
#include "minirun/spec.hpp"
#include "plan/step.hpp"

namespace minirun {

/// The container of a hook that runs in namespaces of it (op::RunHook::namespaces).
struct HookPlace {
    int pidfd = -1;           ///< of a process of the container
    int user_namespace = -1;  ///< entered last, where the process itself is not in it yet
};

/// The step that runs one hook. `state` is the container's state as a JSON object without its closing brace and
/// without "pid"; `directory` is where a hook of the host starts.
op::RunHook hook_step(Arena& arena, const char* kind, const Hook& hook, std::string_view state,
                      std::string_view directory);

/// What a hook reads and writes: files in memory, since a hook may leave a process behind that holds on to its streams,
/// or not read what it is told.
class HookStreams {
public:
    HookStreams(std::string_view state, pid_t container);
    int input() const { return input_.get(); }
    int output() const { return output_.get(); }

private:
    Fd input_, output_;
};

/// Waits for the end of a hook's process. Throws Error that names the hook, how it ended, and its last words.
void await_hook(const op::RunHook& hook, const Fd& pidfd, const HookStreams& streams);

/// Runs it with the state, and `container` as its pid, on standard input, and waits for its end as await_hook() does.
void run_hook(const op::RunHook& hook, pid_t container, const HookPlace& place);

/// All of one kind, in their order, on the host, whatever becomes of each: what went wrong, a message each.
std::vector<std::string> run_all_hooks(const char* kind, const std::vector<Hook>& hooks, std::string_view state,
                                       std::string_view directory, pid_t container);

}  // namespace minirun
