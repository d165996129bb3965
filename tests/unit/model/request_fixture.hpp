// An image, options and a host, of which a LaunchRequest is made.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "model/request_from_image.hpp"
#include "support.hpp"

namespace minirun::test {

using Words = std::vector<std::string>;

struct RequestFixture {
    Image image;
    RunOptions options;
    ImageFiles files;
    HostFacts host;
    mutable Words asked;  // for which directories the image was looked at

    RequestFixture() {
        image.name = "web";
        image.config_file = "/images/web/config.json";
        image.config.entrypoint = {"/entry"};
        image.config.cmd = {"serve", "-v"};
        image.layers = {{"01", "/l/1"}, {"02", "/l/2"}};
        files.passwd = "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n";
        files.group = "root:x:0:\nwheel:x:10:root\napp:x:1001:\naudio:x:29:app\nweb:x:2000:\n";
        files.directory_stack = [this](const std::string& path) {
            asked.push_back(path);
            return path == "/data" ? Words{"/l/2/data", "/l/1/data"} : Words{};
        };
        host.id = "0123456789ab" + std::string(52, 'f');
        host.container_dir = "/c/0123";
        host.seccomp_cache = "/cache";
        host.hostname = "big";
        host.default_seccomp_profile = "the default profile";
    }
    RequestFixture(const RequestFixture&) = delete;
    RequestFixture& operator=(const RequestFixture&) = delete;

    LaunchRequest request() const { return request_from_image(image, options, files, host); }
    ContainerSpec spec() const { return request().spec; }
    std::string refused() const {
        return error_text([&] { request(); });
    }
    std::string mount_at(std::string_view destination) const {
        const auto mounts = spec().mounts;
        for (const auto& mount : mounts)
            if (mount.destination == destination)
                return mount.type + " " + mount.source + " " + join(mount.options, ",");
        return "none";
    }
    Words mounted() const {
        Words all;
        const auto mounts = spec().mounts;
        for (const auto& mount : mounts) all.push_back(mount.destination);
        return all;
    }
    Words namespaces() const {
        constexpr const char* names[] = {"mount", "pid", "network", "uts", "ipc", "cgroup", "user", "time"};
        Words all;
        const auto list = spec().linux_.namespaces;
        for (const auto& one : list) all.emplace_back(names[static_cast<int>(one.type)]);
        return all;
    }
};

inline bool contains(const Words& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace minirun::test
