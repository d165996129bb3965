// How the steps of the parent are executed.
#pragma once

#include <sys/types.h>

#include <functional>
#include <vector>

#include "base/fd.hpp"
#include "kernel/sys_result.hpp"
#include "launch/bridge_connection.hpp"
#include "launch/pasta_process.hpp"
#include "launch/systemd_scope.hpp"
#include "network/move_device.hpp"
#include "plan/step.hpp"

namespace minirun {

/// What the parent's steps leave for later ones and for the child.
struct HostSide {
    Fd user_namespace;       ///< Slot::userns
    Fd owned_namespaces[3];  ///< Slot::network, ipc, uts
    std::vector<Fd> idmaps;  ///< of the steps MakeIdmap, in their order
    std::vector<Fd> peers;   ///< of the steps ClonePeer, in their order
    bool* hooked = nullptr;  ///< LaunchSetting::hooked
    ScopeKeeper scope;
    // After the clone:
    pid_t pid = -1;
    int pidfd = -1;
    Fd kept_mounts;                     ///< of the child: its mount namespace
    Fd mount_namespace;                 ///< of the child, unless its end is that of all others
    std::function<void()> await_child;  ///< until it has come to op::AwaitParent; throws LaunchFailure
    Fd network;                         ///< of the child, if one of these two connects it
    PastaProcess pasta;                 ///< if it has been started
    BridgeConnection bridges;           ///< if it has some
    std::vector<MovedDevice> devices;   ///< they come back, unless keep_devices() is called

    HostSide() = default;
    HostSide(const HostSide&) = delete;
    HostSide& operator=(const HostSide&) = delete;
    ~HostSide() { come_back(); }
    /// Whatever this process makes from now on is born in its own pid and time namespace again.
    void come_back() noexcept;
    /// The container has them now.
    void keep_devices() noexcept {
        for (auto& device : devices) device.dismiss();
    }

    Fd own_pid_namespace, own_time_namespace;  ///< while others are joined
};

/// Executes one step; those of the child are ENOSYS. Throws Error where a step has more to say than an errno.
class HostSteps {
public:
    explicit HostSteps(HostSide& side) : side_(side) {}

    SysStatus operator()(const op::HostDirectory&) const;
    SysStatus operator()(const op::HostFile&) const;
    SysStatus operator()(const op::HostSymlink&) const;
    SysStatus operator()(const op::CopyLayer&) const;
    SysStatus operator()(const op::TimeNamespace&) const;
    SysStatus operator()(const op::JoinPidNamespace&) const;
    SysStatus operator()(const op::MakeUserNamespace&) const;
    SysStatus operator()(const op::MakeIdmap&) const;
    SysStatus operator()(const op::ClonePeer&) const;
    SysStatus operator()(const op::OpenUserNamespace&) const;
    SysStatus operator()(const op::StartScope&) const;
    SysStatus operator()(const op::ReleaseScope&) const;
    SysStatus operator()(const op::MakeCgroup&) const;
    SysStatus operator()(const op::SetCgroup&) const;
    SysStatus operator()(const op::LimitDevices&) const;
    SysStatus operator()(const op::DelegateCgroup&) const;
    SysStatus operator()(const op::RecordProcess&) const;
    SysStatus operator()(const op::KeepMounts&) const;
    SysStatus operator()(const op::AwaitChild&) const;
    SysStatus operator()(const op::MoveNetDevice&) const;
    SysStatus operator()(const op::RunHook&) const;
    SysStatus operator()(const op::StartPasta&) const;
    SysStatus operator()(const op::ConnectBridges&) const;
    template <class ChildStep>
    SysStatus operator()(const ChildStep&) const {
        return SysStatus::failure(ENOSYS);
    }

private:
    HostSide& side_;
};

}  // namespace minirun
