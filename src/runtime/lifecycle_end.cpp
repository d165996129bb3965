// What ends a container, and what can be seen of it.
#include <dirent.h>
#include <poll.h>

#include <algorithm>
#include <csignal>
#include <memory>

#include "base/text.hpp"
#include "cgroup/control.hpp"
#include "kernel/process.hpp"
#include "kernel/system_error.hpp"
#include "launch/hooks.hpp"
#include "launch/left_behind.hpp"
#include "launch/systemd_scope.hpp"
#include "minirun/error.hpp"
#include "minirun/lifecycle.hpp"
#include "model/container_state.hpp"
#include "model/runtime_spec.hpp"
#include "plan/builder.hpp"
#include "runtime/container_record.hpp"
#include "runtime/driven_launch.hpp"
#include "runtime/driven_request.hpp"

namespace minirun {
namespace {

bool has_own_pid_namespace(const ContainerRecord& record) {
    try {
        return has_new_namespace(record.read_spec(), NamespaceType::pid);
    } catch (const Error&) {
        return false;  // what cannot be read must not keep it from being deleted
    }
}

// Its SIGKILL is not enough: what is frozen dies when it goes on, and without a pid namespace of their own the others
// stay.
bool needs_kill_by_cgroup(const ContainerRecord& record, const std::optional<CgroupPlace>& place) {
    return place && (is_frozen(*place) || !has_own_pid_namespace(record));
}

// What the first one has left is ended when its cgroup is removed.
void end_processes(const ContainerRecord& record) {
    const auto place = record.open_process() ? record.cgroup() : std::nullopt;
    if (needs_kill_by_cgroup(record, place)) kill_cgroup(*place, SIGKILL);
    end_recorded_process(record.process());
}

// False: somebody else has deleted it meanwhile, which is fine for who says --force. Whoever waits for its end may.
bool lock_unless_gone(ContainerRecord& record, bool force) {
    try {
        record.lock();
        return true;
    } catch (const Error& error) {
        if (!force || error.kind() != ErrorKind::not_found) throw;
        return false;
    }
}

// The call that ends its scope, if systemd has made it one: by itself that ends when systemd sees that nobody is in it,
// and until then there is no container of the same name.
std::vector<std::string> ending_of_scope(const ContainerRecord& record) {
    const auto place = record.is_made() ? record.cgroup() : std::nullopt;
    LaunchRequest request;
    if (place) set_cgroup_manager(request, record.read());
    if (request.cgroup_manager == CgroupManager::files) return {};
    std::vector<std::string> words{"stop", place->name.substr(place->name.rfind('/') + 1)};
    if (request.cgroup_manager == CgroupManager::user_systemd) words.insert(words.begin(), "--user");
    return words;
}

void end_scope(const std::vector<std::string>& call) {
    try {
        if (!call.empty()) run_systemd_program(call);
    } catch (const Error&) {
        // It has ended already.
    }
}

}  // namespace

void undo(const ContainerRecord& record, const ContainerSpec* spec, const std::string& bundle) {
    const auto scope = ending_of_scope(record);
    end_processes(record);
    record.remove();
    end_scope(scope);
    if (spec != nullptr) run_poststop_hooks(*spec, record.id(), bundle);
}

void Lifecycle::kill(const std::string& id, int signal, bool all) const {
    const auto record = ContainerRecord::open(root_, id);
    const auto process = record.open_process();
    if (!process) {
        if (all) {  // what the first one has left
            if (const auto place = record.cgroup()) kill_cgroup(*place, signal);
            return;
        }
        throw Error(ErrorKind::conflict, cat("container ", quote(id), ": container not running"),
                    "it has ended: delete it");
    }
    const auto place = record.cgroup();
    if (all && place) {
        kill_cgroup(*place, signal);
        return;
    }
    const auto sent = kernel::send_signal(process.get(), signal);
    if (sent.error() == ESRCH)
        throw Error(ErrorKind::conflict, cat("container ", quote(id), ": process already finished"));
    if (!sent) throw system_error(cat("cannot signal container ", quote(id)), sent.error());
    if (signal == SIGKILL && needs_kill_by_cgroup(record, place)) kill_cgroup(*place, SIGKILL);
}

void Lifecycle::remove(const std::string& id, bool force) const {
    if (force && !ContainerRecord::exists(root_, id)) return;
    auto record = ContainerRecord::open(root_, id);
    // A start that waits for the container's process holds the lock, until it sees that there is none any more.
    if (force) end_processes(record);
    if (!lock_unless_gone(record, force)) return;
    const auto state = record.observe();
    if (state.status != ContainerStatus::stopped && !force)
        throw Error(ErrorKind::conflict,
                    cat("cannot delete container ", quote(id), ": it is ", status_word(state.status), ", not stopped"),
                    "kill it first, or delete it with --force");
    std::optional<ContainerSpec> spec;
    try {
        spec = record.read_spec();
    } catch (const Error&) {
        if (!force) throw;  // a create that was killed has not come to writing it
    }
    undo(record, spec ? &*spec : nullptr, state.bundle);
}

ContainerState Lifecycle::state(const std::string& id) const { return ContainerRecord::open(root_, id).observe(); }

std::vector<ContainerState> Lifecycle::list() const {
    std::vector<std::string> ids;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(root_.c_str()), ::closedir);
    while (const dirent* entry = directory ? ::readdir(directory.get()) : nullptr)
        if (entry->d_name[0] != '.') ids.emplace_back(entry->d_name);
    std::sort(ids.begin(), ids.end());
    std::vector<ContainerState> all;
    for (const auto& id : ids) try {
            const auto record = ContainerRecord::open(root_, id);
            if (record.is_made()) all.push_back(record.observe());
        } catch (const Error&) {
            // One that is just going, or not a container's.
        }
    return all;
}

}  // namespace minirun
