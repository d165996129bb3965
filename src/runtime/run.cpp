// minirun run, from the image to the exit code.
#include <fcntl.h>
#include <unistd.h>

#include "base/text.hpp"
#include "kernel/features.hpp"
#include "kernel/files.hpp"
#include "kernel/system_error.hpp"
#include "launch/exec_diagnosis.hpp"
#include "launch/launcher.hpp"
#include "launch/plan_from_request.hpp"
#include "launch/signals.hpp"
#include "launch/stragglers.hpp"
#include "launch/supervise.hpp"
#include "minirun/container.hpp"
#include "minirun/error.hpp"
#include "plan/describe.hpp"
#include "plan/hints.hpp"
#include "runtime/container_directory.hpp"
#include "runtime/make_request.hpp"
#include "runtime/paths.hpp"

namespace minirun {
namespace {

void check_kernel(const KernelFeatures& features) {
    if (!features.missing.empty())
        throw Error(
            ErrorKind::unsupported,
            cat("this kernel (", features.release, ") lacks ", join(features.missing, ", "), ", which minirun needs"),
            "Linux 5.12 or newer has them; inside another container its seccomp profile may forbid them");
    if (!features.overlay)
        throw Error(ErrorKind::unsupported, "this kernel has no overlay file system", "modprobe overlay");
}

// A file that the user names and that must not be there yet.
class NamedFile {
public:
    NamedFile(const std::string& path, std::string_view text) : path_(path) {
        if (path.empty()) return;
        const Fd file(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
        if (!file)
            throw system_error(cat("cannot make the file ", quote(path)), errno,
                               errno == EEXIST ? "remove it, or choose another name" : "");
        if (const auto written = kernel::write_all(file.get(), text.data(), text.size()); !written)
            throw system_error(cat("cannot write the file ", quote(path)), written.error());
    }
    NamedFile(const NamedFile&) = delete;
    NamedFile& operator=(const NamedFile&) = delete;
    ~NamedFile() {
        if (!kept_ && !path_.empty()) ::unlink(path_.c_str());
    }
    void keep() { kept_ = true; }

private:
    std::string path_;
    bool kept_ = false;
};

// A descriptor that we open must not become a standard stream because that one was closed.
void open_missing_standard_streams() {
    int fd = 0;
    while ((fd = ::open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO) continue;
    if (fd > STDERR_FILENO) ::close(fd);
}

Launched launch_or_explain(const Plan& plan, const LaunchRequest& request, const StandardStreams& streams,
                           const sigset_t& mask) {
    try {
        return launch(plan, streams, mask);
    } catch (const LaunchFailure& failed) {
        const auto& step = plan.steps[static_cast<std::size_t>(failed.report.step)].operation;
        if (std::holds_alternative<op::Exec>(step)) throw exec_error(request, failed.report);
        throw step_error(plan, failed.report);
    }
}

}  // namespace

std::string plan_of_run(const Image& image, const RunOptions& options, bool as_json) {
    const auto request = make_request(image, options, default_paths());
    const auto plan = plan_from_request(request, probe_kernel());
    return as_json ? plan_json(plan) : plan_text(plan);
}

RunResult run(const Image& image, const RunOptions& options) {
    if (::geteuid() != 0)
        throw Error(ErrorKind::not_permitted, "minirun run needs root, to make namespaces and mounts",
                    "run it with sudo; --dry-run and explain work without");
    open_missing_standard_streams();
    // From here to the end, so that whatever a signal finds half made is unmade.
    const SignalsBlocked signals;
    const auto paths = default_paths();
    const auto features = probe_kernel();
    check_kernel(features);
    const auto request = make_request(image, options, paths);
    const auto plan = plan_from_request(request, features);
    if (!options.quiet)
        for (const auto& notice : request.notices) ::dprintf(STDERR_FILENO, "minirun: %s\n", notice.c_str());

    const ContainerDirectory directory(paths, request.id, request.name);
    NamedFile cidfile(options.cidfile, request.id);
    { const NamedFile can_be_made(options.pidfile, ""); }  // or nothing is started
    ContainerStreams streams(request.streams);
    const auto launched = launch_or_explain(plan, request, streams.for_launch(), signals.before());
    NamedFile pidfile(options.pidfile, cat(launched.pid));
    cidfile.keep();
    pidfile.keep();
    streams.start(launched);
    sweep(paths);
    const Stragglers stragglers(launched.pid, request.spec);
    const auto ending = supervise(launched, request, streams);
    return {ending.timed_out, ending.process.signaled, ending.process.code};
}

}  // namespace minirun
