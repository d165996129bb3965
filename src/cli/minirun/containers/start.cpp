// minirun start: containers that do not run.
#include <utility>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "cli/minirun/commands.hpp"
#include "cli/minirun/containers/arguments.hpp"
#include "cli/minirun/containers/attach.hpp"
#include "cli/minirun/containers/background.hpp"
#include "kernel/channel.hpp"
#include "kernel/system_error.hpp"
#include "minirun/containers.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {
    {'a', "attach", "", "show what it writes, and end with its exit code"},
    {'i', "interactive", "", "pass standard input on, too"},
    {0, "detach-keys", "KEYS", "what leaves the container to itself: ctrl-p,ctrl-q"},
    {0, "help", "", "print this text"},
};

int start_attached(const std::string& word, bool input, const std::string& keys) {
    auto container = Containers().inspect(word);
    container.interactive = container.interactive && input;
    auto setting = attach_setting_of(container);
    setting.ends_input = true;
    setting.detach_keys = keys;
    const auto pair = kernel::socket_pair();
    if (!pair) throw system_error("cannot make a socket", pair.error());
    Fd here(pair.value().here);
    Fd there(pair.value().there);
    start_in_background(container.summary.id, there.get());
    there.reset();
    return attach_to(std::move(here), setting);
}

}  // namespace

int start_command(int argc, char** argv) {
    const auto line = read_container_line(
        {"start [OPTIONS] CONTAINER…", "Starts containers that do not run, in the background.", options}, argc, argv);
    if (!line) return 0;
    bool attach = false, input = false;
    std::string keys = default_detach_keys;
    for (const auto& given : line->options) {
        const auto name = options[given.index].name;
        if (name == "attach") attach = given.on;
        if (name == "interactive") input = given.on;
        if (name == "detach-keys") keys = detach_keys_value(given.value);
    }
    if ((attach || input) && line->arguments.size() > 1)
        throw Error(ErrorKind::usage, "minirun start --attach takes one container");
    if (attach || input) return start_attached(line->arguments[0], input, keys);
    return for_each_container(line->arguments, [](const std::string& word) {
        start_in_background(Containers().summary(word).id);
        return word;
    });
}

}  // namespace minirun
