// From a failed step to the sentence that a user can act on.
#pragma once

#include "minirun/error.hpp"
#include "plan/report.hpp"
#include "plan/step.hpp"

namespace minirun {

/// "cannot STEP: CAUSE (ERRNO)" with a hint where (step, errno) has a known way out.
Error step_error(const Plan& plan, const ChildReport& report);

}  // namespace minirun
