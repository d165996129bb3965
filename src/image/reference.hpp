// The name of an image, as people and engines write it.
#pragma once

#include <string>
#include <string_view>

namespace minirun {

/// "[DOMAIN/]PATH[:TAG][@DIGEST]" in its full form: "nginx" is docker.io/library/nginx:latest, as for every engine.
struct Reference {
    std::string domain;  ///< "docker.io", "localhost:5000"
    std::string path;    ///< "library/nginx"
    std::string tag;     ///< "latest"; empty with a digest and no tag
    std::string digest;  ///< "sha256:…", or empty

    /// Without docker.io and library/, as Docker shows it: "nginx".
    std::string familiar_name() const;
    /// The same with the tag.
    std::string familiar() const;
    /// "docker.io/library/nginx:latest": what the store knows it by.
    std::string full() const;
    bool operator==(const Reference&) const = default;
};

/// Reads a reference by the grammar of the distribution specification, with Docker's defaults. Throws Error{usage} that
/// says what is wrong.
Reference parse_reference(std::string_view text);

}  // namespace minirun
