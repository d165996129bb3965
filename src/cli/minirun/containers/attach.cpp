// minirun attach, and start --attach: this terminal becomes the container's.
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/text.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/containers/arguments.hpp"
#include "cli/minirun/containers/attach.hpp"
#include "kernel/files.hpp"
#include "kernel/system_error.hpp"
#include "launch/relay.hpp"
#include "launch/signals.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"
#include "runtime/attach_server.hpp"
#include "runtime/events.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {
    {0, "no-stdin", "", "do not pass standard input on"},
    {0, "detach-keys", "KEYS", "what leaves the container to itself: ctrl-p,ctrl-q"},
    {0, "sig-proxy", "", "pass signals on (the default)"},
    {0, "help", "", "print this text"},
};

// Finds the sequence of keys in what is typed.
class DetachKeys {
public:
    explicit DetachKeys(std::string keys) : keys_(std::move(keys)) {}
    // What of `typed` goes on to the container; `found` if the sequence is complete.
    std::string filter(std::string_view typed, bool& found) {
        std::string passed;
        for (const char key : typed) {
            if (key != keys_[seen_]) {
                passed.append(keys_, 0, seen_);
                seen_ = 0;
            }
            if (key != keys_[seen_]) {
                passed += key;
            } else if (++seen_ == keys_.size()) {
                found = true;
                break;
            }
        }
        return passed;
    }

private:
    std::string keys_;
    std::size_t seen_ = 0;
};

class Attached {
public:
    Attached(Fd connection, const AttachSetting& setting)
        : connection_(std::move(connection)),
          setting_(setting),
          keys_(setting.detach_keys),
          reads_(setting.input),
          queue_(open_signal_queue()) {
        if (setting_.tty) raw_.emplace(STDIN_FILENO);
        if (setting_.tty) tell_size();
    }

    // The container's exit code; none if it was left to itself.
    std::optional<int> run() {
        while (!code_ && !detached_) {
            pollfd watched[] = {{reads_ && to_send_.empty() ? STDIN_FILENO : -1, POLLIN, 0},
                                {connection_.get(), static_cast<short>(POLLIN | (to_send_.empty() ? 0 : POLLOUT)), 0},
                                {queue_.get(), POLLIN, 0}};
            ::poll(watched, std::size(watched), -1);
            if (watched[2].revents != 0) take_signals();
            if (watched[0].revents != 0) read_input();
            if ((watched[1].revents & POLLOUT) != 0) send_some();
            if ((watched[1].revents & ~POLLOUT) != 0) receive();
        }
        return code_;
    }

private:
    void read_input() {
        char typed[4096];
        const auto n = ::read(STDIN_FILENO, typed, sizeof typed);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
        reads_ = n > 0;
        if (n <= 0 && setting_.ends_input) to_send_ = "e";
        if (n > 0) {
            const std::string_view text(typed, static_cast<std::size_t>(n));
            const auto passed = setting_.tty ? keys_.filter(text, detached_) : std::string(text);
            if (!passed.empty()) to_send_ = "i" + passed;
        }
        if (!to_send_.empty()) send_some();
    }

    void send_some() {
        const auto sent = ::send(connection_.get(), to_send_.data(), to_send_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0 || (errno != EAGAIN && errno != EINTR)) to_send_.clear();
    }

    void receive() {
        char message[longest_attach_message];
        const auto n = ::recv(connection_.get(), message, sizeof message, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (n <= 0)
            throw Error(ErrorKind::conflict, "the container's supervisor has let this command go",
                        "it was killed, or its output came faster than it was read: minirun logs has it");
        const std::string_view bytes(message + 1, static_cast<std::size_t>(n) - 1);
        if (message[0] == 'x') code_ = parse_number<int>(bytes).value_or(0);
        const int stream = message[0] == '2' ? STDERR_FILENO : STDOUT_FILENO;
        if (message[0] != 'x' && !kernel::write_all(stream, bytes.data(), bytes.size())) detached_ = true;
    }

    void tell_size() {
        winsize size{};
        if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0) return;
        char message[1 + sizeof size] = {'w'};
        std::copy_n(reinterpret_cast<const char*>(&size), sizeof size, message + 1);
        (void)::send(connection_.get(), message, sizeof message, MSG_DONTWAIT | MSG_NOSIGNAL);
    }

