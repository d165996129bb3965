// What a process can tell about itself, as one JSON object.
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>

#include "payload.hpp"

namespace payload {
namespace {

std::string link_target(const std::string& path) {
    char target[4096];
    const auto n = ::readlink(path.c_str(), target, sizeof target);
    return n < 0 ? "" : std::string(target, static_cast<std::size_t>(n));
}

std::string first_line(const char* path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path, "re"), std::fclose);
    char line[256] = "";
    if (!file || std::fgets(line, sizeof line, file.get()) == nullptr) return "";
    const std::string text = line;
    return text.substr(0, text.find('\n'));
}

std::string environment() {
    std::vector<std::string> all;
    for (char** entry = environ; *entry != nullptr; entry++) all.emplace_back(*entry);
    return json_list(all);
}

std::string ids() {
    uid_t uid[3];
    gid_t gid[3];
    ::getresuid(&uid[0], &uid[1], &uid[2]);
    ::getresgid(&gid[0], &gid[1], &gid[2]);
    std::vector<gid_t> groups(65536);
    groups.resize(static_cast<std::size_t>(std::max(0, ::getgroups(static_cast<int>(groups.size()), groups.data()))));
    std::vector<long> numbers(groups.begin(), groups.end());
    std::sort(numbers.begin(), numbers.end());
    JsonObject object;
    object.add("uid", json_list(std::vector<long>(std::begin(uid), std::end(uid))));
    object.add("gid", json_list(std::vector<long>(std::begin(gid), std::end(gid))));
    object.add("groups", json_list(numbers));
    return object.text();
}

// By system calls and not from /proc, which a bundle need not have.
std::string capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    syscall(SYS_capget, &header, data);
    const auto numbers = [](const auto& holds) {
        std::vector<long> all;
        for (int number = 0; number < 64; number++)
            if (holds(number)) all.push_back(number);
        return json_list(all);
    };
    const auto of = [&](auto member) {
        return numbers([&](int n) { return (data[n / 32].*member >> (n % 32) & 1) != 0; });
    };
    JsonObject object;
    object.add("effective", of(&__user_cap_data_struct::effective));
    object.add("permitted", of(&__user_cap_data_struct::permitted));
    object.add("inheritable", of(&__user_cap_data_struct::inheritable));
    object.add("bounding", numbers([](int n) { return ::prctl(PR_CAPBSET_READ, n, 0, 0, 0) == 1; }));
    object.add("ambient", numbers([](int n) { return ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, n, 0, 0) == 1; }));
    return object.text();
}

std::string descriptors() {
    JsonObject object;
    for (int fd = 0; fd < 4096; fd++)
        if (::fcntl(fd, F_GETFD) >= 0)
            object.add(std::to_string(fd), json(link_target("/proc/self/fd/" + std::to_string(fd))));
    return object.text();
}

std::string working_directory() {
    char path[4096];
    // The raw call: the C library would turn "(unreachable)/…" into an error.
    return syscall(SYS_getcwd, path, sizeof path) < 0 ? json(error_name(errno)) : json(path);
}

std::string file_mode_mask() {
    const auto mask = ::umask(0);
    ::umask(mask);
    return json(static_cast<long>(mask));
}

std::string limits() {
    struct Limit {
        const char* name;
        __rlimit_resource resource;
    };
    constexpr Limit all[] = {
        {"as", RLIMIT_AS},       {"core", RLIMIT_CORE},       {"cpu", RLIMIT_CPU},   {"data", RLIMIT_DATA},
        {"fsize", RLIMIT_FSIZE}, {"memlock", RLIMIT_MEMLOCK}, {"nice", RLIMIT_NICE}, {"nofile", RLIMIT_NOFILE},
        {"nproc", RLIMIT_NPROC}, {"stack", RLIMIT_STACK},
    };
    const auto text = [](rlim_t limit) { return limit == RLIM_INFINITY ? "-1" : std::to_string(limit); };
    JsonObject object;
    for (const auto& [name, resource] : all) {
        rlimit limit{};
        ::getrlimit(resource, &limit);
        object.add(name, "[" + text(limit.rlim_cur) + "," + text(limit.rlim_max) + "]");
    }
    return object.text();
}

std::string namespaces() {
    JsonObject object;
    for (const auto* name : {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"})
        object.add(name, json(link_target(std::string("/proc/self/ns/") + name)));
    return object.text();
}

std::string signals() {
    sigset_t blocked;
    ::sigprocmask(SIG_BLOCK, nullptr, &blocked);
    std::vector<std::string> blocked_names, ignored_names;
    for (int signal = 1; signal <= SIGRTMAX; signal++) {
        struct sigaction action {};
        if (sigismember(&blocked, signal) == 1) blocked_names.push_back(signal_name(signal));
        if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN)
            ignored_names.push_back(signal_name(signal));
    }
    JsonObject object;
    object.add("blocked", json_list(blocked_names));
    object.add("ignored", json_list(ignored_names));
    return object.text();
}

std::string terminal() {
    std::vector<std::string> names;
    for (int fd = 0; fd < 3; fd++) {
        char name[256] = "";
        names.emplace_back(::ttyname_r(fd, name, sizeof name) == 0 ? name : "");
    }
    winsize size{};
    ::ioctl(0, TIOCGWINSZ, &size);
    const int own = ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    JsonObject object;
    object.add("names", json_list(names));
    object.add("size", json_list(std::vector<long>{size.ws_row, size.ws_col}));
    object.add("controlling", json(own >= 0));
    object.add("foreground", json(own >= 0 && ::tcgetpgrp(own) == ::getpgrp()));
    object.add("session_leader", json(::getsid(0) == ::getpid()));
    return object.text();
}

std::string host_names() {
    char host[65] = "", domain[65] = "";
    ::gethostname(host, sizeof host);
    if (::getdomainname(domain, sizeof domain) < 0) domain[0] = 0;
    return json_list(std::vector<std::string>{host, domain});
}

struct Fact {
    const char* name;
    std::function<std::string()> text;
};
const Fact all_facts[] = {
    {"env", environment},
    {"ids", ids},
    {"caps", capabilities},
    {"no_new_privs", [] { return json(long{::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)}); }},
    {"seccomp", [] { return json(long{::prctl(PR_GET_SECCOMP, 0, 0, 0, 0)}); }},
    {"fds", descriptors},
    {"cwd", working_directory},
    {"umask", file_mode_mask},
    {"rlimits", limits},
    {"namespaces", namespaces},
    {"signals", signals},
    {"tty", terminal},
    {"names", host_names},
    {"session_keyring", [] { return json(syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3, 0)); }},
    {"pid", [] { return json(long{::getpid()}); }},
    {"init", [] { return json(first_line("/proc/1/comm")); }},
    {"oom_score_adj", [] { return json(first_line("/proc/self/oom_score_adj")); }},
};

}  // namespace

int print_facts(const Words& wanted) {
    JsonObject object;
    object.add("args", json_list(wanted));
    for (const auto& fact : all_facts)
        if (wanted.empty() || std::find(wanted.begin(), wanted.end(), fact.name) != wanted.end())
            object.add(fact.name, fact.text());
    std::puts(object.text().c_str());
    return 0;
}

}  // namespace payload
