#include "launch/netavark_process.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <exception>
#include <memory>

#include "base/json.hpp"
#include "base/text.hpp"
#include "kernel/process.hpp"
#include "kernel/system_call.hpp"
#include "kernel/system_error.hpp"
#include "launch/child_process.hpp"
#include "launch/helper_process.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"

namespace minirun {
namespace {

constexpr int patience = 60000;  // milliseconds that it may take; it needs some 300

constexpr std::string_view helper_folders[] = {
    "/usr/lib/podman", "/usr/libexec/podman", "/usr/local/lib/podman", "/usr/local/libexec/podman", "/usr/lib",
    "/usr/bin",        "/usr/local/bin"};
// What it looks for iptables in.
constexpr const char* environment[] = {"PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin", nullptr};
constexpr std::string_view rule_folders[] = {"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin"};

template <class Folders>
std::string find_program(const Folders& folders, std::string_view name) {
    for (const auto folder : folders) {
        auto path = cat(folder, '/', name);
        struct stat info {};
        if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0) return path;
    }
    return "";
}

Fd input_file(const std::string& text) {
    Fd file(::memfd_create("input", MFD_CLOEXEC));
    if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::lseek(file.get(), 0, SEEK_SET) < 0)
        throw system_error("cannot make a file in memory", errno);
    return file;
}

// All that it gets of minirun's.
struct Inherited {
    int host, input, output, complaints, gate;
};

// From the clone on: async-signal-safe, because this program may have threads.
[[noreturn]] void become_netavark(const char* program, const char* const* argv, const Inherited& given) noexcept {
    const auto check = [](const SysStatus& status) {
        if (!status) kernel::exit_now(127);
    };
    // What it has not done is undone by the next command.
    check(kernel::set_parent_death_signal(SIGKILL));
    char go = 0;
    if (sys::call(SYS_read, given.gate, &go, 1) != 1) kernel::exit_now(127);
    check(sys::status(SYS_setns, given.host, CLONE_NEWNET));
    // Ctrl-C is the container's.
    (void)sys::call(SYS_setpgid, 0, 0);
    check(sys::status(SYS_dup3, given.input, STDIN_FILENO, 0));
    check(sys::status(SYS_dup3, given.output, STDOUT_FILENO, 0));
    check(sys::status(SYS_dup3, given.complaints, STDERR_FILENO, 0));
    // aardvark-dns would inherit them, and keep the container's namespace for ever.
    (void)kernel::close_all_from(3, -1);
    constexpr sigset_t none{};
    kernel::reset_signals(none);
    check(sys::status(SYS_execve, program, argv, environment));
    kernel::exit_now(127);
}

// As long as aardvark-dns knows one, there is a file of its network.
bool knows_no_container(const std::string& directory) {
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(directory.c_str()), ::closedir);
    while (const dirent* entry = entries ? ::readdir(entries.get()) : nullptr)
        if (entry->d_name[0] != '.' && std::string_view(entry->d_name) != "aardvark.pid") return false;
    return true;
}

// {"error": "…"} on its standard output.
std::string told_error(const std::string& output) {
    const auto json = Json::parse(output, nullptr, false);
    if (json.is_object() && json.contains("error") && json["error"].is_string())
        return printable(json["error"].get<std::string>());
    return "";
}

Error netavark_error(const char* command, std::string told, const kernel::ProcessEnd& end) {
    if (told.empty()) told = end.signaled ? cat("ended by signal ", end.code) : cat("exit code ", end.code);
    const bool setup = std::string_view(command) == "setup";
    const bool rules = told.find("tables") != std::string::npos;
    return {ErrorKind::system,
            cat("netavark could not ", setup ? "set up" : "take down", " the container's network: ", told),
            rules ? "its rules take the kernel's iptables or nftables; --network pasta does without" : ""};
}

}  // namespace

