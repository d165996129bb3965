// This program's own file, out of a container's reach.
#pragma once

#include <string>

namespace minirun {

/// Goes on as the same program from a read-only mount that nobody else has, unless it is that already. Whoever gets
/// hold of it through /proc/PID/exe then, as a process that is on its way into his container, cannot write to it
/// (CVE-2019-5736). Nothing that matters may be open or changed yet, and no thread there: where the file cannot be
/// exchanged under the running program (launch/own_mappings), execve(2) begins anew; so it does
/// `in_new_user_namespace`, one that was entered since the program began: until then its memory, and whoever is forked
/// off, is of the old one, where it has no rights to look at them (ptrace(2), "access mode checking"). Throws Error.
void run_from_readonly_mount(char** argv, bool in_new_user_namespace = false);

/// The directory in which this program's file is, with a slash behind it, wherever it runs from.
std::string own_directory();

}  // namespace minirun
