// minirun-image: the heavy work with images. `minirun load` and its like start it.
#include <sys/resource.h>

#include <array>
#include <exception>
#include <string_view>

#include "base/interruption.hpp"
#include "base/text.hpp"
#include "cli/image/commands.hpp"
#include "cli/render.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

struct Command {
    std::string_view name;
    int (*run)(int argc, char** argv);
    bool takes_away = false;  ///< what it has half made, when it is interrupted
};
constexpr std::array commands{
    Command{"load", load_command, true},     Command{"save", save_command},
    Command{"commit", commit_command, true}, Command{"cp", cp_command, true},
    Command{"export", export_command, true}, Command{"import", import_command, true},
    Command{"tree", tree_command},           Command{"unpack", unpack_command, true},
    Command{"verify", verify_command, true}, Command{"df", df_command},
    Command{"dedup", dedup_command, true},
};

int dispatch(int argc, char** argv) {
    for (const auto& command : commands) {
        if (argc == 0 || command.name != argv[0]) continue;
        if (command.takes_away) note_interruptions();
        return command.run(argc, argv);
    }
    throw Error(ErrorKind::usage, "minirun-image is started by minirun", "minirun --help lists the commands");
}

}  // namespace
}  // namespace minirun

int main(int argc, char** argv) {
    // A directory tree is read with a descriptor a level.
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
    try {
        return minirun::dispatch(argc - 1, argv + 1);
    } catch (const minirun::Interrupted& interrupted) {
        minirun::end_by(interrupted.signal);
    } catch (const minirun::Error& error) {
        // That a system call came back without its work is then no news.
        if (const int signal = minirun::interruption(); signal != 0) minirun::end_by(signal);
        minirun::print_error("minirun", error);
        return minirun::exit_code(error.kind());
    } catch (const std::exception& error) {
        minirun::print_error("minirun", {minirun::ErrorKind::system, minirun::cat("internal error: ", error.what())});
        return minirun::exit_code(minirun::ErrorKind::system);
    }
}
