#include "cli/image/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.hpp"
#include "cli/minirun/image_text.hpp"
#include "cli/render.hpp"
#include "kernel/files.hpp"

namespace minirun {
namespace {

constexpr std::string_view up = "\x1b[", lines_up = "A\r", clear_line = "\x1b[K", clear_below = "\x1b[J";
constexpr auto pause = std::chrono::milliseconds(100);

class ProgressLines : public LoadProgress {
public:
    void begin(const std::string& layer, std::uint64_t) override { say(layer, "unpacking"); }
    void advance(const std::string&, std::uint64_t) override {}
    void end(const std::string& layer, const std::string& how) override {
        if (!how.empty()) say(layer, how);
    }

private:
    void say(const std::string& layer, std::string_view what) { print_notice("minirun", cat(layer, ": ", what)); }
};

struct Size {
    std::size_t rows = 24, columns = 80;
};
Size size_of(int terminal) {
    winsize size{};
    if (::ioctl(terminal, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0) return {};
    return {size.ws_row, size.ws_col};
}

}  // namespace

std::string progress_bar(const std::string& name, std::uint64_t done, std::uint64_t size, std::size_t columns) {
    const auto part = size == 0 ? 1.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(size));
    const auto numbers = cat(decimal_size(done), '/', decimal_size(size));
    constexpr std::size_t around = sizeof " [] 999.9MB/999.9MB", shortest = 10, longest = 50;
    // A terminal goes on in the next line behind its last column.
    if (columns < name.size() + around + shortest)
        return cat(name, ' ', static_cast<int>(part * 100), '%').substr(0, columns - 1);
    const auto width = std::min(columns - name.size() - around, longest);
    const auto full = static_cast<std::size_t>(part * static_cast<double>(width));
    std::string bar(full, '=');
    if (full < width) bar += '>' + std::string(width - full - 1, ' ');
    return cat(name, " [", bar, "] ", numbers);
}

void ProgressBars::begin(const std::string& layer, std::uint64_t size) {
    const std::lock_guard lock(mutex_);
    bars_.push_back({layer, size});
    draw("");
}

void ProgressBars::advance(const std::string& layer, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    for (auto& bar : bars_)
        if (bar.layer == layer) bar.done = bytes;
    if (std::chrono::steady_clock::now() - last_ > pause) draw("");
}

void ProgressBars::end(const std::string& layer, const std::string& how) {
    const std::lock_guard lock(mutex_);
    const auto size = [&] {
        const auto bar = std::find_if(bars_.begin(), bars_.end(), [&](const Bar& one) { return one.layer == layer; });
        return bar == bars_.end() ? "" : decimal_size(bar->size);
    }();
    std::erase_if(bars_, [&](const Bar& bar) { return bar.layer == layer; });
    draw(cat(layer, ": ", how.empty() ? "unpacked " + size : how));
}

// From the first bar on anew, in one piece: what is done goes up and stays, the bars come below it.
void ProgressBars::draw(const std::string& line) {
    const auto [rows, columns] = size_of(terminal_);
    std::string text = drawn_ > 0 ? cat(up, drawn_, lines_up) : std::string();
    if (!line.empty()) text += cat(line.substr(0, columns - 1), clear_line, '\n');
    // More than fit could not be gone back over.
    const auto shown = std::min(bars_.size(), rows - 1);
    for (std::size_t i = 0; i < shown; i++)
        text += cat(progress_bar(bars_[i].layer, bars_[i].done, bars_[i].size, columns), clear_line, '\n');
    text += clear_below;
    drawn_ = shown;
    last_ = std::chrono::steady_clock::now();
    // A terminal that is gone is no reason to stop.
    (void)kernel::write_all(terminal_, text.data(), text.size());
}

std::unique_ptr<LoadProgress> make_progress(bool quiet) {
    if (quiet) return nullptr;
    const char* kind = std::getenv("TERM");
    const bool is_dumb = kind == nullptr || std::string_view(kind) == "dumb";
    if (::isatty(STDERR_FILENO) != 0 && !is_dumb) return std::make_unique<ProgressBars>(STDERR_FILENO);
    return std::make_unique<ProgressLines>();
}

}  // namespace minirun
