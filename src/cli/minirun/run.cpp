#include <chrono>
#include <cstdio>

#include "base/text.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/report.hpp"
#include "cli/minirun/run_options.hpp"
#include "cli/render.hpp"
#include "minirun/container.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

// An exit code of 137 alone does not tell.
void tell_memory(const RunResult& result) {
    if (!result.resources || result.resources->oom_kills == 0) return;
    const auto& verdict = *result.resources;
    const auto limit = verdict.own_memory_limit && verdict.memory_limit
                           ? cat("its memory limit of ", human_size(*verdict.memory_limit), " was reached")
                           : std::string("the host, or a cgroup above the container's, had no memory left");
    print_notice("minirun", cat("the kernel killed ", verdict.oom_kills,
                                verdict.oom_kills == 1 ? " process" : " processes", " of the container: ", limit));
}

Image image_of(const RunCommand& command) {
    return command.options.rootfs ? open_plain_rootfs(*command.options.rootfs) : open_image(command.image);
}

}  // namespace

int run_command(int argc, char** argv) {
    auto command = parse_run(argc, argv);
    if (command.help) {
        print_output(run_help());
        return 0;
    }
    if (command.dry_run) {
        print_output(plan_of_run(image_of(command), command.options, command.json));
        return 0;
    }
    const ReportTarget report(command.report);
    command.options.accounting = report.is_wanted();
    const auto& name = command.options.rootfs ? *command.options.rootfs : command.image;
    const auto started = std::chrono::system_clock::now();
    Image image;
    RunResult result;
    try {
        image = image_of(command);
        result = run(image, command.options);
    } catch (const Error& error) {
        report.write(report_of_failure(error, started, name));
        throw;
    }
    report.write(report_of_run(result, name, image.id));
    for (const auto& one : result.timings)
        std::fprintf(stderr, "%8.1f us  %s\n", static_cast<double>(one.took.count()) / 1000, one.step.c_str());
    tell_memory(result);
    return result.exit_code();
}

}  // namespace minirun
