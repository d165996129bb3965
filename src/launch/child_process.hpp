// The child's process, from the clone until it is the container.
#pragma once

#include <mutex>
#include <span>

#include "base/fd.hpp"
#include "launch/child.hpp"
#include "plan/step.hpp"

namespace minirun {

/// Ends and reaps a process at the end of the scope, unless dismissed before.
class EndsProcess {
public:
    /// `pidfd` stays the caller's.
    explicit EndsProcess(const Fd& pidfd) noexcept : pidfd_(&pidfd) {}
    ~EndsProcess();
    EndsProcess(const EndsProcess&) = delete;
    EndsProcess& operator=(const EndsProcess&) = delete;
    void dismiss() noexcept { pidfd_ = nullptr; }

private:
    const Fd* pidfd_;
};

/// Our memory, lent to a child for its work until it has exec'ed or ended: with a stack of its own in it.
///
/// To one child at a time. What it does to the memory's owner is seen by all who are in it: it makes it non-dumpable
/// before it takes on a user of the container, who could otherwise read and write all of this program's memory by
/// ptrace(2); and what had been dumpable is so again when it has left.
class LentMemory {
public:
    LentMemory() = default;
    ~LentMemory();
    LentMemory(const LentMemory&) = delete;
    LentMemory& operator=(const LentMemory&) = delete;

    /// The stack; empty if another child is in our memory, or there is none left. `for_two`: with one more above it,
    /// for the child's child.
    std::span<std::byte> lend(bool for_two);
    std::span<std::byte> second_stack() const;

private:
    std::unique_lock<std::mutex> lock_;
    std::span<std::byte> mapped_;
    bool was_dumpable_ = false;
};

/// Runs the steps of the child in a new process, and ends it with itself unless that has been released.
class ChildProcess {
public:
    /// What it is given, and what that names, is to stay until it is released or gone.
    ChildProcess(const op::CloneProcess& step, std::span<const Step> steps, const ChildStart& start);

    /// 0, or why there is none.
    int error() const { return error_; }
    pid_t pid() const { return pid_; }
    const Fd& pidfd() const { return pidfd_; }
    /// It has exec'ed, and nothing of ours is its any more.
    Fd release() {
        ended_.dismiss();
        return std::move(pidfd_);
    }

private:
    static void run(void* self) noexcept;
    std::span<std::byte> lend_memory();
    void clone(const op::CloneProcess& step);

    std::span<const Step> steps_;
    ChildStart start_;
    int error_ = 0;
    pid_t pid_ = -1;
    Fd pidfd_;
    LentMemory memory_;
    EndsProcess ended_{pidfd_};  // before the memory is taken back
};

}  // namespace minirun
