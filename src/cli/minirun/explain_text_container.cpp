// minirun explain, for people: what the container is.
#include <algorithm>

#include "base/text.hpp"
#include "cli/minirun/explain_render.hpp"

namespace minirun {
namespace {

// ---- process

// As a person would type it in a shell.
std::string shell_word(const std::string& word) {
    constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=:,./@%^";
    return !word.empty() && word.find_first_not_of(plain) == std::string::npos ? word : quote(word);
}

std::string shell_words(const std::vector<std::string>& words) {
    std::vector<std::string> all;
    for (const auto& word : words) all.push_back(shell_word(word));
    return join(all, " ");
}

std::string program_text(const ProcessFacts::Program& program) {
    auto text = printable(program.path);
    if (!program.covered_by.empty())
        append(text, cat(", in the volume ", printable(program.covered_by)));
    else if (program.resolved.empty())
        return cat(text, ", which is in no layer: it cannot start");
    else {
        if (program.resolved != program.path) append(text, cat(", which is ", printable(program.resolved)));
        append(text, cat(", from layer ", printable(program.layer)));
    }
    if (!program.executable) append(text, "; not executable");
    return text;
}

std::vector<std::string> program_lines(const ProcessFacts& process) {
    std::vector<std::string> lines;
    for (const auto& program : process.programs)
        lines.push_back(program.named_by.empty() ? program_text(program)
                                                 : cat(program.named_by, " names ", program_text(program)));
    if (lines.empty()) lines.push_back(cat("not found: looked for ", printable(join(process.searched, ", "))));
    if (!process.problem.empty()) lines.push_back(process.problem);
    return lines;
}

std::string group_text(const ProcessFacts::Group& group) {
    return group.name.empty() ? cat(group.gid) : cat(printable(group.name), " (", group.gid, ')');
}

std::string user_text(const ProcessFacts& process) {
    const auto user = process.user_name.empty() ? cat("uid ", process.uid, ", which has no name in the image")
                                                : cat(printable(process.user_name), " (uid ", process.uid, ')');
    std::vector<std::string> groups;
    for (const auto& group : process.supplementary_groups)
        if (group.gid != process.group.gid) groups.push_back(group_text(group));
    return cat(user, ", group ", group_text(process.group), groups.empty() ? "" : ", also in ", join(groups, ", "));
}

std::vector<std::string> printable_all(const std::vector<std::string>& texts) {
    std::vector<std::string> all;
    for (const auto& text : texts) all.push_back(printable(text));
    return all;
}

// ---- isolation

std::vector<std::string> short_names(const std::vector<std::string>& capabilities) {
    std::vector<std::string> names;
    for (const auto& name : capabilities) names.push_back(name.starts_with("CAP_") ? name.substr(4) : name);
    return names;
}

void tell_namespaces(Page& page, const IsolationFacts& isolation) {
    using Mode = IsolationFacts::NamespaceFacts::Mode;
    page.paragraph("Namespaces: what the process sees (+ of its own, - shared)", 2, Paint::bold);
    for (const auto& one : isolation.namespaces) {
        const bool own = one.mode == Mode::own;
        const auto where = one.mode == Mode::joined ? cat(" It is ", printable(one.path)) : std::string();
        page.row(4, cat(own ? "+ " : "- ", one.name), Page::field_column, one.why + where,
                 own ? Paint::green : Paint::yellow);
        if (one.name != "user") continue;
        for (const auto& ids : isolation.uid_mappings)
            page.row(4, "", Page::field_column,
                     cat("Uids ", ids.container_id, " to ", ids.container_id + ids.size - 1, " inside are ",
                         ids.host_id, " to ", ids.host_id + ids.size - 1, " outside."),
                     Paint::dim);
    }
    using Network = IsolationFacts::Network;
    const auto* network =
        isolation.network == Network::none   ? "none: only loopback (127.0.0.1), nothing else answers"
        : isolation.network == Network::host ? "the host's: all its interfaces, also what listens on its loopback only"
        : isolation.network == Network::pasta
            ? "its own, with pasta between it and the host's: it reaches what the host reaches, but not the host's "
              "loopback"
        : isolation.network == Network::bridge
            ? "its own, on a bridge with others: they reach each other, and go out by the host's addresses"
            : "that of the namespace which is joined";
    page.field("network", network);
    if (!isolation.published_ports.empty()) page.field_of_words("published", isolation.published_ports);
}

void tell_rights(Page& page, const IsolationFacts& isolation) {
    page.blank();
    page.paragraph("Capabilities: what root in it may do", 2, Paint::bold);
    page.paragraph(
        "Root's power comes in pieces. Those that are dropped are gone for the process and all its children, whatever "
        "program they start.",
        4);
    page.field_of_words(cat("kept (", isolation.capabilities_kept.size(), ')'),
                        short_names(isolation.capabilities_kept));
    page.field_of_words(cat("dropped (", isolation.capabilities_dropped.size(), ')'),
                        short_names(isolation.capabilities_dropped));
    if (isolation.capabilities_effective != isolation.capabilities_kept)
        page.field("held at start", isolation.capabilities_effective.empty()
                                        ? "none: the user is not root"
                                        : join(short_names(isolation.capabilities_effective), " "));
    page.field("no_new_privs", isolation.no_new_privileges ? "set: no setuid program can give any right back"
                                                           : "not set: setuid programs and file capabilities count");
}

void tell_syscalls(Page& page, const IsolationFacts& isolation) {
    page.blank();
    page.paragraph("Seccomp: which calls of the kernel answer", 2, Paint::bold);
    if (!isolation.seccomp) {
        page.paragraph("No filter: every system call reaches the kernel.", 4);
        return;
    }
    page.paragraph(cat("The kernel is the one wall that all containers share. A filter of ",
                       counted(isolation.seccomp_instructions, "instruction"),
                       " runs before each system call; what it denies cannot be used to break through. Of ",
                       isolation.syscalls_known, " known calls:"),
                   4);
    page.field_of_words(cat("denied (", isolation.syscalls_denied.size(), ')'), isolation.syscalls_denied);
    page.field_of_words(cat("in part (", isolation.syscalls_conditional.size(), ')'), isolation.syscalls_conditional);
}

std::string limit_text(std::uint64_t limit) { return limit == ~std::uint64_t{0} ? "unlimited" : cat(limit); }

void tell_kernel_files(Page& page, const IsolationFacts& isolation) {
    page.blank();
    page.paragraph("Kernel files and devices: what it can look at and touch", 2, Paint::bold);
    page.paragraph("/proc and /sys are the kernel's, and much in them is not of any namespace.", 4);
    page.field_of_words("masked", printable_all(isolation.masked_paths));
    page.field_of_words("read-only", printable_all(isolation.readonly_paths));
    page.field_of_words("devices", printable_all(isolation.devices));
    std::vector<std::string> sysctls;
    for (const auto& [path, value] : isolation.sysctls)
        sysctls.push_back(cat("/proc/", printable(path), " = ", printable(value)));
    if (!sysctls.empty()) page.field("sysctls", sysctls);
}

// "2 seconds", "1.5 seconds".
std::string seconds_text(std::chrono::nanoseconds time) {
    const auto milliseconds = static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(time).count());
    if (milliseconds % 1000 == 0) return counted(milliseconds / 1000, "second");
    auto fraction = cat(1000 + milliseconds % 1000).substr(1);
    while (fraction.ends_with('0')) fraction.pop_back();
    return cat(milliseconds / 1000, '.', fraction, " seconds");
}

void tell_limits(Page& page, const IsolationFacts& isolation) {
    page.blank();
    page.paragraph("Limits: what it can use up", 2, Paint::bold);
    std::vector<std::string> lines;
    for (const auto& limit : isolation.limits)
        lines.push_back(cat(limit.name, ' ', limit_text(limit.soft), ", hard ", limit_text(limit.hard)));
    if (lines.empty()) lines.emplace_back("those that minirun itself is started with");
    page.field("per process", lines);
    page.field("time", isolation.timeout ? cat("ended after ", seconds_text(*isolation.timeout)) : "not limited");
}

// ---- plan

std::string_view phase_title(std::string_view phase) {
    if (phase == "host") return "On the host, before there is a container";
    if (phase == "clone") return "The moment in which it begins";
    if (phase == "child") return "In the new process, with the host still in view";
    return "In the container, with the host out of view";
}

}  // namespace

