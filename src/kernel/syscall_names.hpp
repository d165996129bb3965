// System calls of this machine: number and name, both ways.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace minirun {

/// The ways into the kernel that a program can be built for: each has numbers of its own.
enum class Abi {
    native,
    compat,  ///< of 32-bit programs; on x86-64 i386. Other architectures: has_compat is false, nothing has a number
};
#if defined(__x86_64__)
inline constexpr bool has_compat = true;
#else
inline constexpr bool has_compat = false;
#endif

/// "openat" -> 257 (on x86-64); nothing for a name that is unknown or belongs to other architectures only.
std::optional<int> syscall_number(std::string_view name, Abi abi = Abi::native);
/// 257 -> "openat"; "syscall 999" for a number without a known name.
std::string syscall_name(int number);

struct KnownSyscall {
    int number;
    std::string name;
};
/// All that have a name here, by ascending number.
std::vector<KnownSyscall> known_syscalls(Abi abi = Abi::native);

}  // namespace minirun
