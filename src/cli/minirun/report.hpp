// minirun run --report: what became of a container, for programs.
#pragma once

#include <chrono>
#include <string>

#include "base/fd.hpp"
#include "minirun/container.hpp"
#include "minirun/error.hpp"

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

/// docs/report.schema.json says what it holds.
std::string report_of_run(const RunResult& result, const std::string& image, const std::string& image_id);
/// The same where no program of the image ran.
std::string report_of_failure(const Error& error, std::chrono::system_clock::time_point started,
                              const std::string& image);

}  // namespace minirun
