#include "launch/cgroup_watch.hpp"

#include <unistd.h>

#include <algorithm>

#include "cgroup/usage.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr std::chrono::nanoseconds shortest_pause = std::chrono::milliseconds(2);
constexpr std::chrono::nanoseconds longest_pause = std::chrono::milliseconds(250);

std::optional<std::chrono::nanoseconds> used_by(const CgroupPlace* place) {
    const auto used = place == nullptr ? std::nullopt : cpu_time(*place);
    return used ? std::optional(std::chrono::nanoseconds(*used)) : std::nullopt;
}

// Time runs on each of them at once.
long cpus() { return std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)); }

}  // namespace

CgroupWatch::CgroupWatch(const CgroupPlace* place, const LaunchRequest& request) : place_(place) {
    const auto now = Clock::now();
    if (const auto limit = request.supervision.cpu_time) {
        const auto used = used_by(place);
        if (!used)
            throw Error(ErrorKind::unsupported,
                        "--cpu-time needs the cgroup controller cpuacct or cgroup v2, which this host does not have",
                        "--timeout limits the time by the clock");
        limit_ = *limit;
        at_start_ = *used;
        look_at_cpu_time(now);
    }
    if (request.accounting && place != nullptr && place->find("memory") != nullptr) next_memory_ = now + pause_;
}

std::optional<CgroupWatch::Clock::time_point> CgroupWatch::next() const {
    if (next_cpu_ && next_memory_) return std::min(*next_cpu_, *next_memory_);
    return next_cpu_ ? next_cpu_ : next_memory_;
}

void CgroupWatch::look() {
    const auto now = Clock::now();
    if (next_cpu_ && now >= *next_cpu_) look_at_cpu_time(now);
    if (next_memory_ && now >= *next_memory_) look_at_memory(now);
}

void CgroupWatch::look_at_cpu_time(Clock::time_point now) {
    used_ = used_by(place_).value_or(at_start_ + used_) - at_start_;
    next_cpu_ = now + std::max(shortest_pause, (limit_ - used_) / cpus());
}

void CgroupWatch::look_at_memory(Clock::time_point now) {
    if (const auto bytes = anonymous_memory(*place_)) anonymous_peak_ = std::max(anonymous_peak_.value_or(0), *bytes);
    pause_ = std::min(2 * pause_, longest_pause);
    next_memory_ = now + pause_;
}

}  // namespace minirun
