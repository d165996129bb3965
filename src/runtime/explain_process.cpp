// explain(): the process, and the programs that the kernel loads for it.
#include <sys/stat.h>

#include <algorithm>

#include "base/text.hpp"
#include "kernel/names.hpp"
#include "launch/exec_diagnosis.hpp"
#include "launch/plan_process.hpp"
#include "minirun/error.hpp"
#include "model/runtime_spec.hpp"
#include "model/user_database.hpp"
#include "runtime/explain.hpp"
#include "runtime/make_request.hpp"

namespace minirun {
namespace {

constexpr int max_interpreters = 5;  // as the kernel, binfmt: a script may name a script

using Program = ProcessFacts::Program;

// A program, and its file if it is one of the image's that can be read.
struct Found {
    Program program;
    Fd file;
};

// In a volume; a link in it that leads elsewhere is not followed as the container would.
void look_in_volume(const MountSpec& volume, const std::string& path, Program& program) {
    struct stat status {};
    const auto source = volume.source + path.substr(volume.destination.size());
    if (!is_bind(volume) || ::stat(source.c_str(), &status) < 0) return;
    program.covered_by = volume.destination;
    program.executable = S_ISREG(status.st_mode) && (status.st_mode & 0111) != 0;
}

Found find_program(const ExplainSources& sources, const std::string& path) {
    Found found;
    found.program.path = path;
    const auto& cwd = sources.request.spec.process.cwd;
    const auto seen = sources.view.resolve(path.starts_with('/') ? path : cat(cwd, '/', path));
    if (const auto* volume = mount_over(sources.request, seen.path)) {
        look_in_volume(*volume, seen.path, found.program);
    } else if (seen.entry) {
        found.program.resolved = seen.path;
        found.program.layer = sources.view.layers()[seen.entry->layer].name;
        found.program.executable = seen.entry->is_regular() && (seen.entry->status.st_mode & 0111) != 0;
        if (seen.entry->is_regular()) found.file = sources.view.open_file(*seen.entry);
    }
    return found;
}

// As execve(2) in a loop takes them: the first that can be executed, otherwise the first that is there at all.
std::optional<Found> find_command(const ExplainSources& sources) {
    std::optional<Found> first;
    for (const auto& candidate : command_candidates(sources.request.spec.process)) {
        auto found = find_program(sources, candidate);
        const bool there = !found.program.resolved.empty() || !found.program.covered_by.empty();
        if (there && found.program.executable) return found;
        if (there && !first) first = std::move(found);
    }
    return first;
}

// The command, its interpreter, the interpreter's own. A file that cannot be read ends the chain.
void add_programs(const ExplainSources& sources, ProcessFacts& facts) {
    auto found = find_command(sources);
    while (found) {
        facts.programs.push_back(std::move(found->program));
        if (!found->file || facts.programs.size() > max_interpreters) return;
        const auto interpreter = interpreter_of(found->file.get());
        if (interpreter.path.empty()) return;
        found = find_program(sources, interpreter.path);
        found->program.named_by = interpreter.said_by;
    }
}

// The image's text, or nothing: a missing name is no reason not to tell the number.
std::string text_of(LayerView& view, std::string_view path) {
    try {
        return view.read_file(path, max_etc_file).value_or("");
    } catch (const Error&) {
        return "";
    }
}

void add_user(const ExplainSources& sources, ProcessFacts& facts) {
    const auto& user = sources.request.spec.process.user;
    facts.uid = user.uid;
    for (const auto& entry : parse_passwd(text_of(sources.view, "/etc/passwd")))
        if (entry.uid == user.uid && facts.user_name.empty()) facts.user_name = entry.name;

    const auto groups = parse_group(text_of(sources.view, "/etc/group"));
    const auto named = [&](std::uint32_t gid) {
        const auto entry = std::find_if(groups.begin(), groups.end(), [&](const auto& one) { return one.gid == gid; });
        return ProcessFacts::Group{gid, entry == groups.end() ? "" : entry->name};
    };
    facts.group = named(user.gid);
    for (const auto gid : user.additional_gids) facts.supplementary_groups.push_back(named(gid));
}

}  // namespace

ProcessFacts explain_process(const ExplainSources& sources) {
    const auto& request = sources.request;
    const auto& process = request.spec.process;
    ProcessFacts facts;
    facts.argv = process.args;
    facts.searched = command_candidates(process);
    facts.env = process.env;
    facts.working_directory = process.cwd;
    facts.hostname = request.spec.hostname;
    facts.hostname_is_id = !facts.hostname.empty() && request.id.starts_with(facts.hostname);
    facts.stop_signal = signal_name(request.supervision.stop_signal);
    facts.exposed_ports = sources.image.config.exposed_ports;
    facts.volumes = sources.image.config.volumes;
    facts.terminal = request.streams.tty;
    facts.init = request.supervision.init;
    add_user(sources, facts);
    try {
        add_programs(sources, facts);
    } catch (const Error& error) {
        facts.problem = error.message();
    }
    return facts;
}

}  // namespace minirun
