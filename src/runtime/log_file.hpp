// What a container has written, in Docker's json-file form: an object a line, {"log":"text\n","stream":"stdout",
// "time":"2026-03-04T05:06:07.123456789Z"}, in FILE, and older ones in FILE.1, FILE.2, …
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "minirun/run_options.hpp"
#include "runtime/container_log.hpp"

namespace minirun {

/// Writes it. Whatever happens at whatever moment, the file holds whole lines but for the last; that one goes when the
/// file is opened again.
class LogFile : public ContainerLog {
public:
    /// Throws Error that names the file.
    LogFile(std::string path, const LogSetting& setting);

protected:
    void add_line(int stream, std::string_view line, Time time) override;
    void flush() override;

private:
    void open();
    void rotate();

    std::string path_;
    LogSetting setting_;
    Fd file_;
    std::uint64_t size_ = 0;
    std::string waiting_;  // lines that are not in the file yet
};

struct LogEntry {
    bool is_error = false;  ///< of standard error
    std::string text;       ///< with its end of line, if it has one
    std::string time;       ///< RFC 3339, UTC
};

/// Which of the entries are wanted.
struct LogRange {
    std::optional<std::size_t> last{};   ///< so many
    std::string since{}, until{};        ///< RFC 3339, UTC; or empty
    std::function<bool()> more_comes{};  ///< with it, what is yet to be written, too, as long as it says so
};

/// Calls `each` with the entries in their order. Throws Error that names the file.
void read_log(const std::string& path, const LogRange& range, const std::function<void(const LogEntry&)>& each);

}  // namespace minirun
