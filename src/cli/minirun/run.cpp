#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/containers/create.hpp"
#include "cli/minirun/report_target.hpp"
#include "cli/minirun/run_options.hpp"
#include "cli/render.hpp"
#include "kernel/system_error.hpp"
#include "minirun/container.hpp"
#include "minirun/error.hpp"
#include "sandbox/run_report.hpp"

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

// A file that is to be one of the container's streams. What it names is opened as the shell would.
Fd open_stream(std::string_view option, const std::string& path, int flags) {
    if (path.empty()) return Fd();
    Fd file(::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0644));
    if (!file) throw system_error(cat(option, ": cannot open the file ", quote(path)), errno);
    if (is_directory(path)) throw Error(ErrorKind::usage, cat(option, ": ", quote(path), " is a directory"));
    return file;
}

// The files of --stdin, --stdout and --stderr, for as long as the container runs.
struct StreamFiles {
    explicit StreamFiles(const RunCommand& command)
        : in(open_stream("--stdin", command.stdin_file, O_RDONLY)),
          out(open_stream("--stdout", command.stdout_file, O_WRONLY | O_CREAT | O_TRUNC)),
          err(open_stream("--stderr", command.stderr_file, O_WRONLY | O_CREAT | O_TRUNC)) {}
    StandardStreams descriptors() const {
        return {in ? in.get() : STDIN_FILENO, out ? out.get() : STDOUT_FILENO, err ? err.get() : STDERR_FILENO};
    }
    Fd in, out, err;
};

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
    if (command.options.detach) return run_in_background(image_of(command), command);
    if (command.options.restart.when != RestartPolicy::When::never)
        throw Error(ErrorKind::usage, "--restart is for containers in the background", "add --detach");
    if (command.report.empty()) check_findings_are_told(command.options, "--report");
    const ReportTarget report(command.report);
    command.options.accounting = report.is_wanted();
    const auto& name = command.options.rootfs ? *command.options.rootfs : command.image;
    const auto started = std::chrono::system_clock::now();
    Image image;
    RunResult result;
    try {
        image = image_of(command);
        const StreamFiles files(command);
        command.options.streams = files.descriptors();
        result = run(image, command.options);
    } catch (const Error& error) {
        report.write(report_text(report_of_failure(error, started, name)));
        throw;
    }
    report.write(report_text(report_of_run(result, name, image.id)));
    for (const auto& one : result.timings)
        std::fprintf(stderr, "%8.1f us  %s\n", static_cast<double>(one.took.count()) / 1000, one.step.c_str());
    tell_memory(result);
    return result.exit_code();
}

}  // namespace minirun
