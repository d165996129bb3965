// System calls of this machine's native architecture: number and name, both ways.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace minirun {

/// "openat" -> 257 (on x86-64); nothing for a name that is unknown or belongs to other architectures only.
std::optional<int> syscall_number(std::string_view name);
/// 257 -> "openat"; "syscall 999" for a number without a known name.
std::string syscall_name(int number);

struct KnownSyscall {
    int number;
    std::string name;
};
/// All that have a name here, by ascending number.
std::vector<KnownSyscall> known_syscalls();

}  // namespace minirun
