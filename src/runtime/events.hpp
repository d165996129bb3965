// What has happened to containers that stay, and to images: an object a line, with Docker's keys, in the file
// events.log of the data directory. Nobody collects them: who does something appends a line.
//
// Two files of at most a mebibyte are kept, events.log and the one before it.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_fwd.hpp"
#include "model/paths.hpp"
#include "runtime/container_facts.hpp"

namespace minirun {

/// What else there is to tell, by Docker's names: exitCode, signal, oldName, …
using EventAttributes = std::map<std::string, std::string>;

/// Appends one of a container: "start", "die", "health_status: healthy". What cannot be written is lost: no command
/// fails by it.
void tell_event(const Paths& paths, const ContainerFacts& facts, std::string_view action,
                const EventAttributes& attributes = {}) noexcept;
/// The same of a container by its name or id; nothing if there is none.
void tell_container_event(const std::string& word, std::string_view action,
                          const EventAttributes& attributes = {}) noexcept;
/// The same of an image: its id, 64 hex digits, and a name of it or nothing.
void tell_image_event(const std::string& id, const std::string& name, std::string_view action) noexcept;

/// Which of them are wanted.
struct EventRange {
    using Time = std::chrono::system_clock::time_point;
    std::optional<Time> since{};  ///< unset: those from now on
    std::optional<Time> until{};  ///< unset: without end
};

/// Calls `each` with the events in their order, and waits for more until `until` is past. Throws Error.
void read_events(const Paths& paths, const EventRange& range,
                 const std::function<void(const nlohmann::ordered_json& event)>& each);

}  // namespace minirun
