#include "launch/seccomp_listener.hpp"

#include <cerrno>
#include <string_view>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "kernel/files.hpp"
#include "kernel/system_call.hpp"
#include "kernel/system_error.hpp"
#include "launch/send_descriptor.hpp"
#include "minirun/error.hpp"

namespace minirun {

Fd take_listener(const Fd& process, int number) {
    // What kernel::open_process() has instead of a pidfd is not good for this.
    const auto taken = kernel::is_directory(process.get()) ? SysResult<int>::failure(ENOSYS)
                                                           : sys::value(SYS_pidfd_getfd, process.get(), number, 0);
    if (!taken) throw system_error("cannot take the listener of the seccomp filter", taken.error());
    Fd listener(taken.value());
    // Whatever else it may be, nobody is to get it.
    if (read_link(cat("/proc/self/fd/", listener.get())) != "anon_inode:seccomp notify")
        throw Error(ErrorKind::system,
                    "what the container's process gave for the listener of its seccomp filter is none");
    return listener;
}

void pass_on_listener(const op::LoadSeccomp& step, const Fd& listener, pid_t pid) {
    const std::string_view told(step.told.data(), step.told.size());
    const auto container = step.container == 0 ? pid : step.container;
    send_descriptor("the listener of the seccomp filter", step.listener,
                    cat(told, ",\"pid\":", container, "},\"pid\":", pid, "}"), listener.get());
}

}  // namespace minirun
