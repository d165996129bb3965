// Compiled seccomp filters on disk: reading and compiling a profile takes longer than most steps of a start.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "security/seccomp.hpp"

namespace minirun {

/// compile_seccomp() with a memory: `cache_dir` is made (0700) if it is missing; empty means no cache.
///
/// A file of the cache is used only if it belongs to this user, nobody else can write to it or to the directory, and
/// it holds this very profile, capability set, kernel and format, not just their hash. Otherwise it is written anew.
/// That the cache cannot be used is never an error.
SeccompFilter cached_seccomp(std::string_view profile_text, const std::string& file_name,
                             const std::vector<std::string>& capabilities, const std::string& cache_dir,
                             bool compat = false);

/// The filter for a container: the one compiled at build time if it is the right one, otherwise cached_seccomp().
SeccompFilter seccomp_filter(std::string_view profile_text, const std::vector<std::string>& capabilities,
                             const std::string& cache_dir, bool compat = false);

}  // namespace minirun
