// The parts of explain(), a section each. All of them only read.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "image/layer_view.hpp"
#include "minirun/explain.hpp"
#include "model/launch_request.hpp"
#include "plan/step.hpp"

namespace minirun {

/// What the sections are told from.
struct ExplainSources {
    const Image& image;
    const LaunchRequest& request;
    const Plan& plan;
    LayerView& view;
};

BootfsFacts explain_bootfs(const std::vector<Layer>& layers);

/// The boot image as the kernel's command line names it (GRUB does), otherwise the usual file in `boot_directory`, if
/// it is there; otherwise empty.
std::string boot_image(std::string_view command_line, const std::string& release, const std::string& boot_directory);

/// Names that show what layers do: each the one that is most worth showing.
class Examples {
public:
    void see(const std::string& path, LayerEvent::What what, std::size_t layer);
    const std::string& replaced() const noexcept { return replaced_.path; }  ///< or empty
    const std::string& deleted() const noexcept { return deleted_.path; }    ///< or empty

private:
    struct Candidate {
        std::string path;
        std::size_t layer = 0;
        bool better_than(const Candidate& other) const;
    };
    Candidate replaced_, deleted_;
};

RootfsFacts explain_rootfs(const ExplainSources& sources, Examples& examples);

/// PRETTY_NAME of an os-release(5) text, or empty.
std::string pretty_name(std::string_view os_release);

PathFacts explain_path(const ExplainSources& sources, const std::string& path);

/// The mount that covers a path of the container, or null.
const MountSpec* mount_over(const LaunchRequest& request, const std::string& path);

/// The mount or the provided file that covers a path of the container ("/proc", "/etc/hosts"), or empty.
std::string covering(const LaunchRequest& request, const std::string& path);

/// At most three paths: one that a layer replaces, one that a layer deletes, and the directory on top that most layers
/// share.
std::vector<PathFacts> explain_examples(const ExplainSources& sources, const Examples& examples);

ProcessFacts explain_process(const ExplainSources& sources);

IsolationFacts explain_isolation(const ExplainSources& sources);

std::vector<StepFacts> explain_plan(const ExplainSources& sources);

}  // namespace minirun
