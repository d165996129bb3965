// What a child says to its maker, read with care.
#pragma once

#include <sys/types.h>

#include <memory>

#include "base/fd.hpp"
#include "launch/denial_counter.hpp"
#include "plan/report.hpp"
#include "plan/step.hpp"

namespace minirun {

/// A step failed in the child. The caller may know more about it than the plan does (see exec_diagnosis.hpp).
class LaunchFailure {
public:
    explicit LaunchFailure(const ChildReport& child_report) : report(child_report) {}
    ChildReport report;
};

/// The first step of the child's in a plan.
std::size_t first_of_child(const Plan& plan);

/// The only step of its kind, or null.
template <class Operation>
const Operation* step_of(const Plan& plan) {
    for (const auto& step : plan.steps)
        if (const auto* found = std::get_if<Operation>(&step.operation)) return found;
    return nullptr;
}

/// Reads the reports of one child, and does what they ask for.
///
/// Who shares the child's pid namespace, and has CAP_SYS_PTRACE, can take its end of the socket or put words into its
/// mouth. So a message counts only if the kernel says that the child sent it, and only as what is due in its plan: the
/// rest is an Error, and what came with it is closed.
class ChildReports {
public:
    /// `socket` tells who sends (kernel::tell_senders()); `process` is the child, `pid` its number.
    ChildReports(const Plan& plan, int socket, pid_t pid, const Fd& process)
        : plan_(plan), socket_(socket), pid_(pid), process_(process) {}

    /// Until the child has come to a gate: it waits for "go", or to be started. Throws LaunchFailure, or Error: also
    /// where it has ended, or one of the signals that end minirun has come.
    void await_gate();
    /// Until it has exec'ed, or ended. Throws as above.
    void await_exec();
    /// The same where nobody but the child can hold its end of the socket (that of a clone, its twins of other threads
    /// hold as well): one whose end does not show there has been kept from its exec, which is an Error.
    void await_start();
    void send_go();

    /// The master of the terminal, if it has sent one.
    Fd terminal;
    /// The directory with the writable layer, if it has sent that (op::HandOverUpper).
    Fd upper;
    /// Who answers for its filter, from when it has handed over the listener (op::LoadSeccomp::counted).
    std::unique_ptr<DenialCounter> denials;

private:
    bool await(bool gate);
    bool await_message() const;
    bool is_from_child(pid_t sender) const;
    void pass_on(const ChildReport& report, pid_t sender);
    void check(const ChildReport& report, bool gate, bool has_descriptor) const;

    const Plan& plan_;
    int socket_;
    pid_t pid_;
    const Fd& process_;
    bool listener_passed_ = false;
    bool strict_ = false;
};

}  // namespace minirun
