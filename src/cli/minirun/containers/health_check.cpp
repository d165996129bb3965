// minirun health-check CONTAINER: what a supervisor begins now and then, and nobody else.
#include "cli/minirun/commands.hpp"
#include "launch/own_program.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"

namespace minirun {

int health_check_command(int argc, char** argv) {
    if (argc != 2)
        throw Error(ErrorKind::usage, "minirun health-check takes a container, and is for its supervisor",
                    "minirun inspect tells of its health");
    char name[] = "minirun";
    char* words[] = {name, argv[0], argv[1], nullptr};
    run_from_readonly_mount(words);
    return Containers().check_health(argv[1]);
}

}  // namespace minirun
