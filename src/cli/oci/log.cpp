#include "cli/oci/log.hpp"

#include <fcntl.h>
#include <syslog.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/fd.hpp"
#include "base/rfc3339.hpp"
#include "base/text.hpp"
#include "kernel/files.hpp"
#include "kernel/names.hpp"

namespace minirun {
namespace {

using Ordered = nlohmann::ordered_json;

std::string now() { return rfc3339(std::chrono::system_clock::now()); }

std::string json_text(std::string_view text) {
    return Ordered(std::string(text)).dump(-1, ' ', false, Ordered::error_handler_t::replace);
}

void write_syslog(std::string_view level, const std::string& line) {
    ::openlog("minirun-oci", LOG_PID, LOG_DAEMON);
    ::syslog(level == "error" ? LOG_ERR : LOG_WARNING, "%s", line.c_str());
    ::closelog();
}

// journald takes syslog's messages, too.
bool is_of_a_service(std::string_view place) { return place.starts_with("syslog:") || place.starts_with("journald:"); }

Fd open_log(std::string place) {
    if (place.starts_with("file:")) place.erase(0, 5);
    return Fd(::open(place.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
}

}  // namespace

void check_log(const OciSetting& setting) {
    if (setting.log.empty() || is_of_a_service(setting.log)) return;
    if (!open_log(setting.log))
        throw Error(ErrorKind::usage, cat("cannot write the log ", quote(setting.log), ": ", errno_text(errno)));
}

void write_log(const OciSetting& setting, std::string_view level, std::string_view message) {
    if (setting.log.empty()) return;
    if (is_of_a_service(setting.log)) return write_syslog(level, std::string(message));
    const auto line =
        setting.log_as_json
            ? cat("{\"level\":\"", level, "\",\"msg\":", json_text(message), ",\"time\":\"", now(), "\"}\n")
            : cat("time=\"", now(), "\" level=", level, " msg=", json_text(message), '\n');
    if (const auto file = open_log(setting.log)) (void)kernel::write_all(file.get(), line.data(), line.size());
}

std::string one_line(const Error& error) {
    return error.hint().empty() ? error.message() : cat(error.message(), " (", error.hint(), ')');
}

}  // namespace minirun
