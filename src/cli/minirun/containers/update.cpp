// minirun update: other limits for containers, whether they run or not.
#include "base/text.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/containers/arguments.hpp"
#include "cli/minirun/resource_options.hpp"
#include "cli/minirun/run_values.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"
#include "model/request_parts.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {
    {'m', "memory", "SIZE", "memory at most: 512m"},
    {0, "memory-reservation", "SIZE", "what it keeps when memory is short"},
    {0, "memory-swap", "SIZE|-1", "memory and swap at most"},
    {0, "cpus", "N", "CPUs at most: 1.5"},
    {'c', "cpu-shares", "N", "its part of busy CPUs (1024)"},
    {0, "cpu-period", "TIME", "in microseconds, for --cpu-quota"},
    {0, "cpu-quota", "TIME", "in microseconds a period"},
    {0, "cpuset-cpus", "LIST", "the CPUs it may use: 0-2,7"},
    {0, "cpuset-mems", "LIST", "the memory nodes it may use"},
    {0, "pids-limit", "N", "processes and threads at most"},
    {0, "blkio-weight", "N", "its part of busy disks, 10 to 1000"},
    {0, "restart", "POLICY", "no, on-failure[:N], always, unless-stopped"},
    {0, "help", "", "print this text"},
};

using Apply = void (*)(RunOptions&, const std::string&);

// In the order of the options.
constexpr Apply limits[] = {
    resource_options::memory,     resource_options::memory_reservation, resource_options::memory_swap,
    resource_options::cpus,       resource_options::cpu_shares,         resource_options::cpu_period,
    resource_options::cpu_quota,  resource_options::cpuset_cpus,        resource_options::cpuset_mems,
    resource_options::pids_limit, resource_options::blkio_weight,
};

}  // namespace

int update_command(int argc, char** argv) {
    const auto line = read_container_line(
        {"update [OPTIONS] CONTAINER…", "Gives containers other limits, at once and when they start again.", options},
        argc, argv);
    if (!line) return 0;
    if (line->options.empty())
        throw Error(ErrorKind::usage, "minirun update takes what is to be changed", "minirun update --help lists it");
    RunOptions asked;
    std::optional<RestartPolicy> restart;
    for (const auto& given : line->options) {
        if (given.index < std::size(limits)) limits[given.index](asked, given.value);
        if (options[given.index].name == "restart") restart = restart_value(given.value);
    }
    LinuxSpec wanted;
    set_resources(wanted, asked, "");
    return for_each_container(line->arguments, [&](const std::string& word) {
        Containers().update(word, wanted.resources, restart);
        return word;
    });
}

}  // namespace minirun
