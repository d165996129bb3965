// How a process gets into a container that is there.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "model/launch_request.hpp"
#include "runtime/container_record.hpp"

namespace minirun {

/// The namespaces of a container's first process, held open: those that its config.json names.
class JoinedProcess {
public:
    /// The record has to outlive it. Throws Error{conflict} if it has ended.
    explicit JoinedProcess(const ContainerRecord& record);

    const ContainerSpec& spec() const { return spec_; }
    /// Of each namespace a path that leads to it as long as this object lives, also in a child of this process.
    std::vector<Namespace> namespaces() const;

private:
    const ContainerSpec& spec_;
    std::vector<std::pair<NamespaceType, Fd>> held_;
};

/// The user namespace in which the maker of the container had the rights that he has not here: the one right below that
/// of this process. Empty if the container has ended, or is in none. Throws Error.
Fd user_namespace_below_ours(const ContainerRecord& record);

/// The launch of `process` there, for plan_exec().
LaunchRequest join_request(const ContainerRecord& record, const JoinedProcess& joined, const ProcessSpec& process);

}  // namespace minirun
