// How far a load is: a bar a layer on a terminal, a line a layer otherwise, nothing with -q.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "archive/load_progress.hpp"

namespace minirun {

/// What fits where standard error goes; null if `quiet`.
std::unique_ptr<LoadProgress> make_progress(bool quiet);

/// Bars of the layers that are at work, below a line for each one that is done, written to a terminal.
class ProgressBars : public LoadProgress {
public:
    explicit ProgressBars(int terminal) : terminal_(terminal) {}
    void begin(const std::string& layer, std::uint64_t size) override;
    void advance(const std::string& layer, std::uint64_t bytes) override;
    void end(const std::string& layer, const std::string& how) override;

private:
    struct Bar {
        std::string layer;
        std::uint64_t size, done = 0;
    };
    void draw(const std::string& line);

    int terminal_;
    std::mutex mutex_;
    std::vector<Bar> bars_;
    std::size_t drawn_ = 0;  ///< lines that the cursor is below the first bar
    std::chrono::steady_clock::time_point last_;
};

/// One bar on a line of at most `columns`.
std::string progress_bar(const std::string& name, std::uint64_t done, std::uint64_t size, std::size_t columns);

}  // namespace minirun
