#include "model/sysctl.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace minirun {
namespace {

// Those of ipc/ipc_sysctl.c. By name and not by prefix: what a later kernel adds need not be namespaced.
constexpr std::array<std::string_view, 12> ipc_files{
    "kernel/auto_msgmni", "kernel/msg_next_id", "kernel/msgmax", "kernel/msgmnb",      "kernel/msgmni",
    "kernel/sem",         "kernel/sem_next_id", "kernel/shmall", "kernel/shm_next_id", "kernel/shm_rmid_forced",
    "kernel/shmmax",      "kernel/shmmni"};

}  // namespace

std::optional<std::string> sysctl_path(std::string_view key) {
    std::string path(key);
    const auto separator = path.find_first_of("./");
    if (separator == std::string::npos || path.find('\0') != std::string::npos) return std::nullopt;
    if (path[separator] == '.')
        for (auto& c : path) c = c == '.' ? '/' : c == '/' ? '.' : c;
    const auto parts = split(path, '/');
    const auto harmful = [](const std::string& part) { return part.empty() || part == "." || part == ".."; };
    if (std::any_of(parts.begin(), parts.end(), harmful)) return std::nullopt;
    return path;
}

std::optional<NamespaceType> sysctl_namespace(std::string_view path) {
    if (path.starts_with("net/")) return NamespaceType::network;
    if (path.starts_with("fs/mqueue/")) return NamespaceType::ipc;
    if (std::find(ipc_files.begin(), ipc_files.end(), path) != ipc_files.end()) return NamespaceType::ipc;
    if (path == "kernel/domainname") return NamespaceType::uts;
    return std::nullopt;
}

}  // namespace minirun
