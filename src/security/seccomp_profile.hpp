// A seccomp profile as data. One grammar reads both forms in use: that of the engines (archMap, includes, excludes)
// and config-linux.md "Seccomp" of the OCI runtime specification (architectures, flags).
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace minirun {

struct KernelVersion {
    unsigned major = 0, minor = 0;
    auto operator<=>(const KernelVersion&) const = default;
};
KernelVersion running_kernel_version();

/// The oldest kernel that minirun runs on: what is compiled at build time may rely on no more.
inline constexpr KernelVersion oldest_kernel{5, 11};

enum class ArgumentOp { not_equal, less, less_or_equal, equal, greater_or_equal, greater, masked_equal };

/// A comparison of one argument of a system call, all 64 bits, unsigned.
struct ArgumentTest {
    unsigned index = 0;  ///< 0 to 5
    ArgumentOp op = ArgumentOp::equal;
    std::uint64_t value = 0;      ///< of masked_equal: the mask
    std::uint64_t value_two = 0;  ///< of masked_equal only: what the argument has under the mask
    bool operator==(const ArgumentTest&) const = default;
};

struct SeccompRule {
    std::vector<std::string> names;
    std::uint32_t action = 0;  ///< SECCOMP_RET_* with its data
    /// The rule fits if all tests of any one of these hold. Without conditions: one that is empty.
    std::vector<std::vector<ArgumentTest>> any_of;
};

struct SeccompProfile {
    std::uint32_t default_action = 0;
    std::uint32_t flags = 0;         ///< SECCOMP_FILTER_FLAG_*
    bool notifies = false;           ///< there is an SCMP_ACT_NOTIFY among them
    std::vector<SeccompRule> rules;  ///< those whose includes and excludes fit
    /// All names, those of the other rules too: the system calls that the profile's author had in mind.
    std::vector<std::string> all_names;
    /// The capabilities on which includes and excludes depend (bit n is capability n).
    std::uint64_t relevant_capabilities = 0;
};

/// Names ("CAP_CHOWN", "chown") as a set of bits. Throws Error{bad_input} on an unknown name.
std::uint64_t seccomp_capability_mask(const std::vector<std::string>& names);

/// Who answers for SCMP_ACT_NOTIFY, of a profile that has been read without a problem.
struct SeccompListener {
    std::string path;      ///< of a Unix stream socket
    std::string metadata;  ///< for the listener
};
SeccompListener read_seccomp_listener(std::string_view text);

/// Reads a profile for this machine's architecture, a kernel and a container's bounding set. `file_name` is what
/// messages call the text. Throws Error{bad_input} with all problems, each with the path of its key.
///
/// Stricter than the engines where a mistake would open a hole: unknown keys ("arg" for "args" makes a rule
/// unconditional), unknown actions, operators, capabilities, architectures and flags are errors.
SeccompProfile read_seccomp_profile(std::string_view text, const std::string& file_name,
                                    const std::vector<std::string>& capabilities, KernelVersion kernel);

/// Whether a profile names the 32-bit architecture beside this machine's own among its `architectures` (Abi::compat).
/// By its text alone: reading a whole profile takes longer than the filter from the cache.
bool lists_compat_architecture(std::string_view text) noexcept;

}  // namespace minirun
