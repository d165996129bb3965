#include "runtime/explain.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "base/file.hpp"
#include "base/text.hpp"
#include "kernel/features.hpp"
#include "launch/plan_from_request.hpp"
#include "minirun/error.hpp"
#include "plan/describe.hpp"
#include "plan/why.hpp"
#include "runtime/container_network.hpp"
#include "runtime/make_request.hpp"

namespace minirun {
namespace {

constexpr std::size_t max_command_line = 64 << 10;

bool is_kernel_name(std::string_view name) { return name.starts_with("vmlinuz") || name.starts_with("vmlinux"); }

// One layer alone, seen as if it were the whole image: what a layer above deletes is still in it.
void find_kernel_files(const Layer& layer, std::vector<BootfsFacts::KernelFile>& found) {
    LayerView alone({layer});
    const auto is_directory = [&](std::string_view path) {
        const auto entry = alone.lookup(path);
        return entry && entry->is_directory();
    };
    const auto add = [&](std::string path) {
        const BootfsFacts::KernelFile file{layer.name, std::move(path)};
        if (std::find(found.begin(), found.end(), file) == found.end()) found.push_back(file);
    };
    if (is_directory("/boot"))
        for (const auto& entry : alone.list("/boot"))
            if (is_kernel_name(entry.name)) add(cat("/boot/", entry.name));
    // /lib is mostly a link to usr/lib: one directory with two names.
    for (const std::string_view modules : {"/lib/modules", "/usr/lib/modules"})
        if (is_directory(modules) && !alone.list(modules).empty()) add(alone.resolve(modules).path);
}

std::string without(std::string text, std::string_view needless, std::string_view instead) {
    for (auto at = text.find(needless); at != std::string::npos; at = text.find(needless, at + instead.size()))
        text.replace(at, needless.size(), instead);
    return text;
}

}  // namespace

std::string boot_image(std::string_view command_line, const std::string& release, const std::string& boot_directory) {
    constexpr std::string_view key = "BOOT_IMAGE=";
    for (const auto& word : split(command_line, ' '))
        if (word.starts_with(key)) return word.substr(key.size());
    const auto usual = cat(boot_directory, "/vmlinuz-", release);
    return ::access(usual.c_str(), F_OK) == 0 ? usual : "";
}

BootfsFacts explain_bootfs(const std::vector<Layer>& layers) {
    utsname host{};
    ::uname(&host);
    BootfsFacts facts;
    facts.kernel_release = host.release;
    facts.machine = host.machine;
    facts.command_line = read_optional_file("/proc/cmdline", max_command_line).value_or("");
    while (facts.command_line.ends_with('\n')) facts.command_line.pop_back();
    facts.boot_image = boot_image(facts.command_line, facts.kernel_release, "/boot");
    for (const auto& layer : layers) {
        try {
            find_kernel_files(layer, facts.kernel_files);
        } catch (const Error& error) {
            facts.problem = error.message();
        }
    }
    return facts;
}

std::vector<StepFacts> explain_plan(const ExplainSources& sources) {
    const auto& id = sources.request.id;
    std::vector<StepFacts> steps;
    for (const auto& step : sources.plan.steps) {
        // The id is another one each time, and 64 digits long.
        const auto text = without(describe(step.operation), id, cat(id.substr(0, 12), "..."));
        steps.push_back({std::string(phase_name(step.phase)), std::string(operation_name(step.operation)), text,
                         std::string(why(step.operation))});
    }
    return steps;
}

Explanation explain(const Image& image, const RunOptions& options, const std::vector<std::string>& paths) {
    const auto paths_of_data = default_paths();
    auto request = make_request(image, options, paths_of_data);
    const auto joined = foresee_network(paths_of_data, request);
    const auto plan = plan_from_request(request, features_for(request));
    LayerView view(image.layers);
    const ExplainSources sources{image, request, plan, view};

    Explanation explanation;
    Examples examples;
    explanation.image = image.name;
    explanation.bootfs = explain_bootfs(image.layers);
    explanation.rootfs = explain_rootfs(sources, examples);
    for (const auto& path : paths) explanation.paths.push_back(explain_path(sources, path));
    if (paths.empty()) explanation.paths = explain_examples(sources, examples);
    explanation.process = explain_process(sources);
    explanation.isolation = explain_isolation(sources);
    explanation.plan = explain_plan(sources);
    explanation.notices = request.notices;
    // trusted.overlay.opaque is root's to read (xattr(7)).
    if (::geteuid() != 0 && image.layers.size() > 1)
        explanation.notices.emplace_back(
            "without root it is not seen which directories are opaque: what they hide of lower layers counts as there");
    return explanation;
}

}  // namespace minirun
