#include "rootfs/dev.hpp"

#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "base/text.hpp"
#include "minirun/error.hpp"
#include "rootfs/mounts.hpp"

namespace minirun {
namespace {

struct Node {
    const char* name;
    std::uint32_t major, minor;
};
constexpr Node default_nodes[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
                                  {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
struct Link {
    const char* name;
    const char* target;
};
constexpr Link default_links[] = {{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"},
                                  {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
                                  {"ptmx", "pts/ptmx"},          {"core", "/proc/kcore"}};

mode_t device_type(char type) {
    if (type == 'b') return S_IFBLK;
    return type == 'p' ? S_IFIFO : S_IFCHR;
}

// In a user namespace mknod(2) is refused: there the host's node has to do. Read-only, so that no container can change
// the mode that it has for all others; a device can be written to nonetheless.
void add_node(PlanBuilder& plan, const op::MakeDevice& node, const char* of_host) {
    if (plan.features.host_user_namespace || S_ISFIFO(node.mode)) {
        plan.child(node);
        return;
    }
    struct stat info {};
    if (::stat(of_host, &info) < 0 || (info.st_mode & S_IFMT) != (node.mode & S_IFMT) ||
        info.st_rdev != makedev(node.major, node.minor))
        throw Error(ErrorKind::not_found,
                    cat("there is no device ", node.major, ':', node.minor, " at ", quote(of_host),
                        " on the host, and who is not root of the host can make none"));
    plan.child(op::BindMount{
        Slot::host, of_host, false, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE, false, {node.at, node.path, Create::file}});
}

void add_device(PlanBuilder& plan, Slot at, std::string_view name, const DeviceSpec& device, bool may_exist) {
    if (const auto slash = name.rfind('/'); slash != std::string_view::npos)
        plan.child(op::MakeDirectory{at, plan.text(name.substr(0, slash)), 0755});
    add_node(plan,
             {at, plan.text(name), device_type(device.type) | device.file_mode, device.major, device.minor, device.uid,
              device.gid, may_exist},
             plan.text(device.path));
}

}  // namespace

void add_null_device(PlanBuilder& plan, Slot at, const char* name) {
    add_node(plan, {at, name, S_IFCHR | 0666, 1, 3, 0, 0}, "/dev/null");
}

void add_dev(PlanBuilder& plan, bool in_image) {
    for (const auto& link : default_links) plan.child(op::MakeSymlink{Slot::dev, link.name, link.target, in_image});
    for (const auto& node : default_nodes)
        add_node(plan, {Slot::dev, node.name, S_IFCHR | 0666, node.major, node.minor, 0, 0, in_image},
                 plan.text(cat("/dev/", node.name)));
    for (const auto& device : plan.request.spec.linux_.devices) {
        const std::string_view path = device.path;
        if (!path.starts_with("/dev/")) continue;
        const auto name = path.substr(5);
        // Engines list the host's ptmx among others; here it is a link to the container's own.
        const bool is_default = name == "ptmx" || std::any_of(std::begin(default_nodes), std::end(default_nodes),
                                                              [&](const Node& node) { return name == node.name; });
        if (!is_default) add_device(plan, Slot::dev, name, device, in_image);
    }
}

// Where the config.json mounts nothing there, the image's own directory.
void add_dev_of_image(PlanBuilder& plan) {
    if (has_mount_at(plan.request.spec, "/dev")) return;
    plan.child(op::KeepDirectory{Slot::root, "dev", Slot::dev, true});
    add_dev(plan, true);
}

void add_other_devices(PlanBuilder& plan) {
    for (const auto& device : plan.request.spec.linux_.devices)
        if (!device.path.starts_with("/dev/"))
            add_device(plan, Slot::root, std::string_view(device.path).substr(1), device, true);
}

}  // namespace minirun
