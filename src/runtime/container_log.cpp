#include "runtime/container_log.hpp"

#include <unistd.h>

#include <algorithm>

#include "runtime/journal_log.hpp"
#include "runtime/log_file.hpp"
#include "runtime/stored_container.hpp"

namespace minirun {

std::unique_ptr<ContainerLog> ContainerLog::of(const StoredContainer& container) {
    const auto& setting = container.facts().log;
    if (setting.journal) return std::make_unique<JournalLog>(container.facts());
    if (setting.kept) return std::make_unique<LogFile>(container.log_path(), setting);
    return nullptr;
}

void ContainerLog::write(int stream, std::string_view bytes) noexcept try {
    const auto time = std::chrono::system_clock::now();
    auto& begun = begun_[stream == STDERR_FILENO ? 1 : 0];
    while (!bytes.empty()) {
        const auto end = bytes.find('\n');
        const auto taken =
            std::min(end == std::string_view::npos ? bytes.size() : end + 1, longest_log_entry - begun.size());
        begun.append(bytes.substr(0, taken));
        bytes.remove_prefix(taken);
        if (begun.back() != '\n' && begun.size() < longest_log_entry) break;
        add_line(stream, begun, time);
        begun.clear();
    }
    flush();
} catch (...) {
    // Out of memory: better to lose a line than the container.
}

void ContainerLog::finish() noexcept try {
    const auto time = std::chrono::system_clock::now();
    for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
        auto& begun = begun_[stream == STDERR_FILENO ? 1 : 0];
        if (!begun.empty()) add_line(stream, begun, time);
        begun.clear();
    }
    flush();
    close();
} catch (...) {
    // As above.
}

}  // namespace minirun
