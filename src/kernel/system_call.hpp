// System calls as the kernel answers them: a value, or an errno with a minus sign.
//
// libc's wrappers keep the error in `errno`, which belongs to the thread. A child that shares its parent's memory
// (clone_process_in_memory) shares this thread's storage as well, while both are at work: one would read what the
// other one met. So nothing that the child runs calls libc's wrappers; tools/check-child-symbols.py holds it to that.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cstddef>
#include <type_traits>

#include "kernel/sys_result.hpp"

namespace minirun::sys {

/// The kernel's own answer; -4095 to -1 are errors.
long enter_kernel(long number, long a, long b, long c, long d, long e, long f) noexcept;

/// Starts `run(argument)` in the process that clone3(2) makes. `arguments` are its clone_args, of this size, which name
/// the stack to start on. Answers in the parent only; `run` must not return.
long clone3_on_stack(const void* arguments, std::size_t size, void (*run)(void*), void* argument) noexcept;

template <class Argument>
long as_register(Argument argument) noexcept {
    if constexpr (std::is_null_pointer_v<Argument>)
        return 0;
    else if constexpr (std::is_pointer_v<Argument>)
        return reinterpret_cast<long>(argument);
    else
        return static_cast<long>(argument);
}

/// syscall(2), but for the error.
template <class... Arguments>
long call(long number, Arguments... arguments) noexcept {
    static_assert(sizeof...(arguments) <= 6);
    const long all[6] = {as_register(arguments)...};
    return enter_kernel(number, all[0], all[1], all[2], all[3], all[4], all[5]);
}

template <class... Arguments>
SysStatus status(long number, Arguments... arguments) noexcept {
    const long answer = call(number, arguments...);
    return answer < 0 ? SysStatus::failure(static_cast<int>(-answer)) : SysStatus::success();
}

/// For a call that answers with a descriptor, or another small number.
template <class... Arguments>
SysResult<int> value(long number, Arguments... arguments) noexcept {
    const long answer = call(number, arguments...);
    return answer < 0 ? SysResult<int>::failure(static_cast<int>(-answer))
                      : SysResult<int>::success(static_cast<int>(answer));
}

// The calls that are made in many places.
inline SysResult<int> openat(int directory, const char* path, int flags, mode_t mode = 0) noexcept {
    return value(SYS_openat, directory, path, flags, mode);
}
inline SysResult<int> open(const char* path, int flags) noexcept { return openat(AT_FDCWD, path, flags); }
inline void close(int fd) noexcept { call(SYS_close, fd); }
inline SysStatus fchdir(int fd) noexcept { return status(SYS_fchdir, fd); }
inline SysStatus chdir(const char* path) noexcept { return status(SYS_chdir, path); }
inline SysStatus fstat(int fd, struct stat& info) noexcept { return status(SYS_fstat, fd, &info); }
template <class Argument>
SysResult<int> ioctl(int fd, unsigned long request, Argument argument) noexcept {
    return value(SYS_ioctl, fd, request, argument);
}
template <class... Arguments>
SysStatus prctl(int option, Arguments... arguments) noexcept {
    return status(SYS_prctl, option, arguments...);
}

}  // namespace minirun::sys
