#include "launch/pasta_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "kernel/process.hpp"
#include "kernel/system_call.hpp"
#include "kernel/system_error.hpp"
#include "launch/child_process.hpp"
#include "launch/helper_process.hpp"
#include "launch/left_behind.hpp"
#include "minirun/error.hpp"
#include "model/defaults.hpp"
#include "network/host_ports.hpp"

namespace minirun {
namespace {

constexpr int patience = 10000;  // milliseconds until it has to be ready; it takes some 25

// All that it keeps of minirun's.
struct Inherited {
    int network, ready, complaints, gate;
};

// An IPv6 address of the container is its own at once: there is nobody else whom it could be asked whether they have
// it, and pasta loses what comes for the container in the second that this takes. Without IPv6 there is nothing to do.
void leave_out_address_detection(int network) noexcept {
    const auto host = sys::call(SYS_openat, AT_FDCWD, "/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (host < 0 || !sys::status(SYS_setns, network, CLONE_NEWNET)) return;
    const auto setting =
        sys::call(SYS_openat, AT_FDCWD, "/proc/sys/net/ipv6/conf/default/accept_dad", O_WRONLY | O_CLOEXEC);
    if (setting >= 0) (void)sys::call(SYS_write, setting, "0", 1);
    if (!sys::status(SYS_setns, host, CLONE_NEWNET)) kernel::exit_now(127);
}

// From the clone on: async-signal-safe, because this program may have threads.
[[noreturn]] void become_pasta(const char* program, const char* const* argv, const Inherited& given) noexcept {
    const auto check = [](const SysStatus& status) {
        if (!status) kernel::exit_now(127);
    };
    check(kernel::set_parent_death_signal(SIGKILL));
    // Nothing comes if minirun was gone before that was set.
    char go = 0;
    if (sys::call(SYS_read, given.gate, &go, 1) != 1) kernel::exit_now(127);
    leave_out_address_detection(given.network);
    // Ctrl-C is the container's.
    (void)sys::call(SYS_setsid);
    check(sys::status(SYS_dup3, given.network, STDIN_FILENO, 0));
    check(sys::status(SYS_dup3, given.ready, STDOUT_FILENO, 0));
    check(sys::status(SYS_dup3, given.complaints, STDERR_FILENO, 0));
    (void)kernel::close_all_from(3, -1);
    constexpr sigset_t none{};
    kernel::reset_signals(none);
    const char* const environment[] = {nullptr};
    check(sys::status(SYS_execve, program, argv, environment));
    kernel::exit_now(127);
}

// Whether it has written the number of its process, which is when all is set up.
bool becomes_ready(const Fd& ready) {
    const auto deadline = kernel::monotonic_nanoseconds() + std::int64_t{patience} * 1'000'000;
    while (true) {
        const auto left = (deadline - kernel::monotonic_nanoseconds()) / 1'000'000;
        if (left <= 0)
            throw Error(ErrorKind::system,
                        cat("pasta did not get the container's network ready within ", patience / 1000, " s"));
        pollfd input{ready.get(), POLLIN, 0};
        if (::poll(&input, 1, static_cast<int>(left)) <= 0) continue;
        char text[64];
        const auto n = ::read(ready.get(), text, sizeof text);
        if (n <= 0) return false;
        if (std::find(text, text + n, '\n') != text + n) return true;
    }
}

Error pasta_error(const std::string& complaints, const kernel::ProcessEnd& end) {
    const auto has = [&](const char* words) { return complaints.find(words) != std::string::npos; };
    const char* hint =
        has("external interface") || has("External interface")
            ? "it goes out by the interface of the host's default route: ip route shows whether there is "
              "one; --network host does without"
        : has("tun") ? "it needs /dev/net/tun: modprobe tun"
                     : "";
    const auto how = end.signaled ? cat("ended by signal ", end.code) : cat("exit code ", end.code);
    return {ErrorKind::system,
            cat("pasta could not set up the container's network: ", complaints.empty() ? how : complaints), hint};
}

std::string find_pasta() {
    const char* path = std::getenv("PATH");
    for (const auto& directory : split(path == nullptr ? default_path : path, ':')) {
        auto program = directory + "/pasta";
        if (!directory.empty() && ::access(program.c_str(), X_OK) == 0) return program;
    }
    throw Error(ErrorKind::unsupported, "--network pasta, --publish and --publish-all need the program pasta",
                "apt install passt");
}

}  // namespace

PastaProcess::PastaProcess(const op::StartPasta& step, const Fd& network) {
    const auto program = find_pasta();
    check_host_ports(step.ports);
    auto gate = make_pipe(), ready = make_pipe();
    const auto complaints = small_file();
    const auto started = kernel::clone_process(0);
    if (!started) throw system_error("cannot make a process for pasta", started.error());
    if (started.value().pid == 0) {
        (void)sys::call(SYS_close, gate.in.get());  // it would wait for itself
        become_pasta(program.c_str(), step.argv, {network.get(), ready.in.get(), complaints.get(), gate.out.get()});
    }
    process_.reset(started.value().pidfd);
    EndsProcess on_error(process_);
    ready.in.reset();
    // Written down before it is pasta: at no moment is there one that the next command would not find.
    if (const auto recorded = record_process(step.record, started.value().pid, {}); !recorded)
        throw system_error(cat("cannot make ", quote(step.record)), recorded.error());
    if (::write(gate.in.get(), "", 1) != 1) throw system_error("cannot start pasta", errno);
    const bool is_ready = becomes_ready(ready.out);
    on_error.dismiss();
    if (is_ready) return;
    // It says how it has ended; one that has only fallen silent is ended.
    if (!kernel::await_end(process_.get(), 1000)) (void)kernel::send_signal(process_.get(), SIGKILL);
    const auto end = kernel::wait_pidfd(process_.get());
    throw pasta_error(complaints_in(complaints), end.value());
}

PastaProcess& PastaProcess::operator=(PastaProcess&& other) noexcept {
    end();
    process_ = std::move(other.process_);
    return *this;
}

void PastaProcess::end() noexcept {
    if (process_) EndsProcess now(process_);
    process_.reset();
}

}  // namespace minirun
