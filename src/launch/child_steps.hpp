// How each step of the child is executed.
#pragma once

#include <span>

#include "kernel/mount.hpp"
#include "kernel/sys_result.hpp"
#include "launch/child.hpp"
#include "plan/report.hpp"
#include "plan/step.hpp"

namespace minirun {

/// What becomes of a mount when it is attached.
struct MountChange {
    kernel::MountAttributes attributes;
    bool recursive;
};
using MountChanges = std::span<const MountChange>;

/// Executes one step after the other, keeping the descriptors that they hand to each other. A failed step leaves
/// in `report` which part of it failed and the kernel's own words, where there are any.
class ChildSteps {
public:
    explicit ChildSteps(const ChildStart& start) noexcept;

    // Host steps are no business of the child.
    SysStatus operator()(const op::HostDirectory&) noexcept;
    SysStatus operator()(const op::HostFile&) noexcept;
    SysStatus operator()(const op::HostSymlink&) noexcept;
    SysStatus operator()(const op::CopyLayer&) noexcept;
    SysStatus operator()(const op::TimeNamespace&) noexcept;
    SysStatus operator()(const op::JoinPidNamespace&) noexcept;
    SysStatus operator()(const op::MakeUserNamespace&) noexcept;
    SysStatus operator()(const op::MakeIdmap&) noexcept;
    SysStatus operator()(const op::ClonePeer&) noexcept;
    SysStatus operator()(const op::OpenUserNamespace&) noexcept;
    SysStatus operator()(const op::StartScope&) noexcept;
    SysStatus operator()(const op::ReleaseScope&) noexcept;
    SysStatus operator()(const op::MakeCgroup&) noexcept;
    SysStatus operator()(const op::SetCgroup&) noexcept;
    SysStatus operator()(const op::LimitDevices&) noexcept;
    SysStatus operator()(const op::DelegateCgroup&) noexcept;
    SysStatus operator()(const op::CloneProcess&) noexcept;
    SysStatus operator()(const op::RecordProcess&) noexcept;
    SysStatus operator()(const op::KeepMounts&) noexcept;
    SysStatus operator()(const op::AwaitChild&) noexcept;
    SysStatus operator()(const op::MoveNetDevice&) noexcept;
    SysStatus operator()(const op::RunHook&) noexcept;
    SysStatus operator()(const op::StartPasta&) noexcept;
    SysStatus operator()(const op::ConnectBridges&) noexcept;

    // The namespace and the tree: child_steps.cpp.
    SysStatus operator()(const op::Undumpable&) noexcept;
    SysStatus operator()(const op::NewKeyring&) noexcept;
    SysStatus operator()(const op::DieWithParent&) noexcept;
    SysStatus operator()(const op::EnterCgroup&) noexcept;
    SysStatus operator()(const op::NewCgroupNamespace&) noexcept;
    SysStatus operator()(const op::JoinNamespace&) noexcept;
    SysStatus operator()(const op::EnterOwned&) noexcept;
    SysStatus operator()(const op::EnterDirectory&) noexcept;
    SysStatus operator()(const op::KeepDirectory&) noexcept;
    SysStatus operator()(const op::SetPropagation&) noexcept;
    SysStatus operator()(const op::BindRoot&) noexcept;
    SysStatus operator()(const op::BindIdmapped&) noexcept;
    SysStatus operator()(const op::CreateAs&) noexcept;
    SysStatus operator()(const op::BindMount&) noexcept;
    SysStatus operator()(const op::MakeDirectory&) noexcept;
    SysStatus operator()(const op::HandOverUpper&) noexcept;
    SysStatus operator()(const op::MakeSymlink&) noexcept;
    SysStatus operator()(const op::MakeDevice&) noexcept;
    SysStatus operator()(const op::WriteFile&) noexcept;
    SysStatus operator()(const op::MaskPath&) noexcept;
    SysStatus operator()(const op::ReadonlyPath&) noexcept;
    SysStatus operator()(const op::MakeReadonly&) noexcept;
    SysStatus operator()(const op::ChangeMount&) noexcept;
    SysStatus operator()(const op::LabelMount&) noexcept;
    SysStatus operator()(const op::SetMountPropagation&) noexcept;
    SysStatus operator()(const op::AwaitParent&) noexcept;
    SysStatus operator()(const op::AwaitStart&) noexcept;
    SysStatus operator()(const op::PivotRoot&) noexcept;

    // File systems: child_filesystems.cpp.
    SysStatus operator()(const op::MountOverlay&) noexcept;
    SysStatus operator()(const op::MountFilesystem&) noexcept;

