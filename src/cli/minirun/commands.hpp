// The commands of `minirun`, one file each.
#pragma once

namespace minirun {

/// argv[0] is the command's own name. Returns the exit code; a failure is thrown as Error.
int run_command(int argc, char** argv);
int test_command(int argc, char** argv);
int explain_command(int argc, char** argv);
int images_command(int argc, char** argv);
int history_command(int argc, char** argv);
int tag_command(int argc, char** argv);
int rmi_command(int argc, char** argv);
int image_inspect_command(int argc, char** argv);
int image_prune_command(int argc, char** argv);
int create_command(int argc, char** argv);
int start_command(int argc, char** argv);
int attach_command(int argc, char** argv);
int stop_command(int argc, char** argv);
int restart_command(int argc, char** argv);
int kill_command(int argc, char** argv);
int pause_command(int argc, char** argv);
int unpause_command(int argc, char** argv);
int rm_command(int argc, char** argv);
int wait_command(int argc, char** argv);
int rename_command(int argc, char** argv);
int ps_command(int argc, char** argv);
int logs_command(int argc, char** argv);
int info_command(int argc, char** argv);
int version_command(int argc, char** argv);
/// What happens, as it happens.
int events_command(int argc, char** argv);
int exec_command(int argc, char** argv);
/// What a supervisor begins for each health check; its output is that of the check.
int health_check_command(int argc, char** argv);
/// Where the ports of a container are reached.
int port_command(int argc, char** argv);
/// A unit of systemd that runs a container.
int generate_command(int argc, char** argv);
int diff_command(int argc, char** argv);
int stats_command(int argc, char** argv);
int update_command(int argc, char** argv);
int top_command(int argc, char** argv);
/// Of containers, and of images where no container has the name.
int inspect_command(int argc, char** argv);
int container_inspect_command(int argc, char** argv);
int container_prune_command(int argc, char** argv);
/// Networks that containers share.
int network_create_command(int argc, char** argv);
int network_ls_command(int argc, char** argv);
int network_inspect_command(int argc, char** argv);
int network_rm_command(int argc, char** argv);
int network_prune_command(int argc, char** argv);
int network_connect_command(int argc, char** argv);
int network_disconnect_command(int argc, char** argv);
/// Goes on as minirun-image, which has this command.
int image_program(int argc, char** argv);

}  // namespace minirun
