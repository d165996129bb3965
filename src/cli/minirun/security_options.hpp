// --security-opt of `minirun run`, Docker's words. All throw Error{usage} that names the option and the value, unless
// said otherwise.
#pragma once

#include <string>
#include <vector>

#include "minirun/run_options.hpp"

namespace minirun {

/// What mask= and unmask= add up to: absolute paths, or "ALL" for unmask.
struct MaskChanges {
    std::vector<std::string> mask, unmask;
};

/// "seccomp=FILE", "no-new-privileges", "mask=PATH:PATH", …. Throws Error{not_found} for a profile that is not there,
/// too.
void apply_security_option(RunOptions& options, MaskChanges& masks, const std::string& given);

/// When all options are read: the paths that are masked and read-only, from the default ones or, of a privileged
/// container, from none.
void settle_masks(RunOptions& options, const MaskChanges& masks);

}  // namespace minirun
