// The mounts of config.json as steps, /dev and what belongs in it, the provided files in /etc, masks.
#pragma once

#include "plan/builder.hpp"

namespace minirun {

/// The user namespaces of idmapped mounts that have mappings of their own.
void add_idmaps(PlanBuilder& plan);
/// Copies of what the container is to share with the host (op::ClonePeer).
void add_peers(PlanBuilder& plan);
/// spec.mounts in their order. A tmpfs on /dev is populated (add_dev) as soon as it is mounted.
void add_mounts(PlanBuilder& plan);

/// A step that mounts a file system, in the way that this kernel has.
void add_filesystem_mount(PlanBuilder& plan, op::MountFilesystem mount);

/// Slot::provided, over the directory that the child is in: to be called before the root is put there.
void add_provided_place(PlanBuilder& plan);

/// The files such as /etc/hosts that are bound from Slot::provided over the image's own: nothing is written into a
/// layer.
void add_provided(PlanBuilder& plan);

/// Directories that have to exist (volumes of the image that live in the writable layer).
void add_directories(PlanBuilder& plan);

/// linux.maskedPaths and linux.readonlyPaths.
void add_masks(PlanBuilder& plan);

/// Whether something of spec.mounts is mounted at this path.
bool has_mount_at(const ContainerSpec& spec, std::string_view destination);

}  // namespace minirun
