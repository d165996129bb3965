// What `inspect` prints: documents with Docker's keys, in Docker's order.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace minirun {

/// As `docker image inspect` tells of an image in the store. Throws Error{not_found}.
nlohmann::ordered_json inspected_image(const std::string& name);

/// As `docker container inspect`, with the keys that have a meaning here. Throws Error{not_found}.
nlohmann::ordered_json inspected_container(const std::string& word);

/// The command that prints them: an array, or with --format a line for each of its names.
int inspect_all(int argc, char** argv, std::string_view usage, std::string_view about,
                const std::function<nlohmann::ordered_json(const std::string& name)>& look_up);

}  // namespace minirun
