#include "launch/seccomp_listener.hpp"

#include <cerrno>
#include <string_view>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "kernel/process.hpp"
#include "kernel/system_call.hpp"
#include "kernel/system_error.hpp"
#include "launch/send_descriptor.hpp"

namespace minirun {

void pass_on_listener(const op::LoadSeccomp& step, pid_t pid, int number) {
    const Fd process(kernel::open_process(pid));
    const auto taken = process ? sys::value(SYS_pidfd_getfd, process.get(), number, 0) : SysResult<int>::failure(errno);
    if (!taken) throw system_error("cannot take the listener of the seccomp filter", taken.error());
    const Fd listener(taken.value());
    const std::string_view told(step.told.data(), step.told.size());
    const auto container = step.container == 0 ? pid : step.container;
    send_descriptor("the listener of the seccomp filter", step.listener,
                    cat(told, ",\"pid\":", container, "},\"pid\":", pid, "}"), listener.get());
}

}  // namespace minirun
