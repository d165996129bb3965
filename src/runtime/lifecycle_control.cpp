// What is done to a container while it runs: by its cgroup.
#include <sys/stat.h>

#include <cerrno>

#include "base/file.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "cgroup/control.hpp"
#include "cgroup/device_rules.hpp"
#include "cgroup/settings.hpp"
#include "cgroup/systemd_unit.hpp"
#include "cgroup/usage.hpp"
#include "kernel/cgroup_layout.hpp"
#include "launch/systemd_scope.hpp"
#include "minirun/error.hpp"
#include "minirun/lifecycle.hpp"
#include "model/runtime_spec_resources.hpp"
#include "runtime/container_record.hpp"
#include "runtime/driven_request.hpp"
#include "runtime/observed_containers.hpp"

namespace minirun {
namespace {

// Of a container that is not stopped. Throws Error{conflict} otherwise, or if it has no cgroup.
CgroupPlace place_of_live(const ContainerRecord& record, std::string_view what) {
    const auto status = record.observe().status;
    if (status == ContainerStatus::stopped || status == ContainerStatus::creating)
        throw Error(ErrorKind::conflict, cat("cannot ", what, " container ", quote(record.id()),
                                             ": container not running, it is ", status_word(status)));
    auto place = record.cgroup();
    if (!place)
        throw Error(ErrorKind::conflict, cat("cannot ", what, " container ", quote(record.id()), ": it has no cgroup"));
    return std::move(*place);
}

// config-linux.md "Memory", checkBeforeUpdate: otherwise the kernel takes away what it can, and kills for the rest.
void check_before_update(const CgroupPlace& place, const MemoryResources& wanted, const std::string& document) {
    if (!wanted.check_before_update.value_or(false) || wanted.limit.value_or(-1) < 0) return;
    const auto used = memory_usage(place);
    if (used && *used > static_cast<std::uint64_t>(*wanted.limit))
        throw Error(ErrorKind::conflict,
                    cat(document, ": .memory.limit: the container uses ", *used, " bytes, more than ", *wanted.limit),
                    "choose a higher limit, or leave checkBeforeUpdate out");
}

// What one of them is counted from, where only the other is to change.
Resources with_what_is_set(Resources wanted, const CurrentLimits& current) {
    auto& memory = wanted.memory;
    if (!memory.limit && memory.swap) memory.limit = current.memory;
    auto& cpu = wanted.cpu;
    if (cpu.quota || cpu.period) {
        if (!cpu.quota) cpu.quota = current.cpu_quota;
        if (!cpu.period) cpu.period = current.cpu_period;
    }
    return wanted;
}

// systemd writes what it knows of a unit again whenever it reads its configuration anew: it would take the update back.
void tell_systemd(const ContainerRecord& record, const CgroupPlace& place, const Resources& wanted) {
    LaunchRequest request;
    set_cgroup_manager(request, record.read());
    const auto limits = systemd_limits(with_what_is_set(wanted, current_limits(place)));
    if (request.cgroup_manager == CgroupManager::files || limits.empty()) return;
    std::vector<std::string> words{"set", place.name.substr(place.name.rfind('/') + 1)};
    if (request.cgroup_manager == CgroupManager::user_systemd) words.insert(words.begin(), "--user");
    words.insert(words.end(), limits.begin(), limits.end());
    run_systemd_program(words);
}

}  // namespace

void Lifecycle::pause(const std::string& id) const {
    auto record = ContainerRecord::open(root_, id);
    record.lock();
    const auto place = place_of_live(record, "pause");
    if (is_frozen(place)) throw Error(ErrorKind::conflict, cat("container ", quote(id), " is paused already"));
    note_change(record.path());
    freeze_cgroup(place);
    note_change(record.path());
}

void Lifecycle::resume(const std::string& id) const {
    auto record = ContainerRecord::open(root_, id);
    record.lock();
    const auto place = place_of_live(record, "resume");
    if (!is_frozen(place)) throw Error(ErrorKind::conflict, cat("container ", quote(id), " is not paused"));
    thaw_cgroup(place);
}

std::vector<pid_t> Lifecycle::processes(const std::string& id) const {
    return cgroup_processes(place_of_live(ContainerRecord::open(root_, id), "list the processes of"));
}

void Lifecycle::update(const std::string& id, std::string_view resources, const std::string& document) const {
    auto record = ContainerRecord::open(root_, id);
    record.lock();
    const auto place = place_of_live(record, "update");
    const auto wanted = parse_resources(resources, document);
    check_before_update(place, wanted.memory, document);
    const auto settings = cgroup_settings(wanted, probe_cgroups(), document, "", current_limits(place));
    tell_systemd(record, place, wanted);
    apply_settings(place, settings.list);
    if (!wanted.devices.empty()) apply_device_rules(place, with_default_devices(wanted.devices), document);
}

std::string Lifecycle::statistics(const std::string& id) const {
    const auto place = place_of_live(ContainerRecord::open(root_, id), "measure");
    return cgroup_statistics(place).dump();
}

}  // namespace minirun
