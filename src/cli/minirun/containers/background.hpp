// Processes of this program in the background: a container's supervisor, and who waits for a detached exec.
#pragma once

#include <functional>
#include <string>

namespace minirun {

/// Starts the container's supervisor, and returns when the container runs. Throws the Error that kept it from running.
/// `attached`: a socket that shall be the first to see what it writes, or -1.
void start_in_background(const std::string& id, int attached = -1);

/// Does the work in a process of its own, with no streams but the null device, and returns when that has called
/// `started`. Throws the Error that the work has thrown before.
void do_in_background(const std::function<void(const std::function<void()>& started)>& work);

/// `minirun supervise CONTAINER`: what the supervisor does.
int supervise_command(int argc, char** argv);

}  // namespace minirun
