// network create, rm, prune, connect, disconnect: what is done to networks that containers share.
#include <algorithm>
#include <cstdint>

#include "base/text.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/containers/arguments.hpp"
#include "cli/minirun/network_options.hpp"
#include "cli/minirun/networks/network_line.hpp"
#include "cli/render.hpp"
#include "minirun/error.hpp"
#include "minirun/networks.hpp"
#include "model/option_error.hpp"

namespace minirun {
namespace {

constexpr OptionWords create_options[] = {
    {0, "subnet", "RANGE", "its addresses: 10.1.2.0/24; two for both families"},
    {0, "gateway", "ADDRESS", "the host's own, of the last --subnet: the first"},
    {0, "ipv6", "", "addresses of IPv6, too"},
    {0, "internal", "", "no way out of it"},
    {0, "disable-dns", "", "its containers do not find each other by name"},
    {0, "label", "KEY=VALUE", "a remark"},
    {'o', "opt", "KEY=VALUE", "mtu=BYTES, or isolate=true: no way to other such networks"},
    {'d', "driver", "bridge", "taken for Docker's sake: there is no other"},
    {0, "help", "", "print this text"},
};
constexpr OptionWords connect_options[] = {
    {0, "ip", "ADDRESS", "the container's own on it"},
    {0, "ip6", "ADDRESS", "the same of IPv6"},
    {0, "alias", "NAME", "another name by which the others on it find it"},
    {0, "help", "", "print this text"},
};
constexpr OptionWords force_options[] = {
    {'f', "force", "", "taken for Docker's sake: nothing is asked"},
    {0, "help", "", "print this text"},
};

// Docker's names for them, too.
void apply_option(NetworkOptions& options, const std::string& text) {
    const auto equals = text.find('=');
    auto key = text.substr(0, equals);
    const auto value = equals == std::string::npos ? std::string() : text.substr(equals + 1);
    if (key == "com.docker.network.driver.mtu") key = "mtu";
    // Less than 1280 is none for IPv6; 65535 is the most that a bridge takes.
    const auto bytes = parse_number<unsigned>(value);
    if (key == "mtu" && (!bytes || *bytes < 1280 || *bytes > 65535))
        throw option_error("--opt", text, "the MTU is a number of bytes from 1280 to 65535", "write mtu=1400");
    if (key == "isolate" && value != "true" && value != "false")
        throw option_error("--opt", text, "isolate is true or false");
    if (key != "mtu" && key != "isolate")
        throw option_error("--opt", text, "there is no such option", "there are mtu=BYTES and isolate=true");
    options.options[key] = value;
}

void apply(NetworkOptions& options, std::string_view name, const Given& given) {
    if (name == "subnet") options.subnets.push_back({given.value, ""});
    if (name == "ipv6") options.ipv6 = given.on;
    if (name == "internal") options.internal = given.on;
    if (name == "disable-dns") options.names = !given.on;
    if (name == "gateway" && options.subnets.empty())
        throw Error(ErrorKind::usage, "--gateway says which address of a range is the host's",
                    "give --subnet before it");
    if (name == "gateway") options.subnets.back().gateway = given.value;
    if (name == "opt") apply_option(options, given.value);
    if (name == "driver" && given.value != "bridge")
        throw Error(ErrorKind::usage, cat("--driver ", quote(given.value), ": there is no driver but bridge"));
    if (name == "label") {
        const auto equals = std::min(given.value.find('='), given.value.size());
        options.labels[given.value.substr(0, equals)] = given.value.substr(std::min(equals + 1, given.value.size()));
    }
}

}  // namespace

std::optional<CommandLine> read_network_line(const NetworkCommand& command, int argc, char** argv) {
    auto line = read_mixed_command_line(command.options, argc, argv);
    const bool help = std::any_of(line.options.begin(), line.options.end(), [&](const Given& given) {
        return command.options[given.index].name == "help" && given.on;
    });
    if (help) {
        print_output(cat("Usage: minirun ", command.usage, "\n\n", command.about, "\n\nOptions:\n",
                         options_help(command.options)));
        return std::nullopt;
    }
    const auto count = line.arguments.size();
    if (count < command.least || count > command.most)
        throw Error(ErrorKind::usage,
                    cat("minirun network ", argv[0], " takes ", command.most == 0 ? "no" : "other", " arguments"),
                    cat("minirun ", command.usage));
    return line;
}

int network_create_command(int argc, char** argv) {
    const auto line = read_network_line({"network create [OPTIONS] NAME",
                                         "Makes a network that containers share. Its bridge is there as long as one "
                                         "is on it.",
                                         create_options, 1, 1},
                                        argc, argv);
    if (!line) return 0;
    NetworkOptions options;
    for (const auto& given : line->options) apply(options, create_options[given.index].name, given);
    print_output(Networks().create(line->arguments[0], options).id + "\n");
    return 0;
}

int network_rm_command(int argc, char** argv) {
    const auto line = read_network_line(
        {"network rm NETWORK…", "Removes networks that no container uses.", force_options, 1, SIZE_MAX}, argc, argv);
    if (!line) return 0;
    return for_each_container(line->arguments, [](const std::string& word) {
        Networks().remove(word);
        return word;
    });
}

int network_prune_command(int argc, char** argv) {
    const auto line = read_network_line(
        {"network prune [OPTIONS]", "Removes all networks that no container uses.", force_options}, argc, argv);
    if (!line) return 0;
    for (const auto& network : Networks().list()) try {
            Networks().remove(network.name);
            print_output(cat("Deleted: ", network.name, '\n'));
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::conflict && error.kind() != ErrorKind::not_found) throw;
        }
    return 0;
}

int network_connect_command(int argc, char** argv) {
    const auto line = read_network_line({"network connect [OPTIONS] NETWORK CONTAINER",
                                         "Connects a container to one more network: at once if it runs, and whenever "
                                         "it is started.",
                                         connect_options, 2, 2},
                                        argc, argv);
    if (!line) return 0;
    ConnectOptions options;
    for (const auto& given : line->options) {
        const auto name = connect_options[given.index].name;
        RunOptions parsed;
        if (name == "ip") network_options::address4(parsed, given.value);
        if (name == "ip6") network_options::address6(parsed, given.value);
        if (name == "alias") network_options::check_network_alias("--alias", given.value);
        if (name == "ip") options.address4 = parsed.address4;
        if (name == "ip6") options.address6 = parsed.address6;
        if (name == "alias") options.aliases.push_back(given.value);
    }
    Networks().connect(line->arguments[0], line->arguments[1], options);
    return 0;
}

int network_disconnect_command(int argc, char** argv) {
    const auto line =
        read_network_line({"network disconnect NETWORK CONTAINER",
                           "Takes a container from a network: at once if it runs, and for good.", force_options, 2, 2},
                          argc, argv);
    if (!line) return 0;
    Networks().disconnect(line->arguments[0], line->arguments[1]);
    return 0;
}

}  // namespace minirun
