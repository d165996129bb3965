#include "cli/minirun/run_values.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "base/file.hpp"
#include "base/json.hpp"
#include "base/path.hpp"
#include "base/text.hpp"
#include "image/platform.hpp"
#include "kernel/names.hpp"
#include "kernel/system_error.hpp"
#include "model/option_error.hpp"
#include "security/seccomp_profile.hpp"

namespace minirun {
namespace {

constexpr std::size_t max_env_file = 1 << 20;
constexpr std::size_t max_seccomp_file = 4 << 20;

[[noreturn]] void cannot_stat(std::string_view option, const std::string& path, int error, std::string hint) {
    const bool missing = error == ENOENT || error == ENOTDIR;
    throw Error(missing ? ErrorKind::not_found : ErrorKind::system,
                missing ? cat(option, ": ", quote(path), " does not exist on this host")
                        : cat(option, ": cannot look at ", quote(path), ": ", errno_text(error)),
                missing ? std::move(hint) : std::string(), error);
}

// Puts the option in front of what is wrong with a file that it names.
template <class Read>
std::string read_for(std::string_view option, const Read& read) {
    try {
        return read();
    } catch (const Error& error) {
        throw Error(error.kind(), cat(option, ": ", error.message()), error.hint(), error.system_errno());
    }
}

std::uint64_t limit_number(const std::string& text, std::string_view number) {
    if (number == "-1" || number == "unlimited") return ~std::uint64_t{0};
    if (const auto value = parse_number<std::uint64_t>(number)) return *value;
    throw option_error("--ulimit", text, cat(quote(number), " is no limit"), "a number, or -1 for none");
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r'; }

// One line of an env file: an assignment, or nothing for comments and for names that the host does not have.
std::string env_line(std::string_view line, const std::string& where) {
    const auto start = std::find_if_not(line.begin(), line.end(), is_blank);
    line.remove_prefix(static_cast<std::size_t>(start - line.begin()));
    if (line.empty() || line[0] == '#') return {};
    const auto name = line.substr(0, line.find('='));
    if (name.empty()) throw Error(ErrorKind::bad_input, cat(where, ": there is no name before the '='"));
    if (std::any_of(name.begin(), name.end(), is_blank))
        throw Error(ErrorKind::bad_input, cat(where, ": the name ", quote(name), " has a blank in it"),
                    "write NAME=value, without 'export' and without blanks around the '='");
    if (line.find('\0') != std::string_view::npos)
        throw Error(ErrorKind::bad_input, cat(where, ": there is a NUL byte"));
    if (name.size() != line.size()) return std::string(line);
    const char* value = std::getenv(std::string(name).c_str());
    return value != nullptr ? cat(name, '=', value) : std::string();
}

// The parts of --device: the paths and the permissions, each of which may be left out but the first.
struct DeviceParts {
    std::string host, container, permissions = "rwm";
};
DeviceParts device_parts(const std::string& text) {
    const auto parts = split(text, ':');
    if (parts.size() > 3) throw option_error("--device", text, "expected PATH[:PATH][:rwm]");
    DeviceParts device{parts[0], parts[0]};
    const bool second_is_path = parts.size() > 1 && parts[1].starts_with('/');
    if (second_is_path) device.container = parts[1];
    if (parts.size() == 3 && !second_is_path)
        throw option_error("--device", text, "the path in the container has to be absolute");
    if (parts.size() == 3 || (parts.size() == 2 && !second_is_path)) device.permissions = parts.back();
    return device;
}

void check_permissions(const std::string& text, const std::string& permissions) {
    const auto is_letter = [](char c) { return c == 'r' || c == 'w' || c == 'm'; };
    if (permissions.empty() || !std::all_of(permissions.begin(), permissions.end(), is_letter))
        throw option_error("--device", text,
                           cat("the permissions ", quote(permissions), " are not made of r, w and m"));
    // What keeps a container from making device nodes is that it lacks CAP_MKNOD: "rw" holds as well as "rwm".
    if (permissions.find('r') == std::string::npos || permissions.find('w') == std::string::npos)
        throw option_error("--device", text, cat("the permissions ", quote(permissions), " are not supported yet"),
                           "without a device cgroup it is rwm, or a volume with ro for what the file's mode allows");
}

}  // namespace

std::int64_t size_value(std::string_view option, std::string_view text) {
    const auto bytes = parse_size(text);
    if (bytes && *bytes > 0) return *bytes;
    throw option_error(option, text, "this is no size", "bytes, or a number with k, m or g behind it: 64m");
}

std::chrono::nanoseconds duration_value(std::string_view option, std::string_view text, bool zero_allowed) {
    const auto nanoseconds = parse_duration(text);
    if (nanoseconds && (*nanoseconds > 0 || zero_allowed)) return std::chrono::nanoseconds(*nanoseconds);
    throw option_error(option, text, "this is no time", "seconds, or with a unit: 10, 1.5s, 250ms, 1m30s");
}

std::string env_value(const std::string& text) {
    const auto equals = text.find('=');
    if (text.empty() || equals == 0) throw option_error("--env", text, "there is no name", "write NAME=value, or NAME");
    if (equals != std::string::npos) return text;
    const char* value = std::getenv(text.c_str());
    return value != nullptr ? cat(text, '=', value) : text;
}

std::vector<std::string> read_env_file(const std::string& path) {
    auto text = read_for("--env-file", [&] { return read_file_or_pipe(path, max_env_file); });
    if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
    std::vector<std::string> assignments;
    int number = 0;
    for (auto line : split(text, '\n')) {
        number++;
        if (line.ends_with('\r')) line.pop_back();
        if (auto assignment = env_line(line, cat(printable(path), ':', number)); !assignment.empty())
            assignments.push_back(std::move(assignment));
    }
    return assignments;
}

RlimitSpec ulimit_value(const std::string& text) {
    const auto [name, limits] = key_value("--ulimit", text);
    const auto number = rlimit_number(name);
    if (!number)
        throw option_error("--ulimit", text, cat("there is no limit ", quote(name)),
                           "getrlimit(2) lists them: nofile, nproc, core, memlock, stack, …");
    const auto colon = limits.find(':');
    RlimitSpec limit{rlimit_name(*number), limit_number(text, limits.substr(0, colon)), 0};
    limit.hard = colon == std::string::npos ? limit.soft : limit_number(text, limits.substr(colon + 1));
    if (limit.soft > limit.hard) throw option_error("--ulimit", text, "the soft limit is over the hard limit");
    return limit;
}

void set_limit(RunOptions& options, RlimitSpec limit) {
    std::erase_if(options.ulimits, [&](const RlimitSpec& other) { return other.type == limit.type; });
    options.ulimits.push_back(std::move(limit));
}

RestartPolicy restart_value(const std::string& text) {
    using When = RestartPolicy::When;
    if (text == "no") return {};
    if (text == "always") return {When::always};
    if (text == "unless-stopped") return {When::unless_stopped};
    if (text == "on-failure") return {When::on_failure};
    const std::string_view counted = "on-failure:";
    const auto most = text.starts_with(counted) ? parse_number<unsigned>(text.substr(counted.size())) : std::nullopt;
    if (most && *most > 0) return {When::on_failure, *most};
    throw option_error("--restart", text, "expected no, on-failure[:N], always or unless-stopped");
}

void set_log_option(LogSetting& log, const std::string& text) {
    const auto [key, value] = key_value("--log-opt", text);
    if (key == "max-size") {
        log.max_size = static_cast<std::uint64_t>(size_value("--log-opt max-size", value));
    } else if (key == "max-file") {
        const auto count = parse_number<unsigned>(value);
        if (!count || *count < 1 || *count > 1000)
            throw option_error("--log-opt", text, "expected a number from 1 to 1000");
        log.max_files = *count;
    } else if (key == "tag") {
        if (value.empty() || value.find("{{") != std::string::npos || value.find('\n') != std::string::npos)
            throw option_error("--log-opt", text, "expected a text, a line without fields in it");
        log.tag = value;
    } else {
        throw option_error("--log-opt", text, "only max-size, max-file and tag are known");
    }
}

ArtifactOption artifact_value(const std::string& text) {
    const auto colon = text.find(':');
    const auto path = text.substr(0, colon);
    if (colon == std::string::npos || colon + 1 == text.size() || !path.starts_with('/'))
        throw option_error("--artifacts", text, "expected PATH:DIR, an absolute path of the container and a directory");
    const auto clean = clean_path(path);
    if (clean == "/")
        throw option_error("--artifacts", text, "the whole root of a container cannot be copied",
                           "name what you want of it: /out");
    return {clean, text.substr(colon + 1)};
}

std::pair<std::string, std::string> key_value(std::string_view option, const std::string& text) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
        throw option_error(option, text, "expected KEY=VALUE", option == "--ulimit" ? "write nofile=1024:2048" : "");
    return {text.substr(0, equals), text.substr(equals + 1)};
}

DeviceSpec device_value(const std::string& text) {
    const auto parts = device_parts(text);
    check_permissions(text, parts.permissions);
    if (!parts.host.starts_with('/'))
        throw option_error("--device", text, "the path on the host has to be absolute", "write /dev/NAME");
    const auto destination = clean_path(parts.container);
    if (!destination.starts_with("/dev/"))
        throw option_error("--device", text, cat(quote(destination), " is not below /dev in the container"),
                           "write --device HOST:/dev/NAME");
    struct stat info {};
    if (::stat(parts.host.c_str(), &info) < 0)
        cannot_stat("--device", parts.host, errno, "load the driver, or leave the option out");
    if (S_ISDIR(info.st_mode))
        throw option_error("--device", text, "this is a directory; whole directories are not supported yet",
                           "name each device");
    if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode))
        throw option_error("--device", text, "this is no device", "for a file or a socket use --volume");
    return {destination,          S_ISBLK(info.st_mode) ? 'b' : 'c',
            major(info.st_rdev),  minor(info.st_rdev),
            info.st_mode & 0777u, info.st_uid,
            info.st_gid};
}

