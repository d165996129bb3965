#include "launch/child_reports.hpp"

#include <poll.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>

#include "base/text.hpp"
#include "kernel/channel.hpp"
#include "kernel/files.hpp"
#include "kernel/names.hpp"
#include "kernel/proc_file.hpp"
#include "kernel/process.hpp"
#include "kernel/system_error.hpp"
#include "launch/seccomp_listener.hpp"
#include "launch/signals.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

bool is_ready(int fd, int timeout) {
    pollfd one{fd, POLLIN, 0};
    return ::poll(&one, 1, timeout) > 0;
}

Error no_report() {
    return {ErrorKind::system, "something else than its report came from the container's process",
            "another process that shares its pid namespace may have taken its place"};
}

Error ended_early() {
    return {ErrorKind::system, "the container's process ended before its program was started",
            "somebody has killed it, or a limit on its memory is too low"};
}

// Blocked as they are (SignalsBlocked), they would have to wait for the child.
void refuse_to_wait_on() {
    if (const int signal = pending_end_signal(); signal != 0)
        throw Error(ErrorKind::system,
                    cat("ended by ", signal_name(signal), " before the container's program was started"));
}

}  // namespace

std::size_t first_of_child(const Plan& plan) {
    std::size_t i = 0;
    while (plan.steps[i].phase != Phase::child) i++;
    return i;
}

void ChildReports::send_go() {
    // EPIPE: a child that has failed already does not hear it; what it reported is still there to be read.
    if (const auto sent = kernel::send_message(socket_, "", 1); !sent && sent.error() != EPIPE)
        throw system_error("cannot tell the child to go on", sent.error());
}

void ChildReports::await_gate() {
    if (!await(true)) throw ended_early();
}

void ChildReports::await_exec() { await(false); }

void ChildReports::await_start() {
    strict_ = true;
    await(false);
}

// False: it has ended, and says no more. While somebody else holds its end of the socket, that does not show there.
bool ChildReports::await_message() const {
    constexpr int milliseconds = 200;
    // What stands for a pidfd where there is none cannot be waited for.
    const bool is_pidfd = !kernel::is_directory(process_.get());
    std::array<pollfd, 3> all{pollfd{socket_, POLLIN, 0}, pollfd{is_pidfd ? process_.get() : -1, POLLIN, 0}};
    while (true) {
        all[2] = {denials ? denials->fd() : -1, POLLIN, 0};
        const int ready = ::poll(all.data(), all.size(), milliseconds);
        // Under its filter, what is left to do before it execs can be denied, too: it waits for the answer.
        if (ready > 0 && all[2].revents != 0) denials->serve();
        if (ready == 0) refuse_to_wait_on();
        if (ready < 0 || (ready == 0 && is_pidfd)) continue;
        const bool ended = kernel::await_end(process_.get(), 0);
        if (is_ready(socket_, 0)) return true;
        if (ended) return false;
    }
}

// With --init it is a child of the reaper that becomes the image's program.
bool ChildReports::is_from_child(pid_t sender) const {
    if (sender == pid_) return true;
    if (step_of<op::ForkInit>(plan_) == nullptr || sender <= 0) return false;
    // One that has failed is gone when its report is read.
    const auto parent = kernel::ProcessStat(cat(sender)).number(kernel::ProcessStat::parent);
    return parent == static_cast<std::uint64_t>(pid_) || parent == 0;
}

void ChildReports::check(const ChildReport& report, bool gate, bool has_descriptor) const {
    using enum ChildReport::Kind;
    const auto steps = plan_.steps.size() - first_of_child(plan_);
    const auto* filter = step_of<op::LoadSeccomp>(plan_);
    const bool listener_due =
        filter != nullptr && !listener_passed_ && (filter->listener != nullptr || !filter->counted.empty());
    bool due = false;
    switch (report.kind) {
        case terminal: due = has_descriptor && step_of<op::OpenTerminal>(plan_) != nullptr && !this->terminal; break;
        case upper: due = has_descriptor && step_of<op::HandOverUpper>(plan_) != nullptr && !this->upper; break;
        case listener: due = listener_due && report.item >= 0; break;
        case arrived: due = gate; break;
        case failure:
            due = report.step >= 0 && static_cast<std::size_t>(report.step) < steps && report.error > 0 &&
                  report.error < 4096;
            break;
    }
    if (!due || (has_descriptor && report.kind != terminal && report.kind != upper)) throw no_report();
}

void ChildReports::pass_on(const ChildReport& report, pid_t sender) {
    listener_passed_ = true;
    const Fd other(sender == pid_ ? -1 : kernel::open_process(sender));
    if (!is_from_child(sender)) throw no_report();
    const auto& step = *step_of<op::LoadSeccomp>(plan_);
    auto listener = take_listener(other ? other : process_, report.item);
    if (step.counted.empty())
        pass_on_listener(step, listener, sender);
    else
        denials = std::make_unique<DenialCounter>(std::move(listener), step.counted);
    send_go();
}

bool ChildReports::await(bool gate) {
    while (true) {
        if (!await_message()) {
            if (strict_) throw ended_early();
            return false;
        }
        ChildReport report;
        const auto received = kernel::receive_message(socket_, &report, sizeof report);
        if (!received) throw system_error("cannot read the child's report", received.error());
        const auto& message = received.value();
        Fd descriptor(message.fd);
        if (message.size == 0 && message.sender == 0) return false;
        if (message.size != sizeof report || !is_from_child(message.sender)) throw no_report();
        report.detail[sizeof report.detail - 1] = '\0';
        check(report, gate, bool{descriptor});
        if (report.kind == ChildReport::Kind::arrived) return true;
        if (report.kind == ChildReport::Kind::terminal) terminal = std::move(descriptor);
        if (report.kind == ChildReport::Kind::upper) upper = std::move(descriptor);
        if (report.kind == ChildReport::Kind::listener) pass_on(report, message.sender);
        if (report.kind != ChildReport::Kind::failure) continue;
        report.step += static_cast<std::int32_t>(first_of_child(plan_));
        throw LaunchFailure(report);
    }
}

}  // namespace minirun
