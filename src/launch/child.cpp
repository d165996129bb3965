#include "launch/child.hpp"

#include <variant>

#include "kernel/channel.hpp"
#include "kernel/process.hpp"
#include "kernel/system_call.hpp"
#include "launch/child_steps.hpp"

namespace minirun {
namespace {

struct Walk {
    std::span<const Step> steps;
    const ChildStart& start;
    ChildSteps& execute;
    std::size_t at;

    // Whether that was not the last one: a step of which this returns false has failed.
    bool note(SysStatus done) noexcept {
        if (start.finished != nullptr) start.finished[at] = kernel::monotonic_nanoseconds();
        if (done) return ++at < steps.size();
        execute.report.step = static_cast<std::int32_t>(at);
        execute.report.error = done.error();
        (void)kernel::send_message(execute.report_socket(), &execute.report, sizeof execute.report);
        return false;
    }
    [[noreturn]] void go_on() noexcept {
        while (note(std::visit(execute, steps[at].operation))) {
        }
        // Only reached on failure: the last step is Exec. The parent reads the report, not this code.
        kernel::exit_now(125);
    }
};

// The process beside pid 1, on its own stack: what it was split off by is done.
void go_on_beside_init(void* walk) noexcept {
    auto& its = *static_cast<Walk*>(walk);
    if (its.note(its.execute.await_init())) its.go_on();
    kernel::exit_now(125);
}

}  // namespace

void run_child(std::span<const Step> steps, const ChildStart& start) noexcept {
    sys::close(start.parents_socket);
    // The plan says the mode of everything that is made; SetUmask comes last.
    sys::call(SYS_umask, 0);
    ChildSteps execute(start);
    Walk walk{steps, start, execute, 0};
    execute.beside_init = {&go_on_beside_init, &walk};
    walk.go_on();
}

}  // namespace minirun
