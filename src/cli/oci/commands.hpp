// The commands of `minirun-oci`: runc's words and flags, which engines speak.
#pragma once

#include <string>

#include "minirun/spec.hpp"

namespace minirun {

/// The options in front of the command.
struct OciSetting {
    std::string root;  ///< of the containers' state; empty: the default
    std::string log;   ///< where errors go beside stderr; empty: nowhere
    bool log_as_json = false;
    bool debug = false;
    std::string cgroup_manager;  ///< "cgroupfs", "systemd", "disabled"; empty: cgroupfs
    char** own_argv = nullptr;   ///< what this program was started with
};

/// Makes sure that what this program makes of a process on its way into a container is out of the container's reach,
/// and that there are the rights to do so: a user who has none goes on in a user namespace of its own. To be called
/// before anything is opened or changed: this program may begin anew (launch/own_program.hpp). Throws Error.
void get_ready_to_create(const OciSetting& setting);
/// The same to run one, which takes less where nobody else can be near its process before it is the container's.
void get_ready_to_run(const OciSetting& setting, const ContainerSpec& spec);
/// The same to enter a container that is there; `start` does that only for the hooks that run inside.
void get_ready_to_enter(const OciSetting& setting, const std::string& id);
void get_ready_to_start(const OciSetting& setting, const std::string& id);

/// argv[0] is the command's own name. Returns the exit code; a failure is thrown as Error.
using OciCommand = int (*)(const OciSetting& setting, int argc, char** argv);

int oci_create(const OciSetting& setting, int argc, char** argv);
int oci_run(const OciSetting& setting, int argc, char** argv);
int oci_start(const OciSetting& setting, int argc, char** argv);
int oci_exec(const OciSetting& setting, int argc, char** argv);
int oci_kill(const OciSetting& setting, int argc, char** argv);
int oci_delete(const OciSetting& setting, int argc, char** argv);
int oci_state(const OciSetting& setting, int argc, char** argv);
int oci_list(const OciSetting& setting, int argc, char** argv);
int oci_pause(const OciSetting& setting, int argc, char** argv);
int oci_resume(const OciSetting& setting, int argc, char** argv);
int oci_ps(const OciSetting& setting, int argc, char** argv);
int oci_update(const OciSetting& setting, int argc, char** argv);
int oci_events(const OciSetting& setting, int argc, char** argv);
int oci_features(const OciSetting& setting, int argc, char** argv);
int oci_spec(const OciSetting& setting, int argc, char** argv);

}  // namespace minirun
