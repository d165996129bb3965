// minirun info: this program, what it keeps, and what this host can do.
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/file.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "build_config.hpp"
#include "cli/command_line.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/image_text.hpp"
#include "cli/render.hpp"
#include "image/store.hpp"
#include "kernel/features.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"

namespace minirun {
namespace {

using Ordered = nlohmann::ordered_json;
using Words = std::vector<std::string>;

constexpr OptionWords options[] = {
    {'f', "format", "FORMAT", "text, json, or '{{.Driver}}' and other fields"},
    {0, "help", "", "print this text"},
};

// Where it is; empty if it is nowhere.
std::string find_program(std::string_view name, Words directories) {
    const char* path = std::getenv("PATH");
    const auto usual = split(path == nullptr ? "/usr/sbin:/usr/bin:/sbin:/bin" : path, ':');
    directories.insert(directories.begin(), usual.begin(), usual.end());
    for (const auto& directory : directories) {
        auto program = cat(directory, '/', name);
        if (!directory.empty() && ::access(program.c_str(), X_OK) == 0) return program;
    }
    return "";
}

// PRETTY_NAME of os-release(5).
std::string operating_system() {
    constexpr std::size_t most = 1 << 16;
    constexpr std::string_view key = "PRETTY_NAME=";
    for (const auto* file : {"/etc/os-release", "/usr/lib/os-release"}) try {
            for (const auto& line : split(read_optional_file(file, most).value_or(""), '\n')) {
                if (!line.starts_with(key)) continue;
                auto name = line.substr(key.size());
                std::erase(name, '"');
                return name;
            }
        } catch (const Error&) {
            // Whatever is there in its place, it is no such file.
        }
    return "Linux";
}

struct Helpers {
    std::string pasta = find_program("pasta", {});
    std::string netavark = find_program("netavark", {"/usr/lib/podman", "/usr/libexec/podman"});
    std::string image = find_program("minirun-image", {MINIRUN_LIBEXEC_DIR});
};

bool has_controller(const CgroupLayout& cgroups, std::string_view name) { return cgroups.find(name) != nullptr; }

// Sentences about what a person could miss, and what it is good for.
Words missing_of(const KernelFeatures& kernel, const Helpers& helpers) {
    Words missing;
    const auto unless = [&](bool is_there, std::string sentence) {
        if (!is_there) missing.push_back(std::move(sentence));
    };
    for (const auto& call : kernel.missing) missing.push_back(cat("no system call ", call, ": nothing can be run"));
    unless(::geteuid() == 0, "not root: only images and plans can be looked at");
    unless(kernel.overlay, "no overlay file system: no images, only --rootfs");
    unless(kernel.overlay_lowerdir_add, "no lowerdir+ of overlayfs (Linux 6.7): images with many layers may not fit");
    unless(kernel.filesystem_contexts, "no fsopen: mounts are made by mount(2)");
    unless(kernel.mount_setattr, "no mount_setattr (Linux 5.12): no --userns private");
    unless(kernel.mqueue, "no POSIX message queues: no /dev/mqueue");
    unless(kernel.host_user_namespace, "within a user namespace: no device nodes of its own");
    unless(!kernel.cgroups.hierarchies.empty(), "no cgroups: no limits on memory, CPUs and processes");
    if (!kernel.cgroups.hierarchies.empty())
        for (const auto& [controller, use] : {std::pair("memory", "--memory"), std::pair("cpu", "--cpus"),
                                              std::pair("pids", "--pids-limit"), std::pair("cpuset", "--cpuset-cpus")})
            unless(has_controller(kernel.cgroups, controller), cat("no controller ", controller, ": no ", use));
    unless(!helpers.pasta.empty(), "no program pasta (package passt): no --network pasta and no --publish");
    unless(!helpers.netavark.empty(), "no program netavark: no networks between containers");
    return missing;
}

Words security_options(const KernelFeatures& kernel) {
    Words found;
    if (::access("/proc/sys/kernel/seccomp/actions_avail", F_OK) == 0)
        found.emplace_back("name=seccomp,profile=builtin");
    if (kernel.apparmor) found.emplace_back("name=apparmor");
    if (kernel.selinux) found.emplace_back("name=selinux");
    if (::access("/proc/self/ns/user", F_OK) == 0) found.emplace_back("name=userns");
    if (::access("/proc/self/ns/cgroup", F_OK) == 0) found.emplace_back("name=cgroupns");
    return found;
}

std::string cgroup_version(const CgroupLayout& cgroups) {
    return cgroups.hierarchies.empty() ? "" : cgroups.unified() ? "2" : "1";
}

// Docker's keys where it has one for it.
Ordered document_of(const KernelFeatures& kernel, const Helpers& helpers) {
    const auto paths = default_paths();
    const auto containers = Containers().list();
    const auto count = [&](std::initializer_list<ContainerPhase> phases) {
        return std::count_if(containers.begin(), containers.end(), [&](const ContainerSummary& one) {
            return std::find(phases.begin(), phases.end(), one.phase) != phases.end();
        });
    };
    utsname host{};
    ::uname(&host);
    struct sysinfo memory {};
    ::sysinfo(&memory);
    using Phase = ContainerPhase;
    return {{"Containers", containers.size()},
            {"ContainersRunning", count({Phase::running, Phase::restarting})},
            {"ContainersPaused", count({Phase::paused})},
            {"ContainersStopped", count({Phase::created, Phase::exited})},
            {"Images", ImageStore(paths.data).all_images().size()},
            {"ServerVersion", MINIRUN_VERSION},
            {"Driver", "overlay2"},
            {"LoggingDriver", "json-file"},
            {"CgroupDriver", kernel.cgroups.hierarchies.empty() ? "none" : "cgroupfs"},
            {"CgroupVersion", cgroup_version(kernel.cgroups)},
            {"SecurityOptions", security_options(kernel)},
            {"KernelVersion", host.release},
            {"OperatingSystem", operating_system()},
            {"OSType", "linux"},
            {"Architecture", host.machine},
            {"NCPU", ::sysconf(_SC_NPROCESSORS_ONLN)},
            {"MemTotal", std::uint64_t{memory.totalram} * memory.mem_unit},
            {"Name", host.nodename},
            {"DockerRootDir", paths.data},
            {"StateDir", paths.state},
            {"Helpers", {{"pasta", helpers.pasta}, {"netavark", helpers.netavark}, {"minirun-image", helpers.image}}},
            {"Warnings", missing_of(kernel, helpers)}};
}

std::string text_of(const Ordered& all) {
    const auto value = [&](const char* key) {
        const auto& one = all[key];
        return one.is_string() ? printable(one.get<std::string>()) : one.dump();
    };
    std::string text;
    const auto add = [&](std::string_view name, const std::string& of) { text += cat(name, ": ", of, '\n'); };
    add("Containers", value("Containers"));
    add(" Running", value("ContainersRunning"));
    add(" Paused", value("ContainersPaused"));
    add(" Stopped", value("ContainersStopped"));
    add("Images", value("Images"));
    add("Version", value("ServerVersion"));
    add("Storage Driver", value("Driver"));
    add("Logging Driver", value("LoggingDriver"));
    add("Cgroup Driver", value("CgroupDriver"));
    add("Cgroup Version", value("CgroupVersion").empty() ? "none" : value("CgroupVersion"));
    add("Security Options", "");
    for (const auto& one : all["SecurityOptions"]) {
        const auto words = split(one.get<std::string>(), ',');
        text += cat("  ", words[0].substr(words[0].find('=') + 1), '\n');
        if (words.size() > 1) add("   Profile", words[1].substr(words[1].find('=') + 1));
    }
    add("Kernel Version", value("KernelVersion"));
    add("Operating System", value("OperatingSystem"));
    add("OSType", value("OSType"));
    add("Architecture", value("Architecture"));
    add("CPUs", value("NCPU"));
    add("Total Memory", human_size(all["MemTotal"].get<std::uint64_t>()));
    add("Name", value("Name"));
    add("Root Dir", value("DockerRootDir"));
    add("State Dir", value("StateDir"));
    add("Helpers", "");
    for (const auto& [name, path] : all["Helpers"].items()) {
        const auto where = path.get<std::string>();
        add("  " + name, where.empty() ? "none" : printable(where));
    }
    for (const auto& one : all["Warnings"]) add("MISSING", one.get<std::string>());
    return text;
}

}  // namespace

int info_command(int argc, char** argv) {
    const auto line = read_mixed_command_line(options, argc, argv);
    std::string format = "text";
    for (const auto& given : line.options) {
        if (options[given.index].name == "format") {
            format = given.value;
            continue;
        }
        print_output(
            cat("Usage: minirun info [OPTIONS]\n"
                "\n"
                "Tells which containers and images there are, and what this host can do.\n"
                "\n"
                "Options:\n",
                options_help(options)));
        return 0;
    }
    if (!line.arguments.empty()) throw Error(ErrorKind::usage, "minirun info takes no arguments");
    auto kernel = probe_kernel();
    kernel.cgroups = probe_cgroups();
    const auto all = document_of(kernel, {});
    const bool json = format == "json" || format == "{{json .}}";
    print_output(format == "text" ? text_of(all)
                                  : (json ? all.dump() : fill_in(format, all, "text, json, or ")) + "\n");
    return 0;
}

}  // namespace minirun
