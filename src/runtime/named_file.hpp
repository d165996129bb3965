// Files that a user names to be told something of a container (--cidfile, --pidfile).
#pragma once

#include <string>
#include <string_view>

#include "base/fd.hpp"

namespace minirun {

/// One that must not be there yet: made before the container is, so that it does not run when it cannot be made. Gone
/// at the end of the scope, unless it is kept. With an empty path nothing.
class NamedFile {
public:
    /// Throws Error that names it.
    explicit NamedFile(const std::string& path);
    ~NamedFile();
    NamedFile(const NamedFile&) = delete;
    NamedFile& operator=(const NamedFile&) = delete;

    void write(std::string_view text);
    void keep() { kept_ = true; }

private:
    std::string path_;
    Fd file_;
    bool kept_ = false;
};

}  // namespace minirun