void tell_process(Page& page, const Explanation& explanation) {
    const auto& process = explanation.process;
    page.heading("process", "what runs");
    page.paragraph(
        "A container is a process of this host, and its children: nothing boots in it, and when the process ends, the "
        "container is gone. The image's config says what runs, unless options say otherwise.");
    page.blank();
    page.field("command", shell_words(process.argv));
    page.field("program", program_lines(process));
    page.field("user", user_text(process));
    page.field("environment", process.env.empty() ? std::vector<std::string>{"empty"} : printable_all(process.env));
    page.field("directory", printable(process.working_directory));
    if (!process.hostname.empty())
        page.field("host name", cat(printable(process.hostname),
                                    process.hostname_is_id ? " (from its id: another one each time)" : ""));
    page.field("stop signal", process.stop_signal);
    if (!process.exposed_ports.empty()) page.field_of_words("exposed ports", printable_all(process.exposed_ports));
    if (!process.volumes.empty()) page.field_of_words("volumes", printable_all(process.volumes));
    if (process.terminal) page.field("terminal", "a pty of its own");
    if (process.init) page.field("pid 1", "a small init of minirun's own, which reaps orphans");
    for (const auto& notice : explanation.notices) page.field("note", notice);
}

void tell_isolation(Page& page, const Explanation& explanation) {
    const auto& isolation = explanation.isolation;
    page.heading("isolation", isolation.privileged ? "none to speak of (--privileged)" : "what it is kept from");
    page.paragraph(
        "Nothing but the kernel stands between a container and the host: it shows each process only its namespaces, "
        "and lets it do only what its rights allow. What follows is read from the plan that minirun run executes.");
    page.blank();
    page.indent_fields(4);
    tell_namespaces(page, isolation);
    tell_rights(page, isolation);
    tell_syscalls(page, isolation);
    tell_kernel_files(page, isolation);
    tell_limits(page, isolation);
    page.indent_fields(2);
}

void tell_plan(Page& page, const Explanation& explanation) {
    const auto& steps = explanation.plan;
    page.heading("plan", counted(steps.size(), "step"));
    page.paragraph(
        "There is no container in the kernel, only these steps: whoever does them has one. They are done in this "
        "order; each needs what came before it, and rights go last.");
    std::string phase;
    for (std::size_t i = 0; i < steps.size(); i++) {
        const auto& step = steps[i];
        if (step.phase != phase) {
            page.blank();
            page.paragraph(phase_title(step.phase), 2, Paint::bold);
            phase = step.phase;
        }
        const auto number = cat(i + 1);
        page.row(2, cat(std::string(number.size() < 3 ? 3 - number.size() : 0, ' '), number), 7, step.text,
                 Paint::cyan);
        const bool same_follows = i + 1 < steps.size() && steps[i + 1].why == step.why && steps[i + 1].phase == phase;
        if (!same_follows) page.paragraph(step.why, 9, Paint::dim);
    }
}

}  // namespace minirun
