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
    /// The same with the digest, or else the tag.
    std::string familiar() const;
    /// "docker.io/library/nginx": what all tags and digests of it have in common.
    std::string repository() const;
    /// "docker.io/library/nginx:latest", or "docker.io/library/nginx@sha256:…": what the store knows it by. As for
    /// Docker, a tag beside a digest says nothing.
    std::string full() const;
    bool operator==(const Reference&) const = default;
};

/// Reads a reference by the grammar of the distribution specification, with Docker's defaults. Throws Error{usage} that
/// says what is wrong.
Reference parse_reference(std::string_view text);

/// The same for a name that an image is to get: Error{usage} if it has a digest.
Reference parse_new_name(std::string_view text);

}  // namespace minirun
