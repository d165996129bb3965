#include "launch/child.hpp"

#include <variant>

#include "kernel/channel.hpp"
#include "kernel/process.hpp"
#include "kernel/system_call.hpp"
#include "launch/child_steps.hpp"

namespace minirun {

void run_child(std::span<const Step> steps, const ChildStart& start) noexcept {
    sys::close(start.parents_socket);
    // The plan says the mode of everything that is made; SetUmask comes last.
    sys::call(SYS_umask, 0);
    ChildSteps execute(start);
    for (std::size_t i = 0; i < steps.size(); i++) {
        const auto done = std::visit(execute, steps[i].operation);
        if (start.finished != nullptr) start.finished[i] = kernel::monotonic_nanoseconds();
        if (done) continue;
        execute.report.step = static_cast<std::int32_t>(i);
        execute.report.error = done.error();
        (void)kernel::send_message(execute.report_socket(), &execute.report, sizeof execute.report);
        break;
    }
    // Only reached on failure: the last step is Exec. The parent reads the report, not this code.
    kernel::exit_now(125);
}

}  // namespace minirun
