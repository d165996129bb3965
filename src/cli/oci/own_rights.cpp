// What minirun-oci needs of its own before it may go near a container: rights, and a program that cannot be written to.
#include "launch/own_program.hpp"
#include "launch/own_user_namespace.hpp"

#include "cli/oci/commands.hpp"
#include "runtime/container_record.hpp"
#include "runtime/driven_request.hpp"
#include "runtime/join.hpp"

namespace minirun {
namespace {

// If the program begins anew, it has what it needs the second time.
void leave_own_file(const OciSetting& setting, bool in_new_user_namespace) {
    run_from_readonly_mount(setting.own_argv, in_new_user_namespace);
    keep_rights_no_longer();
}

}  // namespace

void get_ready_to_create(const OciSetting& setting) {
    const bool lacks_rights = !has_own_rights();
    if (lacks_rights) enter_own_user_namespace();
    leave_own_file(setting, lacks_rights);
}

void get_ready_to_run(const OciSetting& setting, const ContainerSpec& spec) {
    if (!has_own_rights() || may_be_looked_at(spec)) return get_ready_to_create(setting);
    keep_rights_no_longer();
}

void get_ready_to_enter(const OciSetting& setting, const std::string& id) {
    const bool lacks_rights = !has_own_rights();
    if (lacks_rights) {
        const auto below = user_namespace_below_ours(ContainerRecord::open(record_root(setting.root), id));
        if (!below) return;  // it has ended, which is for the command to say
        enter_user_namespace(below);
    }
    leave_own_file(setting, lacks_rights);
}

void get_ready_to_start(const OciSetting& setting, const std::string& id) {
    // To know the plan of create, it has to see what that has seen.
    if (!has_own_rights()) return get_ready_to_enter(setting, id);
    const auto config = ContainerRecord::open(record_root(setting.root), id).read_config();
    // Without reading it all: a name may also be written with escapes.
    for (const auto* sign : {"startContainer", "\\u"})
        if (config.find(sign) != std::string::npos) return get_ready_to_enter(setting, id);
}

}  // namespace minirun
