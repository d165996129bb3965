#include "launch/systemd_scope.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/file.hpp"
#include "base/text.hpp"
#include "build_config.hpp"
#include "kernel/process.hpp"
#include "kernel/system_error.hpp"
#include "launch/own_program.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr const char* program_name = "minirun-systemd";

struct Pipe {
    Fd in, out;
};
Pipe make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) throw system_error("cannot make a pipe", errno);
    return {Fd(ends[1]), Fd(ends[0])};
}

// Beside this program in a build tree; where it was installed otherwise.
std::string find_program() {
    for (const auto& path : {own_directory() + program_name, cat(MINIRUN_LIBEXEC_DIR "/", program_name)})
        if (::access(path.c_str(), X_OK) == 0) return path;
    throw Error(ErrorKind::not_found,
                cat("the systemd manager of cgroups needs the program ", program_name,
                    ", which is not there: minirun was built without libsystemd"),
                "use --cgroup-manager cgroupfs, or build it with libsystemd-dev");
}

// Everything up to the end; what is left of a line's end goes.
std::string read_all(const Fd& from) {
    auto text = read_fd(from.get(), program_name, 65536);
    while (text.ends_with('\n')) text.pop_back();
    return text;
}

}  // namespace

void run_systemd_program(const std::vector<std::string>& words) {
    const auto program = find_program();
    std::vector<char*> argv{const_cast<char*>(program_name)};
    for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    auto said = make_pipe();
    const auto started = kernel::clone_process(0);
    if (!started) throw system_error("cannot make a process", started.error());
    if (started.value().pid == 0) {
        kernel::reset_signals({});
        ::dup2(said.in.get(), STDERR_FILENO);
        ::execv(program.c_str(), argv.data());
        kernel::exit_now(127);
    }
    const Fd process(started.value().pidfd);
    said.in.reset();
    const auto words_of_it = read_all(said.out);
    const auto end = kernel::wait_pidfd(process.get());
    if (!end || end.value().signaled || end.value().code != 0)
        throw Error(ErrorKind::system, words_of_it.empty() ? cat(program_name, " failed") : printable(words_of_it));
}

void ScopeKeeper::start(const op::StartScope& step) {
    auto pipe = make_pipe();
    const auto keeper = kernel::clone_process(0);
    if (!keeper) throw system_error("cannot make a process", keeper.error());
    if (keeper.value().pid == 0) {
        char nothing = 0;
        ::close(pipe.in.get());
        (void)!::read(pipe.out.get(), &nothing, 1);  // until we let it go, or are gone
        kernel::exit_now(0);
    }
    process_.reset(keeper.value().pidfd);
    awaited_ = std::move(pipe.in);
    std::vector<std::string> words;
    for (const auto* word : step.words) words.emplace_back(*word == '\0' ? cat(keeper.value().pid) : word);
    run_systemd_program(words);
}

void ScopeKeeper::release() noexcept {
    if (!process_) return;
    awaited_.reset();
    (void)kernel::send_signal(process_.get(), SIGKILL);
    (void)kernel::wait_pidfd(process_.get());
    process_.reset();
}

}  // namespace minirun
