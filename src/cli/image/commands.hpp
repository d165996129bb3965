// The commands of minirun-image. argv[0] is the command's own name; the result is the exit code.
#pragma once

namespace minirun {

int commit_command(int argc, char** argv);
int cp_command(int argc, char** argv);
int dedup_command(int argc, char** argv);
int df_command(int argc, char** argv);
int export_command(int argc, char** argv);
int load_command(int argc, char** argv);
int import_command(int argc, char** argv);
int save_command(int argc, char** argv);
int tree_command(int argc, char** argv);
int unpack_command(int argc, char** argv);
int verify_command(int argc, char** argv);

}  // namespace minirun
