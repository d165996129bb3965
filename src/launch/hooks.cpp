#include "launch/hooks.hpp"

#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "kernel/credentials.hpp"
#include "kernel/files.hpp"
#include "kernel/names.hpp"
#include "kernel/process.hpp"
#include "kernel/system_call.hpp"
#include "kernel/system_error.hpp"
#include "launch/child_process.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

Fd memory_file(const char* name) {
    Fd file(::memfd_create(name, MFD_CLOEXEC));
    if (!file) throw system_error("cannot make a file in memory", errno);
    return file;
}

// As its root, where it has one: the ids stay as they were otherwise, and are nobody's there.
template <class Fail>
void enter_user_namespace(int user_namespace, Fail fail) noexcept {
    fail(sys::status(SYS_setns, user_namespace, CLONE_NEWUSER));
    (void)kernel::set_groups(nullptr, 0);
    const auto group = kernel::set_gid(0);
    const auto user = kernel::set_uid(0);
    if (group.error() != EINVAL) fail(group);
    if (user.error() != EINVAL) fail(user);
}

// The hook's process, from the clone on: async-signal-safe, because this program may have threads.
[[noreturn]] void become_hook(const op::RunHook& hook, int input, int output, const HookPlace& place) noexcept {
    const auto fail = [&](const SysStatus& status) {
        const int error = status.error();
        if (error == 0) return;
        (void)kernel::write_all(output, &error, sizeof error);
        kernel::exit_now(127);
    };
    const bool inside = hook.namespaces != 0;
    if (inside) {
        fail(kernel::set_dumpable(false));
        fail(sys::status(SYS_setns, place.pidfd, hook.namespaces));
    } else if (*hook.directory != '\0') {
        fail(sys::chdir(hook.directory));
    }
    if (inside && place.user_namespace >= 0) enter_user_namespace(place.user_namespace, fail);
    fail(sys::status(SYS_dup3, input, STDIN_FILENO, 0));
    const int words = static_cast<int>(sys::call(SYS_fcntl, output, F_DUPFD_CLOEXEC, 3));
    fail(sys::status(SYS_dup3, output, STDOUT_FILENO, 0));
    fail(sys::status(SYS_dup3, output, STDERR_FILENO, 0));
    (void)kernel::close_all_from(3, words);
    constexpr sigset_t none{};
    kernel::reset_signals(none);
    output = words;
    fail(sys::status(SYS_execve, hook.path, hook.argv, hook.envp));
    kernel::exit_now(127);
}

// False: the time is up.
bool ends_in_time(const Fd& pidfd, int seconds) {
    pollfd ended{pidfd.get(), POLLIN, 0};
    const auto deadline = kernel::monotonic_nanoseconds() + std::int64_t{seconds} * 1'000'000'000;
    while (true) {
        const auto left = (deadline - kernel::monotonic_nanoseconds()) / 1'000'000 + 1;
        if (seconds > 0 && left <= 0) return false;
        const int ready = ::poll(&ended, 1, seconds > 0 ? static_cast<int>(std::min<std::int64_t>(left, 1 << 30)) : -1);
        if (ready > 0) return true;
    }
}

// The end of what it printed, on one line.
std::string last_words(int output) {
    constexpr off_t most = 512;
    const auto end = ::lseek(output, 0, SEEK_END);
    char text[most];
    const auto n = ::pread(output, text, most, std::max<off_t>(end - most, 0));
    std::string words(text, n > 0 ? static_cast<std::size_t>(n) : 0);
    while (!words.empty() && (words.back() == '\n' || words.back() == ' ')) words.pop_back();
    return words.empty() ? "" : cat(": ", printable(words));
}

// execve(2) or what comes before it failed: the error's number is all that it has printed.
int error_before_exec(int output) {
    int error = 0;
    const bool only_that =
        ::lseek(output, 0, SEEK_END) == sizeof error && ::pread(output, &error, sizeof error, 0) == sizeof error;
    return only_that && error > 0 && error < 4096 ? error : 0;
}

Error hook_error(const op::RunHook& hook, const std::string& how, const std::string& hint = "") {
    return {ErrorKind::system, cat("the ", hook.kind, " hook ", quote(hook.path), ' ', how), hint};
}

}  // namespace

op::RunHook hook_step(Arena& arena, const char* kind, const Hook& hook, std::string_view state,
                      std::string_view directory) {
    const auto args = hook.args.empty() ? std::vector<std::string>{hook.path} : hook.args;
    const auto* text = arena.text(state);
    return {kind,
            arena.text(hook.path),
            arena.null_terminated(args),
            arena.null_terminated(hook.env),
            hook.timeout.value_or(0),
            0,
            arena.text(directory),
            {text, state.size()}};
}

HookStreams::HookStreams(std::string_view state, pid_t container)
    : input_(memory_file("state")), output_(memory_file("output")) {
    const auto text = cat(state, ",\"pid\":", container, "}");
    const auto written = kernel::write_all(input_.get(), text.data(), text.size());
    if (!written || ::lseek(input_.get(), 0, SEEK_SET) < 0)
        throw system_error("cannot write the state for a hook", written.error());
}

void await_hook(const op::RunHook& hook, const Fd& pidfd, const HookStreams& streams) {
    EndsProcess on_error(pidfd);
    const int output = streams.output();
    if (!ends_in_time(pidfd, hook.timeout))
        throw hook_error(hook, cat("did not end within its timeout of ", hook.timeout, " s", last_words(output)));
    on_error.dismiss();
    const auto end = kernel::wait_pidfd(pidfd.get());
    if (!end) throw system_error("cannot wait for a hook", end.error());
    if (end.value().signaled)
        throw hook_error(hook, cat("was ended by ", signal_name(end.value().code), last_words(output)));
    if (end.value().code == 0) return;
    if (const int error = error_before_exec(output); end.value().code == 127 && error != 0)
        throw hook_error(hook, cat("cannot be run: ", errno_text(error), " (", errno_name(error), ")"));
    throw hook_error(hook, cat("failed with exit code ", end.value().code, last_words(output)));
}

void run_hook(const op::RunHook& hook, pid_t container, const HookPlace& place) {
    const HookStreams streams({hook.state.data(), hook.state.size()}, container);
    const auto cloned = kernel::clone_process(0);
    if (!cloned) throw hook_error(hook, cat("cannot be started: ", errno_text(cloned.error())));
    if (cloned.value().pid == 0) become_hook(hook, streams.input(), streams.output(), place);
    await_hook(hook, Fd(cloned.value().pidfd), streams);
}

std::vector<std::string> run_all_hooks(const char* kind, const std::vector<Hook>& hooks, std::string_view state,
                                       std::string_view directory, pid_t container) {
    std::vector<std::string> complaints;
    for (const auto& hook : hooks) try {
            Arena arena;
            run_hook(hook_step(arena, kind, hook, state, directory), container, {});
        } catch (const Error& error) {
            complaints.push_back(error.message());
        }
    return complaints;
}

}  // namespace minirun