NetavarkPrograms find_netavark(bool names) {
    NetavarkPrograms programs{find_program(helper_folders, "netavark"), find_program(helper_folders, "aardvark-dns")};
    const char* const way_out = "; --network pasta does without";
    if (programs.netavark.empty())
        throw Error(ErrorKind::unsupported, "--network bridge needs the program netavark",
                    cat("apt install netavark", way_out));
    if (names && programs.aardvark.empty())
        throw Error(ErrorKind::unsupported,
                    "--network bridge needs the program aardvark-dns, by which containers find each other's names",
                    cat("apt install aardvark-dns, or make the network with --disable-dns", way_out));
    if (find_program(rule_folders, "iptables").empty() && find_program(rule_folders, "nft").empty())
        throw Error(ErrorKind::unsupported,
                    "--network bridge needs the program iptables or nft, for the rules of its ports and ways out",
                    cat("apt install iptables", way_out));
    return programs;
}

std::string networks_state(const std::string& state, std::uint64_t host) { return cat(state, '/', host); }

NetworksLock::~NetworksLock() { ::flock(locked_.get(), LOCK_UN); }

NetworksLock lock_networks(const std::string& state) {
    make_private_directories(state);
    const auto path = state + "/lock";
    Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    int done = lock ? ::flock(lock.get(), LOCK_EX) : -1;
    while (done < 0 && errno == EINTR) done = ::flock(lock.get(), LOCK_EX);
    if (done < 0) throw system_error(cat("cannot lock ", quote(path)), errno, root_hint);
    return NetworksLock(std::move(lock));
}

void run_netavark(const NetavarkPrograms& programs, const NetavarkCall& call) {
    const auto& config = call.state;
    make_private_directories(config);
    // By a path, not as a descriptor of its own, which would go on to aardvark-dns.
    const auto network = cat("/proc/", ::getpid(), "/fd/", call.network.get());
    const char* const argv[] = {
        "netavark",   "--config",      config.c_str(), "--aardvark-binary", programs.aardvark.c_str(),
        call.command, network.c_str(), nullptr};
    const auto input = input_file(call.input), output = small_file(), complaints = small_file();
    auto gate = make_pipe();
    const auto started = kernel::clone_process(0);
    if (!started) throw system_error("cannot make a process for netavark", started.error());
    if (started.value().pid == 0) {
        (void)sys::call(SYS_close, gate.in.get());  // it would wait for itself
        become_netavark(programs.netavark.c_str(), argv,
                        {call.host.get(), input.get(), output.get(), complaints.get(), gate.out.get()});
    }
    const Fd process(started.value().pidfd);
    EndsProcess on_error(process);
    if (::write(gate.in.get(), "", 1) != 1) throw system_error("cannot start netavark", errno);
    if (!kernel::await_end(process.get(), patience))
        throw Error(ErrorKind::system,
                    cat("netavark did not get the container's network ready within ", patience / 1000, " s"));
    on_error.dismiss();
    const auto end = kernel::wait_pidfd(process.get());
    if (!end) throw system_error("cannot wait for netavark", end.error());
    if (!end.value().signaled && end.value().code == 0) return;
    auto told = told_error(text_in(output));
    throw netavark_error(call.command, told.empty() ? complaints_in(complaints) : std::move(told), end.value());
}

void remove_idle_state(const std::string& config) noexcept try {
    const auto names = config + "/aardvark-dns";
    // Without containers aardvark-dns ends, and removes its file, but not at once.
    constexpr int rounds = 200, microseconds = 5000;
    for (int round = 0; round < rounds && knows_no_container(names); round++) {
        if (::rmdir(names.c_str()) == 0 || errno == ENOENT) break;
        ::usleep(microseconds);
    }
    if (::access(names.c_str(), F_OK) == 0) return;
    ::unlink((config + "/aardvark.lock").c_str());
    ::rmdir(config.c_str());
} catch (const std::exception&) {
    // Out of memory: it stays, and is used again.
}

}  // namespace minirun
