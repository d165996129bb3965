// From a description of a container on to the plan: what the documents' targets have in common.
#pragma once

#include <string>

#include "base/json.hpp"
#include "fuzz.hpp"
#include "launch/plan_from_request.hpp"
#include "model/request_from_image.hpp"
#include "model/runtime_spec.hpp"
#include "plan/describe.hpp"
#include "security/default_seccomp.hpp"

namespace minirun::fuzz {

inline HostFacts host() {
    HostFacts facts;
    facts.id = std::string(64, 'a');
    facts.container_dir = "/data/containers/aaaa";
    facts.process_record = "/state/processes/aaaa";
    facts.hostname = "host";
    facts.default_seccomp_profile = default_seccomp_profile();
    return facts;
}

/// A request that was accepted can be planned and told; only its seccomp profile may still be wrong.
inline void plan(const LaunchRequest& request) {
    KernelFeatures features;
    features.release = "6.12.0";
    features.cgroups = {{{"/sys/fs/cgroup", {"cpuset", "cpu", "io", "memory", "hugetlb", "pids"}, "/", true}}};
    const auto plan = unless_refused([&] { return plan_from_request(request, features); });
    if (!plan) return;
    promise(!plan->steps.empty(), "a plan has steps");
    for (const auto& step : plan->steps)
        promise(is_printable(describe(step.operation)), "a step is told without control characters");
    (void)unless_refused([&] { return plan_json(*plan); });
}

/// A spec that was accepted survives being written and read again.
inline void round_trip(const ContainerSpec& spec) {
    const auto text = unless_refused([&] { return runtime_spec_json(spec); });
    if (!text) return;
    const auto again = unless_refused([&] { return parse_runtime_spec(*text, "config.json"); });
    promise(again.has_value(), "what was written can be read");
    auto expected = spec;
    // The profile is written as a part of the document, and not as the text that it was.
    if (auto& profile = expected.linux_.seccomp) profile = parse_json(*profile, "profile.json").dump();
    promise(*again == expected, "what was written is what is read");
}

}  // namespace minirun::fuzz
