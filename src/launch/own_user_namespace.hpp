// The rights that it takes to set a container up, for a user who has none.
#pragma once

#include "base/fd.hpp"

namespace minirun {

/// Whether this process may mount, and make what it mounts: CAP_SYS_ADMIN.
bool has_own_rights() noexcept;

/// Enters a new user namespace, with all rights in it, and a mount namespace that belongs to it.
///
/// Every id in it is what it is outside, so what a config.json says of the host's ids holds inside as well: the user's
/// own, and what /etc/subuid and /etc/subgid give it, through newuidmap(1) and newgidmap(1). Where these are missing,
/// the user's own ids are all that there is, and no process can change its groups (user_namespaces(7)).
/// The rights last until keep_rights_no_longer(), also over an execve(2). Throws Error.
void enter_own_user_namespace();

/// The same in a user namespace that is there: the one around a container's, which this user has made. Throws Error.
void enter_user_namespace(const Fd& user_namespace);

/// Programs that are run from now on do not inherit the rights.
void keep_rights_no_longer() noexcept;

}  // namespace minirun
