// What became of a container, for programs: the object that docs/report.schema.json describes.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "minirun/container.hpp"
#include "minirun/error.hpp"

namespace minirun {

using Report = nlohmann::ordered_json;

/// Of a container that ran. `image_id`: the digits, or empty.
Report report_of_run(const RunResult& result, const std::string& image, const std::string& image_id);
/// The same where no program of the image ran.
Report report_of_failure(const Error& error, std::chrono::system_clock::time_point started, const std::string& image);

/// On several lines, or with indent -1 on one. Bytes that are no UTF-8 are replaced.
std::string report_text(const Report& report, int indent = 2);

}  // namespace minirun
