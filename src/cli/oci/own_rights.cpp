// What minirun-oci needs of its own before it may go near a container: rights, and a program that cannot be written to.
#include "launch/own_program.hpp"
#include "launch/own_user_namespace.hpp"

#include "cli/oci/commands.hpp"
#include "runtime/container_record.hpp"
#include "runtime/join.hpp"

namespace minirun {
namespace {

// By an execve(2) the program begins anew: the second time it has what it needs.
void begin_anew(const OciSetting& setting) {
    run_from_readonly_mount(setting.own_argv);
    keep_rights_no_longer();
}

}  // namespace

void get_ready_to_create(const OciSetting& setting) {
    if (!has_own_rights()) enter_own_user_namespace();
    begin_anew(setting);
}

void get_ready_to_enter(const OciSetting& setting, const std::string& id) {
    if (!has_own_rights()) {
        const auto around = user_namespace_around(ContainerRecord::open(record_root(setting.root), id));
        if (!around) return;  // it has ended, which is for the command to say
        enter_user_namespace(around);
    }
    begin_anew(setting);
}

}  // namespace minirun
