// Instructions of a Dockerfile that change an image's config: import --change, commit --change.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.hpp"

namespace minirun {

/// Applies "CMD ["nginx", "-g", "daemon off;"]", "ENV A=1 B=2", "EXPOSE 80", … to the part `config` of an image config.
/// CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR are known; the words
/// of a command that are no JSON array are a command line of /bin/sh. Throws Error{usage} that names the instruction.
void apply_change(Json& config, std::string_view instruction);

/// Applies them one after the other.
void apply_changes(Json& config, const std::vector<std::string>& instructions);

/// Throws Error{usage} if an option's value cannot stand in a config, which is JSON and so UTF-8.
void must_be_text(std::string_view option, const std::string& text);

}  // namespace minirun
