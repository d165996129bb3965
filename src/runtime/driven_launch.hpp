// What create, start, run and exec have in common.
#pragma once

#include <functional>
#include <string>

#include "kernel/process.hpp"
#include "launch/launcher.hpp"
#include "minirun/lifecycle.hpp"
#include "model/launch_request.hpp"
#include "runtime/container_record.hpp"

namespace minirun {

/// Undoes a container that did not come to be at the end of the scope, unless dismissed before. Its poststop hooks are
/// run where another of its hooks was begun, or it was made (runtime.md "Lifecycle", steps 3 to 5 lead to 12): what has
/// failed earlier is to leave everything as if it had never been tried (runtime.md "Errors").
class RemovesRecord {
public:
    RemovesRecord(const ContainerRecord& record, const LaunchRequest& request) noexcept
        : record_(&record), request_(request) {}
    ~RemovesRecord();
    RemovesRecord(const RemovesRecord&) = delete;
    RemovesRecord& operator=(const RemovesRecord&) = delete;
    void dismiss() noexcept { record_ = nullptr; }
    /// For LaunchSetting::hooked.
    bool* hooked() noexcept { return &hooked_; }
    void launched() noexcept { hooked_ = true; }

private:
    const ContainerRecord* record_;
    const LaunchRequest& request_;
    bool hooked_ = false;
};

void run_poststop_hooks(const ContainerSpec& spec, const std::string& id, const std::string& bundle);

/// Throws Error{usage} if there is a terminal that nobody would serve, or a socket for one that there is not.
void check_console(const LaunchRequest& request, const ProcessStreams& streams, bool foreground);

/// Ends what is left of a container, removes it, and runs its poststop hooks, if its spec is known. The record is
/// locked.
void undo(const ContainerRecord& record, const ContainerSpec* spec, const std::string& bundle);

/// launch() and start_created(), with errors that people can read.
Launched launch_or_explain(const Plan& plan, const LaunchRequest& request, const LaunchSetting& setting);
void start_or_explain(const Plan& plan, const LaunchRequest& request, int socket, pid_t pid, const Fd& process);

/// The terminal to its socket, the pid to its file: when they are there, whoever waits for them goes on.
void hand_over(const Launched& launched, const ProcessStreams& streams);

/// As a shell tells it: 128+n for signal n.
int exit_code_of(const kernel::ProcessEnd& end) noexcept;

/// Where remarks go that are no errors; the program sets it. By default they are dropped.
void set_warning_log(std::function<void(const std::string&)> log);
void log_warning(const std::string& text);

}  // namespace minirun
