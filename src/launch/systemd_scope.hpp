// A scope of systemd for a container that is not there yet.
//
// systemd makes a scope around a process. The container's is to be born in the scope's cgroup, so until then another
// one holds the place: a child of ours that does nothing.
#pragma once

#include "base/fd.hpp"
#include "plan/step.hpp"

namespace minirun {

class ScopeKeeper {
public:
    ScopeKeeper() = default;
    ~ScopeKeeper() { release(); }
    ScopeKeeper(const ScopeKeeper&) = delete;
    ScopeKeeper& operator=(const ScopeKeeper&) = delete;

    /// Returns when the scope is there. Throws Error with what systemd says.
    void start(const op::StartScope& step);
    /// The container's process is in it. A scope without any ends by itself.
    void release() noexcept;

private:
    Fd process_, awaited_;
};

/// Runs minirun-systemd with these words; see its source. Throws Error with what it says.
void run_systemd_program(const std::vector<std::string>& words);

}  // namespace minirun
