// Where the report of a run goes.
#pragma once

#include <string>

namespace minirun {

/// Where a report goes. Looked at before the container runs, so that none is run whose report could not be written.
class ReportTarget {
public:
    /// "FILE", "-" (standard output) or "fd:N"; empty: nowhere. Throws Error.
    explicit ReportTarget(const std::string& where);
    /// A file appears whole. Throws Error.
    void write(const std::string& text) const;
    bool is_wanted() const { return !file_.empty() || descriptor_ >= 0; }

private:
    std::string file_;
    int descriptor_ = -1;
};

}  // namespace minirun
