#include "launch/own_user_namespace.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "base/text.hpp"
#include "kernel/channel.hpp"
#include "kernel/credentials.hpp"
#include "kernel/files.hpp"
#include "kernel/process.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "model/user_database.hpp"

namespace minirun {
namespace {

constexpr std::size_t max_file = 16 * 1024 * 1024;

std::string text_of(const char* path) { return ::access(path, R_OK) == 0 ? read_file(path, max_file) : std::string(); }

// From the file: what a name service says would have to be loaded into this program.
std::string own_name(uid_t uid) {
    for (const auto& entry : parse_passwd(text_of("/etc/passwd")))
        if (entry.uid == uid) return entry.name;
    return "";
}

// A tool of shadow's with the words that map the user's own id and its subordinate ones, each to itself; empty where
// there are none. Lines are "name-or-uid:first:count" (subuid(5)).
std::vector<std::string> mapping_tool(const char* tool, const char* file, std::uint32_t own) {
    const auto uid = ::geteuid();
    const auto name = own_name(uid), number = cat(uid);
    std::vector<std::string> words{tool, cat(::getpid()), cat(own), cat(own), "1"};
    const auto own_words = words.size();
    for (const auto& line : split(text_of(file), '\n')) {
        const auto fields = split(line, ':');
        if (fields.size() != 3 || fields[0].empty() || (fields[0] != name && fields[0] != number)) continue;
        const auto first = parse_number<std::uint32_t>(fields[1]), count = parse_number<std::uint32_t>(fields[2]);
        if (first && count && *count > 0 && (own < *first || own - *first >= *count))
            words.insert(words.end(), {fields[1], fields[1], fields[2]});
    }
    return words.size() > own_words && ::access(tool, X_OK) == 0 ? words : std::vector<std::string>{};
}

// In a child that may neither throw nor allocate.
int run_tool(const std::vector<char*>& argv) noexcept {
    const auto started = kernel::clone_process(0);
    if (!started) return 1;
    if (started.value().pid == 0) {
        ::execv(argv[0], argv.data());
        kernel::exit_now(127);
    }
    const auto end = kernel::wait_pidfd(started.value().pidfd);
    return end && !end.value().signaled ? end.value().code : 1;
}

// Maps ids from outside, where the tools have their rights: a process that was born before the namespace was entered.
class OutsideMapper {
public:
    OutsideMapper(std::vector<std::string> for_uids, std::vector<std::string> for_gids)
        : words_{std::move(for_uids), std::move(for_gids)} {
        if (!is_needed()) return;
        std::vector<char*> argv[2];
        for (int i = 0; i < 2; i++) {
            for (auto& word : words_[i]) argv[i].push_back(word.data());
            argv[i].push_back(nullptr);
        }
        const auto pair = kernel::socket_pair();
        if (!pair) throw system_error("cannot make a socket pair", pair.error());
        go_.reset(pair.value().here);
        const Fd there(pair.value().there);
        const auto started = kernel::clone_process(0);
        if (!started) throw system_error("cannot make a process", started.error());
        if (started.value().pid == 0) {
            char told = 0;
            go_.reset();
            const auto received = kernel::receive_message(there.get(), &told, sizeof told);
            if (!received || received.value().size == 0) kernel::exit_now(1);
            const int uids = run_tool(argv[0]);
            kernel::exit_now(uids != 0 ? uids : run_tool(argv[1]));
        }
        process_.reset(started.value().pidfd);
    }

    // Both kinds or none: a user namespace with many users and one group helps nobody.
    bool is_needed() const { return !words_[0].empty() && !words_[1].empty(); }

    void map() {
        (void)kernel::send_message(go_.get(), "", 1);
        const auto end = kernel::wait_pidfd(process_.get());
        if (!end || end.value().signaled || end.value().code != 0)
            throw Error(ErrorKind::system, "newuidmap or newgidmap did not map the ids of this user",
                        "they say why; /etc/subuid and /etc/subgid have to hold ranges that are the user's alone");
    }

private:
    std::vector<std::string> words_[2];
    Fd go_, process_;
};

void write_own(const char* path, const std::string& text) {
    const Fd file(::open(path, O_WRONLY | O_CLOEXEC));
    const auto done = file ? kernel::write_all(file.get(), text.data(), text.size()) : SysStatus::failure(errno);
    if (!done) throw system_error(cat("cannot write to ", quote(path)), done.error());
}

void map_own_ids(uid_t uid, gid_t gid) {
    write_own("/proc/self/setgroups", "deny");
    write_own("/proc/self/uid_map", cat(uid, ' ', uid, " 1\n"));
    write_own("/proc/self/gid_map", cat(gid, ' ', gid, " 1\n"));
}

// A user other than root loses its capabilities in execve(2), but for the ambient ones.
void keep_rights() {
    const auto all = kernel::permitted_capabilities();
    auto done = all ? kernel::set_capabilities(all.value(), all.value(), all.value()) : SysStatus::failure(all.error());
    if (done) done = kernel::set_ambient(all.value());
    if (!done) throw system_error("cannot keep the rights in this user's own user namespace", done.error());
}

}  // namespace

bool has_own_rights() noexcept {
    const auto all = kernel::permitted_capabilities();
    return all && (all.value() >> CAP_SYS_ADMIN & 1) != 0;
}

void enter_own_user_namespace() {
    const auto uid = ::geteuid();
    const auto gid = ::getegid();
    OutsideMapper outside(mapping_tool("/usr/bin/newuidmap", "/etc/subuid", uid),
                          mapping_tool("/usr/bin/newgidmap", "/etc/subgid", gid));
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        throw system_error("a user who is not root needs a user namespace, and cannot make one", errno,
                           "run as root, or see that the host allows them: sysctl user.max_user_namespaces, "
                           "kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns");
    if (outside.is_needed())
        outside.map();
    else
        map_own_ids(uid, gid);
    keep_rights();
}

void enter_user_namespace(const Fd& user_namespace) {
    if (::setns(user_namespace.get(), CLONE_NEWUSER) < 0 || ::unshare(CLONE_NEWNS) < 0)
        throw system_error("cannot enter the user namespace that the container was made in", errno,
                           "it is another user's: run as that one, or as root");
    keep_rights();
}

void keep_rights_no_longer() noexcept {
    const auto all = kernel::permitted_capabilities();
    if (!all) return;
    (void)kernel::set_ambient(0);
    (void)kernel::set_capabilities(all.value(), all.value(), 0);
}

}  // namespace minirun
