// A layer's tar archive -> a directory in overlayfs form.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "archive/limits.hpp"
#include "archive/tar_reader.hpp"
#include "archive/tar_record.hpp"
#include "base/fd.hpp"

namespace minirun {

/// What cannot be done without the layers below.
struct UnpackedLayer {
    /// Directories that the archive did not mention but had entries in: made 0755, root's. They are to look as in the
    /// layers below.
    std::vector<std::string> implied_directories;
    /// Hard links to files that this layer does not have: path and target, both clean and relative to the root.
    std::map<std::string, std::string> links_below;
    bool root_is_named = false;  ///< the archive has an entry for the root of the layer
    std::uint64_t bytes = 0;     ///< of all regular files and links, as Docker counts
};

/// Unpacks all entries into the empty directory `tree`.
///
/// Whiteouts become 0/0 devices, opaque markers the attribute trusted.overlay.opaque (Documentation/filesystems/
/// overlayfs.rst, image specification layer.md). The archive is hostile: parents are opened beneath `tree` without any
/// symbolic link, names with "..", of devices that would be whiteouts and attributes of overlayfs are refused or left
/// out. Throws Error{bad_input} with the entry's name; `name` is what messages call the layer.
///
/// `recorder`, if there is one, is the source that `tar` reads from: it is told which file is where.
UnpackedLayer unpack_layer(TarReader& tar, const Fd& tree, const std::string& name, const Limits& limits,
                           TarRecorder* recorder = nullptr);

/// The same for an archive that is no layer: ".wh." begins a name as any other, devices are what they are, and no
/// attributes are kept.
UnpackedLayer unpack_files(TarReader& tar, const Fd& tree, const std::string& name, const Limits& limits);

}  // namespace minirun
