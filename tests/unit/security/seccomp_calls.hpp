// Helpers of the seccomp tests: system calls as a filter sees them, and actions by name.
#pragma once

#include <linux/seccomp.h>

#include <cerrno>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "kernel/syscall_names.hpp"
#include "minirun/error.hpp"
#include "security/bpf.hpp"

namespace minirun::test {

inline constexpr std::uint32_t allow = SECCOMP_RET_ALLOW;
inline constexpr std::uint32_t killed = SECCOMP_RET_KILL_PROCESS;
inline constexpr std::uint32_t fail(int error) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error); }

template <std::convertible_to<std::uint64_t>... Arguments>
seccomp_data call(int number, Arguments... arguments) {
    seccomp_data data{number, native_audit_arch, 0x7f0012345678, {}};
    std::size_t i = 0;
    ((data.args[i++] = static_cast<__u64>(arguments)), ...);
    return data;
}

template <std::convertible_to<std::uint64_t>... Arguments>
seccomp_data call(std::string_view name, Arguments... arguments) {
    return call(syscall_number(name).value(), arguments...);
}

/// Values as they stand in registers.
template <std::convertible_to<std::uint64_t>... Values>
std::vector<__u64> registers(Values... values) {
    return {static_cast<__u64>(values)...};
}

/// The message of the Error that `action` throws, "no error" if it throws none.
template <class Action>
std::string error_of(Action&& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.message();
    }
    return "no error";
}

}  // namespace minirun::test
