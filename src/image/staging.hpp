// A place in the store where something is made before it appears.
#pragma once

#include <string>

#include "base/fd.hpp"
#include "image/store.hpp"

namespace minirun {

/// A directory below ImageStore::staging(), held by flock(2) as long as its maker lives and removed with it. What a
/// killed maker left is swept by the next one.
class Staging {
public:
    explicit Staging(const ImageStore& store);
    ~Staging();
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;

    const std::string& path() const { return path_; }

    /// Renames the directory `from` to `to`, which is not there yet. False if somebody else was faster. Throws Error.
    static bool publish(const std::string& from, const std::string& to);

private:
    std::string path_;
    Fd lock_;
};

}  // namespace minirun
