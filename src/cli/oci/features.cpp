// features: what this runtime can do, for engines (features.md).
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "build_config.hpp"
#include "cli/oci/arguments.hpp"
#include "cli/oci/commands.hpp"
#include "cli/render.hpp"
#include "kernel/names.hpp"

namespace minirun {
namespace {

using Ordered = nlohmann::ordered_json;

constexpr OptionWords options[] = {{0, "help", "", "print this text"}};

std::vector<std::string> capabilities() {
    std::vector<std::string> names;
    for (int number = 0; number <= last_known_capability(); number++) names.push_back(capability_name(number));
    return names;
}

Ordered seccomp() {
    return {{"enabled", true},
            {"actions",
             {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
              "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"}},
            {"operators",
             {"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ",
              "SCMP_CMP_NE"}},
#ifdef __x86_64__
            {"archs", {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"}},
#else
            {"archs", {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"}},
#endif
            {"knownFlags",
             {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_LOG",
              "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}},
            {"supportedFlags",
             {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_LOG",
              "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}}};
}

Ordered linux_features() {
    return {{"namespaces", {"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"}},
            {"capabilities", capabilities()},
            {"cgroup", {{"v1", true}, {"v2", true}, {"systemd", true}, {"systemdUser", false}, {"rdma", true}}},
            {"seccomp", seccomp()},
            {"apparmor", {{"enabled", true}}},
            {"selinux", {{"enabled", true}}},
            {"intelRdt", {{"enabled", false}}},
            {"mountExtensions", {{"idmap", {{"enabled", true}}}}},
            {"memoryPolicy",
             {{"modes",
               {"MPOL_DEFAULT", "MPOL_PREFERRED", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED_MANY",
                "MPOL_WEIGHTED_INTERLEAVE"}},
              {"flags", {"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"}}}},
            {"netDevices", {{"enabled", true}}}};
}

}  // namespace

int oci_features(const OciSetting&, int argc, char** argv) {
    if (read_oci_line(options, "features", argc, argv).done) return 0;
    const Ordered json{
        {"ociVersionMin", "1.0.0"},
        {"ociVersionMax", "1.2.0"},
        {"hooks", {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}},
        {"mountOptions", mount_option_names()},
        {"linux", linux_features()},
        {"annotations", {{"io.minirun.version", MINIRUN_VERSION}}}};
    print_output(json.dump(4) + "\n");
    return 0;
}

}  // namespace minirun