    // The process: child_process_steps.cpp.
    SysStatus operator()(const op::SetHostname&) noexcept;
    SysStatus operator()(const op::SetDomainname&) noexcept;
    SysStatus operator()(const op::LoopbackUp&) noexcept;
    SysStatus operator()(const op::WriteSysctl&) noexcept;
    SysStatus operator()(const op::SetRlimit&) noexcept;
    SysStatus operator()(const op::SetOomScore&) noexcept;
    SysStatus operator()(const op::SetScheduler&) noexcept;
    SysStatus operator()(const op::SetIoPriority&) noexcept;
    SysStatus operator()(const op::SetAffinity&) noexcept;
    SysStatus operator()(const op::SetMemoryPolicy&) noexcept;
    SysStatus operator()(const op::SetPersonality&) noexcept;
    SysStatus operator()(const op::SetSecurityLabel&) noexcept;
    SysStatus operator()(const op::OpenTerminal&) noexcept;
    SysStatus operator()(const op::ForkInit&) noexcept;
    SysStatus operator()(const op::NewSession&) noexcept;
    SysStatus operator()(const op::OwnStreams&) noexcept;
    SysStatus operator()(const op::ConnectStreams&) noexcept;
    SysStatus operator()(const op::EnterUserNamespace&) noexcept;
    SysStatus operator()(const op::OwnMounts&) noexcept;
    SysStatus operator()(const op::LimitBoundingSet&) noexcept;
    SysStatus operator()(const op::SetUser&) noexcept;
    SysStatus operator()(const op::EnterWorkingDirectory&) noexcept;
    SysStatus operator()(const op::SetUmask&) noexcept;
    SysStatus operator()(const op::SetCapabilities&) noexcept;
    SysStatus operator()(const op::NoNewPrivileges&) noexcept;
    SysStatus operator()(const op::ResetSignals&) noexcept;
    SysStatus operator()(const op::LoadSeccomp&) noexcept;
    SysStatus operator()(const op::CloseDescriptors&) noexcept;
    SysStatus operator()(const op::CheckCommand&) noexcept;
    SysStatus operator()(const op::Exec&) noexcept;

    /// What a second process in this memory does once pid 1 is minirun-init (ForkInit): on its own stack, and beginning
    /// with await_init().
    struct Task {
        void (*run)(void*) noexcept = nullptr;
        void* argument = nullptr;
    };
    Task beside_init;
    SysStatus await_init() noexcept;

    ChildReport report;
    /// To the parent, or, from AwaitStart on, to who has started the container.
    int report_socket() const noexcept { return report_socket_; }

private:
    int slot(Slot which) const noexcept { return slots_[static_cast<unsigned>(which)]; }
    void keep(Slot which, int fd) noexcept { slots_[static_cast<unsigned>(which)] = fd; }
    SysStatus set_death_signal() noexcept;
    SysStatus announce() noexcept;
    SysStatus await_go() const noexcept;
    void explain(int context) noexcept;
    SysResult<int> open_target(const Target& target, bool source_is_directory) noexcept;
    SysStatus copy_up(int tree, const op::MountFilesystem& step) noexcept;
    SysStatus attach_at(int tree, const Target& target, MountChanges changes = {}) noexcept;
    SysResult<int> clone_source(const op::BindMount& step) noexcept;
    SysStatus set_options(int context, std::span<const FsOption> options) noexcept;
    SysResult<int> create_and_mount(int context, std::uint64_t attributes) noexcept;
    SysResult<int> make_filesystem(const op::MountFilesystem& step) noexcept;
    SysResult<int> make_filesystem_old(const op::MountFilesystem& step) noexcept;
    SysStatus add_layer(int context, const char* layer) noexcept;
    SysResult<int> make_overlay(const op::MountOverlay& step) noexcept;
    SysStatus mount_overlay_old(const op::MountOverlay& step) noexcept;
    SysStatus adopt_root(int tree, const char* mountpoint) noexcept;
    SysStatus find_command(int directory, std::span<const char* const> candidates) noexcept;
    SysStatus connect_stream(int source, int stream) noexcept;
    SysStatus hand_over_listener(int listener) noexcept;
    SysStatus become_init_program() noexcept;

    const ChildStart& start_;
    int slots_[static_cast<unsigned>(Slot::count)];
    int report_socket_;
    bool dies_with_parent_ = false;
    int terminal_ = -1;  ///< the slave of the container's pty
    /// A pipe: minirun-init closes the writing end when it has given up what it can do without.
    int gate_[2] = {-1, -1};
};

}  // namespace minirun
