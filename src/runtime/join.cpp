#include "runtime/join.hpp"

#include "runtime/driven_request.hpp"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/text.hpp"
#include "kernel/process.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"
#include "model/runtime_spec.hpp"

namespace minirun {
namespace {

// /proc/PID/ns/…
const char* file_of(NamespaceType type) {
    switch (type) {
        case NamespaceType::mount: return "mnt";
        case NamespaceType::pid: return "pid";
        case NamespaceType::network: return "net";
        case NamespaceType::uts: return "uts";
        case NamespaceType::ipc: return "ipc";
        case NamespaceType::cgroup: return "cgroup";
        case NamespaceType::user: return "user";
        case NamespaceType::time: return "time";
    }
    return "";
}

bool has_ended(const Fd& process) { return !process || kernel::await_end(process.get(), 0); }

bool is_same_namespace(const Fd& a, const Fd& b) {
    struct stat one {
    }, other{};
    return ::fstat(a.get(), &one) == 0 && ::fstat(b.get(), &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

}  // namespace

JoinedProcess::JoinedProcess(const ContainerRecord& record) : spec_(record.read_spec()) {
    const auto process = record.open_process();
    const auto pid = record.pid();
    const auto hold = [&](NamespaceType type) {
        const auto path = cat("/proc/", pid, "/ns/", file_of(type));
        Fd held(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!held && !has_ended(process)) throw system_error(cat("cannot open ", quote(path)), errno);
        held_.emplace_back(type, std::move(held));
    };
    hold(NamespaceType::mount);
    for (const auto& one : spec_.linux_.namespaces)
        if (one.type != NamespaceType::mount) hold(one.type);
    // Only now: that it lives says that its number was its own all the time.
    if (has_ended(process))
        throw Error(ErrorKind::conflict, cat("container ", quote(record.id()), ": container not running"));
}

std::vector<Namespace> JoinedProcess::namespaces() const {
    std::vector<Namespace> all;
    for (const auto& [type, fd] : held_) all.push_back({type, cat("/proc/self/fd/", fd.get())});
    return all;
}

// Where its first process is now is the container's to choose: it can make user namespaces inside of its own. But the
// outermost below ours is the one that its maker has made.
Fd user_namespace_below_ours(const ContainerRecord& record) {
    const auto process = record.open_process();
    const auto path = cat("/proc/", record.pid(), "/ns/user");
    Fd found(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!found && !has_ended(process)) throw system_error(cat("cannot open ", quote(path)), errno);
    const Fd ours(::open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC));
    if (has_ended(process) || is_same_namespace(found, ours)) return Fd();
    while (true) {
        Fd parent(::ioctl(found.get(), NS_GET_PARENT));
        if (!parent) return Fd();
        if (is_same_namespace(parent, ours)) return found;
        found = std::move(parent);
    }
}

LaunchRequest join_request(const ContainerRecord& record, const JoinedProcess& joined, const ProcessSpec& process) {
    const auto made = record.read();
    LaunchRequest request;
    request.id = record.id();
    request.container_dir = record.path();
    request.seccomp_cache = default_paths().seccomp;
    request.spec = joined.spec();
    request.spec.process = process;
    keep_grantable(request.spec.process);
    if (!process.user.umask) request.spec.process.user.umask = current_umask();
    request.spec.linux_.namespaces = joined.namespaces();
    request.spec.root.path = cat("/proc/", record.pid(), "/root");
    request.spec.mounts.clear();
    request.root.kind = RootSource::Kind::directory;
    request.streams = {true, process.terminal, !process.terminal, 0};
    request.driven.outlives_minirun = true;
    set_cgroup_manager(request, made);
    request.driven.bundle = made.bundle;
    request.driven.joins = record.pid();
    return request;
}

}  // namespace minirun
