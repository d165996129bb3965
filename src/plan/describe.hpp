// Steps in words: for --dry-run, for explain, and for the sentence that tells which step failed.
#pragma once

#include <string>
#include <string_view>

#include "plan/step.hpp"

namespace minirun {

/// "127.0.0.1:8000-8010->9000-9010/tcp".
std::string port_text(const op::PortForward& ports);

std::string_view phase_name(Phase phase);

/// The step's name as in JSON: "mount_filesystem".
std::string_view operation_name(const Operation& operation);

/// What the step does, in the imperative, on one line: "mount proc on /proc (nosuid,nodev,noexec)".
std::string describe(const Operation& operation);

/// A path of a step as the container sees it, printable.
std::string path_in_container(Slot at, std::string_view path);

/// The step with its phase in front.
std::string step_text(const Step& step);

/// The whole plan, a step a line.
std::string plan_text(const Plan& plan);

/// The whole plan as JSON: an array of objects with `phase`, `step`, `text` and the step's own fields.
std::string plan_json(const Plan& plan);

/// CLONE_NEW* bits as "mount, pid, network".
std::string namespace_names(std::uint64_t flags);

/// The capabilities of a set, joined: "CAP_CHOWN, CAP_KILL"; "none" for the empty one.
std::string capability_names(std::uint64_t set);

}  // namespace minirun
