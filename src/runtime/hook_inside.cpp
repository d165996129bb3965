#include "runtime/hook_inside.hpp"

#include "kernel/features.hpp"
#include "launch/child_process.hpp"
#include "launch/hooks.hpp"
#include "launch/launcher.hpp"
#include "launch/plan_from_request.hpp"
#include "launch/signals.hpp"
#include "runtime/driven_launch.hpp"

namespace minirun {

void run_hook_inside(const ContainerRecord& record, const JoinedProcess& joined, const Hook& hook,
                     const std::string& state) {
    const SignalsBlocked signals;
    auto process = joined.spec().process;
    process.terminal = false;
    process.args = hook.args.empty() ? std::vector<std::string>{hook.path} : hook.args;
    process.env = hook.env;
    auto request = join_request(record, joined, process);
    request.driven.joins_created = true;
    const HookStreams streams(state, record.pid());
    Arena arena;
    const auto step = hook_step(arena, "startContainer", hook, "", "");
    auto plan = plan_exec(request, features_for(request));
    // argv[0] is the hook's own affair, what is run is its path.
    for (auto& one : plan.steps) {
        if (auto* check = std::get_if<op::CheckCommand>(&one.operation)) check->candidates = {&step.path, 1};
        if (auto* exec = std::get_if<op::Exec>(&one.operation)) exec->candidates = {&step.path, 1};
    }
    auto launched = launch_or_explain(
        plan, request, {{streams.input(), streams.output(), streams.output()}, signals.before(), -1, nullptr});
    await_hook(step, launched.pidfd, streams);
}

}  // namespace minirun
