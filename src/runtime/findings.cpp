#include "runtime/findings.hpp"

#include <unistd.h>

#include <cstdio>

#include "launch/signals.hpp"
#include "minirun/error.hpp"
#include "runtime/container_changes.hpp"

namespace minirun {
namespace {

bool is_asked_to_end() { return pending_end_signal() != 0; }

}  // namespace

Findings::Findings(const RunOptions& options, const LaunchRequest& request)
    : options_(options), request_(request), artifacts_(options.artifacts) {
    check_changes_can_be_told(request);
}

void Findings::collect(const Launched& launched, RunResult& result) const {
    // None where there is no filter.
    if (options_.report_denied) result.denied_calls = launched.denials ? launched.denials->counts() : DeniedCalls();
    if (options_.report_diff) try {
            result.changes = changes_of(request_, launched.upper, is_asked_to_end);
        } catch (const Error& error) {
            ::dprintf(STDERR_FILENO, "minirun: --report-diff: %s\n", error.message().c_str());
        }
    result.artifacts = artifacts_.collect(launched.kept_mounts, is_asked_to_end);
    for (const auto& artifact : result.artifacts) {
        const auto remark = remark_on(artifact);
        if (!remark.empty() && (artifact.error || !options_.quiet))
            ::dprintf(STDERR_FILENO, "minirun: %s\n", remark.c_str());
    }
    // Such a signal has done its work. It must not end minirun before the report is written.
    if (options_.report_diff || !options_.artifacts.empty()) take_end_signals();
}

}  // namespace minirun
