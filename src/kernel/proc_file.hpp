// Files of /proc, which are written when they are read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace minirun::kernel {

/// The first 4096 bytes of one; empty if it is gone.
std::string read_proc(const std::string& path);

/// /proc/PID/stat of a process, or of this one ("self"), its fields by the numbers that proc(5) gives them.
class ProcessStat {
public:
    static constexpr std::size_t state = 3, parent = 4, start_time = 22;

    explicit ProcessStat(std::string_view pid);

    /// Field `number`, 3 or above, as it is written there; empty if there is no such process.
    std::string field(std::size_t number) const;
    /// The same as a number; 0 if there is none.
    std::uint64_t number(std::size_t number) const;

private:
    std::vector<std::string> fields_;  ///< behind the name, which may hold anything
};

}  // namespace minirun::kernel
