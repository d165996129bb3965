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
/// Goes on as minirun-image, which has this command.
int image_program(int argc, char** argv);

}  // namespace minirun
