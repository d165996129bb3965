#include "cli/minirun/containers/background.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "kernel/files.hpp"
#include "kernel/process.hpp"
#include "kernel/sys_result.hpp"
#include "kernel/system_error.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

// What a process in the background tells of its start, over a pipe that is this descriptor of its own: one word, or an
// Error as JSON.
constexpr int ready_fd = 3;
// Behind it a supervisor has the socket of who is attached from the beginning, if there is one.
constexpr int attached_fd = 4;
// That a supervisor has them it is told by these words behind the container's.
constexpr const char* told_word = "--told";
constexpr const char* attached_word = "--attached";
constexpr std::string_view all_is_well = "runs";

std::string error_text(const Error& error) {
    const Json json{{"kind", static_cast<int>(error.kind())},
                    {"message", error.message()},
                    {"hint", error.hint()},
                    {"errno", error.system_errno()}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Error parse_error(const std::string& text) {
    const auto json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return {ErrorKind::system, "the process in the background has ended too early"};
    return {static_cast<ErrorKind>(json.value("kind", 0)), json.value("message", ""), json.value("hint", ""),
            json.value("errno", 0)};
}

// Does it, and tells how it began. The exit code.
int work_and_tell(const std::function<void(const std::function<void()>& started)>& work) {
    Fd ready(ready_fd);
    ::fcntl(ready_fd, F_SETFD, FD_CLOEXEC);
    const auto tell = [&ready](std::string_view text) {
        (void)kernel::write_all(ready.get(), text.data(), text.size());
        ready.reset();
    };
    try {
        work([&tell] { tell(all_is_well); });
    } catch (const Error& error) {
        if (ready) tell(error_text(error));
        return exit_code(error.kind());
    }
    return 0;
}

// A session of its own, and nothing of the caller's but the environment: whoever waits for the end of a pipe, or for a
// lock, does not wait for this.
void leave_caller(int ready, int attached) {
    ::setsid();
    const int null = ::open("/dev/null", O_RDWR);
    // Out of the way of the numbers that they get.
    const int high[] = {::fcntl(ready, F_DUPFD, 16), ::fcntl(attached, F_DUPFD, 16)};
    ::dup2(high[0], ready_fd);
    if (high[1] >= 0) ::dup2(high[1], attached_fd);
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, stream);
    (void)kernel::close_all_from(high[1] >= 0 ? attached_fd + 1 : attached_fd, -1);
    (void)libc_status(::chdir("/"));
}

// Runs the child's part, which does not return, in a process in the background, and waits for what it tells.
void fork_into_background(int attached, const std::function<void()>& child) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) throw system_error("cannot make a pipe", errno);
    const Fd ours(ends[0]);
    Fd theirs(ends[1]);
    const auto process = kernel::clone_process(0);
    if (!process) throw system_error("cannot start a process in the background", process.error());
    if (process.value().pid == 0) {
        leave_caller(theirs.get(), attached);
        child();
        ::_exit(125);
    }
    const Fd pidfd(process.value().pidfd);
    theirs.reset();
    constexpr std::size_t longest = 1 << 16;
    const auto told = read_fd(ours.get(), "what the process in the background tells", longest);
    if (told == all_is_well) return;
    (void)kernel::wait_pidfd(pidfd.get());
    throw parse_error(told);
}

}  // namespace

// The program anew: this process stays, and is not to hold what the command line and the image have left in memory.
void start_in_background(const std::string& id, int attached) {
    fork_into_background(attached, [&id, attached] {
        std::string words[] = {"minirun", "supervise", id, told_word, attached_word};
        char* last = attached >= 0 ? words[4].data() : nullptr;
        char* argv[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data(), last, nullptr};
        ::execv("/proc/self/exe", argv);
        const auto text = error_text(system_error("cannot run '/proc/self/exe'", errno));
        (void)kernel::write_all(ready_fd, text.data(), text.size());
    });
}

void do_in_background(const std::function<void(const std::function<void()>& started)>& work) {
    fork_into_background(-1, [&work] { ::_exit(work_and_tell(work)); });
}

// Without the words it is a service manager that has begun it: it wants a message on standard error.
int supervise_command(int argc, char** argv) {
    const auto has = [&](int index, std::string_view word) { return argc > index && word == argv[index]; };
    const bool told = has(2, told_word), attached = has(3, attached_word);
    if (argc != 2 + told + attached)
        throw Error(ErrorKind::usage, "minirun supervise takes a container, and is for service managers",
                    "minirun start runs it in the background");
    if (attached) ::fcntl(attached_fd, F_SETFD, FD_CLOEXEC);
    const auto supervise = [&](const std::function<void()>& started) {
        return Containers().supervise(argv[1], attached ? attached_fd : -1, started);
    };
    if (!told) return supervise([] {});
    return work_and_tell([&](const std::function<void()>& started) { (void)supervise(started); });
}

}  // namespace minirun
