#include "cli/image/cp_stream.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "archive/directory_tar.hpp"
#include "archive/unpack_layer.hpp"
#include "base/interruption.hpp"
#include "base/text.hpp"
#include "cli/image/output.hpp"
#include "image/staging.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "model/paths.hpp"
#include "runtime/container_files.hpp"
#include "runtime/copy_places.hpp"
#include "runtime/stored_container.hpp"
#include "runtime/stored_data.hpp"

namespace minirun {
namespace {

Fd make_directory(const std::string& path) {
    Fd made;
    if (::mkdir(path.c_str(), 0700) == 0) made.reset(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!made) throw system_error(cat("cannot make ", quote(path)), errno);
    return made;
}

// The directories that the archive has no entry for.
std::set<std::string> unpack_stream(const Fd& tree, const Limits& limits) {
    const std::string name = "the archive on standard input";
    PipeSource source(STDIN_FILENO);
    const auto plain = decompressed(source, name);
    GrowthLimit limited(
        *plain, [&] { return source.size(); }, limits.growth, name);
    TarReader tar(limited, name);
    const auto unpacked = unpack_files(tar, tree, name, limits);
    for (const auto& [path, target] : unpacked.links_below)
        throw Error(ErrorKind::bad_input, cat(name, ": the entry ", quote(path), " is a hard link to ", quote(target),
                                              ", which is not before it in the archive"));
    // Who writes it is not to end by a broken pipe.
    while (!source.next().empty()) check_interruption();
    return {unpacked.implied_directories.begin(), unpacked.implied_directories.end()};
}

// It has to be there, as for tar(1).
Fd find_directory(const ContainerFiles& files, const std::string& path) {
    CopySource contents;
    contents.directory = contents.contents = true;
    auto target = find_target({&files.root(), path}, contents);
    if (!target.name.empty())
        throw Error(ErrorKind::not_found, cat("the container has no directory ", quote(path)),
                    "an archive goes into a directory that is there");
    return std::move(target.directory);
}

}  // namespace

// By way of a directory of our own: so what an archive says, and what a container that runs makes of its tree
// meanwhile, never meet. The first is hostile to unpack_files(), the second to copy_files().
CopiedFiles copy_from_stream(const std::string& container, const std::string& path, bool owners, const Limits& limits) {
    const auto paths = default_paths();
    (void)StoredContainer::find(paths, container);  // before much is read
    const Staging staging{ImageStore(paths.data)};
    const auto tree = make_directory(staging.path() + "/files");
    CopyRules rules;
    rules.only_places = unpack_stream(tree, limits);
    const ContainerFiles files(paths, container, true);
    if (owners)
        rules.owners = [&](uid_t user, gid_t group) {
            return std::pair<uid_t, gid_t>(files.user_from(user), files.group_from(group));
        };
    return copy_files(tree, find_directory(files, path), "", rules);
}

void copy_to_stream(const std::string& container, const std::string& path, bool follow) {
    const ContainerFiles files(default_paths(), container, false);
    const auto source = find_source({&files.root(), path}, follow);
    TarPart part{source.contents ? "./" : source.name, is_stored_data, [&](uid_t user, gid_t group) {
                     return std::pair<uid_t, gid_t>(files.user_in(user), files.group_in(group));
                 }};
    DirectoryTar tar(source.file, cat(container, ':'), std::move(part));
    Output output("");
    const auto sink = output.sink();
    for (auto bytes = tar.next(); !bytes.empty(); bytes = tar.next()) {
        check_interruption();
        sink(bytes);
    }
    output.keep();
}

}  // namespace minirun