    void take_signals() {
        signalfd_siginfo info{};
        while (::read(queue_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
            const auto signal = static_cast<int>(info.ssi_signo);
            if (signal == SIGWINCH && setting_.tty) tell_size();
            const bool own = signal == SIGCHLD || signal == SIGPIPE || signal == SIGWINCH;
            if (own) continue;
            if (!setting_.signals)
                detached_ = true;
            else
                pass_on(signal);
        }
    }

    void pass_on(int signal) const {
        try {
            Containers().kill(setting_.id, signal);
        } catch (const Error&) {
            // It has ended meanwhile, which is about to be told.
        }
    }

    Fd connection_;
    AttachSetting setting_;
    DetachKeys keys_;
    bool reads_;
    SignalsBlocked signals_;
    Fd queue_;
    std::optional<RawTerminal> raw_;
    std::string to_send_;
    std::optional<int> code_;
    bool detached_ = false;
};

}  // namespace

std::string detach_keys_value(const std::string& text) {
    std::string keys;
    for (const auto& word : split(text, ',')) {
        const bool control = word.starts_with("ctrl-") && word.size() == 6;
        const char key = control ? word[5] : word.size() == 1 ? word[0] : '\0';
        if (key == '\0' || (control && (key < '@' || key > 'z')))
            throw Error(ErrorKind::usage, cat("--detach-keys ", quote(text), ": ", quote(word), " is no key"),
                        "write a letter, or ctrl-p, with commas between");
        keys += control ? static_cast<char>(key & 0x1f) : key;
    }
    return keys;
}

int attach_to(Fd connection, const AttachSetting& setting) {
    return Attached(std::move(connection), setting).run().value_or(0);
}

AttachSetting attach_setting_of(const ContainerDetails& container) {
    const bool typed = container.interactive;
    if (container.spec.process.terminal && typed && ::isatty(STDIN_FILENO) == 0)
        throw Error(
            ErrorKind::usage,
            cat("container ", quote(container.summary.name), " has a terminal, and standard input here is none"),
            "leave out its input: attach --no-stdin");
    return {.id = container.summary.id, .tty = container.spec.process.terminal && typed, .input = typed};
}

int attach_command(int argc, char** argv) {
    const auto line =
        read_container_line({"attach [OPTIONS] CONTAINER",
                             "Shows what a container writes from now on, and passes on what is typed.", options},
                            argc, argv);
    if (!line) return 0;
    if (line->arguments.size() != 1) throw Error(ErrorKind::usage, "minirun attach takes one container");
    auto container = Containers().inspect(line->arguments[0]);
    bool signals = true;
    std::string keys = default_detach_keys;
    for (const auto& given : line->options) {
        const auto name = options[given.index].name;
        if (name == "no-stdin" && given.on) container.interactive = false;
        if (name == "sig-proxy") signals = given.on;
        if (name == "detach-keys") keys = detach_keys_value(given.value);
    }
    auto setting = attach_setting_of(container);
    setting.signals = signals;
    setting.detach_keys = keys;
    const auto& one = container.summary;
    if (one.phase != ContainerPhase::running)
        throw Error(ErrorKind::conflict,
                    cat("container ", quote(one.name), " is not running: it is ", phase_word(one.phase)));
    auto connection = connect_to_attach(one.directory);
    if (!connection)
        throw Error(ErrorKind::conflict,
                    cat("container ", quote(one.name), " runs in the foreground of another command"),
                    "minirun logs -f shows what it writes");
    tell_container_event(one.id, "attach");
    return attach_to(std::move(connection), setting);
}

}  // namespace minirun