std::string current_directory() {
    const std::unique_ptr<char, void (*)(void*)> path(::getcwd(nullptr, 0), ::free);
    if (!path) throw system_error("cannot tell the current directory", errno, "give absolute paths");
    return path.get();
}

void check_source_exists(std::string_view option, const VolumeOption& volume) {
    struct stat info {};
    if (volume.source.empty()) return;
    if (::stat(volume.source.c_str(), &info) < 0)
        cannot_stat(option, volume.source, errno,
                    "make it first: minirun does not, since a mistyped path would then go unseen");
    if (volume.kind == VolumeOption::Kind::overlay && !S_ISDIR(info.st_mode))
        throw option_error(option, volume.source, "only a directory can have the option O");
}

void check_host_platform(const std::string& platform) {
    struct utsname host {};
    ::uname(&host);
    const auto architecture = image_architecture(host.machine);
    const auto parts = split(platform, '/');
    if (parts.size() > 3 || std::find(parts.begin(), parts.end(), "") != parts.end())
        throw option_error("--platform", platform, "expected OS/ARCHITECTURE[/VARIANT]", "write linux/amd64");
    const bool fits = parts.size() == 1 ? parts[0] == "linux" || parts[0] == architecture
                                        : parts[0] == "linux" && parts[1] == architecture;
    if (!fits)
        throw Error(ErrorKind::unsupported, cat("--platform ", quote(platform), ": this host is linux/", architecture,
                                                ", and minirun emulates no other"));
}

std::string read_seccomp_file(const std::string& path) {
    return read_for("--security-opt seccomp", [&] {
        auto text = read_file_or_pipe(path, max_seccomp_file);
        // Only for the message: what is compiled later knows the text but not the file.
        (void)read_seccomp_profile(text, printable(path), {}, {});
        return text;
    });
}

}  // namespace minirun
