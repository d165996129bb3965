// What is written down of a container that stays, as documents: see StoredContainer.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.hpp"
#include "minirun/image.hpp"
#include "minirun/run_options.hpp"
#include "model/launch_request.hpp"

namespace minirun {

/// What a container was made as: container.json.
struct ContainerFacts {
    std::string id, name;
    std::string created;               ///< RFC 3339
    std::string image_name, image_id;  ///< as it was named; the id is empty where it is none of the store
    std::string config_file;           ///< of a bundle outside the store: absolute path; otherwise empty
    std::vector<std::string> args;     ///< what it runs
    std::map<std::string, std::string> labels;
    std::vector<PublishedPorts> ports;
    bool remove = false;  ///< it goes with its end
    RestartPolicy restart;
    LogSetting log;
    std::optional<HealthCheck> health;
};

/// How far a container has come: state.json.
struct ContainerProgress {
    std::string started, finished;  ///< RFC 3339, of the last run; or empty
    int exit_code = 0;
    bool oom_killed = false;
    std::string error;      ///< why it could not be started, or what became of its supervisor; or empty
    unsigned restarts = 0;  ///< by itself, since it was started by a person
};

/// Of one that is made of an image now.
ContainerFacts facts_of(const Image& image, const RunOptions& options, const LaunchRequest& request);

Json facts_json(const ContainerFacts& facts);
ContainerFacts read_facts(const JsonView& view);

Json progress_json(const ContainerProgress& progress);
ContainerProgress read_progress(const JsonView& view);

}  // namespace minirun
