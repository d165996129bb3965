#include "archive/verify_image.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <set>

#include "archive/file_looks.hpp"
#include "archive/settle_layer.hpp"
#include "archive/sha256.hpp"
#include "archive/store_writer.hpp"
#include "archive/tar_record.hpp"
#include "base/file.hpp"
#include "base/interruption.hpp"
#include "base/remove_tree.hpp"
#include "base/text.hpp"
#include "image/remove_image.hpp"
#include "image/stored_image.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

using Tell = std::function<void(const std::string& path, const std::string& how)>;

std::set<std::string> names_in(const std::string& path) {
    std::set<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(path.c_str()), &::closedir);
    if (!stream) throw system_error(cat("cannot read ", quote(path)), errno);
    while (const auto* entry = ::readdir(stream.get()))
        if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) names.insert(entry->d_name);
    return names;
}

// A tree that should be and one that is.
class TreeComparison {
public:
    /// `told` are the paths of which it is known already that they differ: what is expected of their content is not.
    TreeComparison(std::string expected, std::string found, const UnpackedLayer& unpacked,
                   const std::set<std::string>& told, Tell tell)
        : expected_(std::move(expected)), found_(std::move(found)), told_(told), tell_(std::move(tell)) {
        // Their times are those of when they were made.
        for (const auto& path : unpacked.implied_directories) timeless_.insert(path);
        if (!unpacked.root_is_named) timeless_.insert("");
    }

    void compare(const std::string& path) {
        check_interruption();
        const auto expected = looks_of(below(expected_, path)), found = looks_of(below(found_, path));
        if ((expected.status.st_mode & S_IFMT) != (found.status.st_mode & S_IFMT)) {
            if (!told_.contains(path)) tell_(path, "is of another type");
            return;
        }
        compare_looks(path, expected, found);
        if (S_ISREG(expected.status.st_mode) && !told_.contains(path)) compare_content(path, expected, found);
        if (S_ISDIR(expected.status.st_mode)) compare_names(path);
    }

private:
    static std::string below(const std::string& tree, const std::string& path) {
        return path.empty() ? tree : cat(tree, '/', path);
    }

    void compare_looks(const std::string& path, const Looks& expected, const Looks& found) {
        const auto &a = expected.status, &b = found.status;
        const bool is_whiteout = S_ISCHR(a.st_mode) && a.st_rdev == 0;
        if ((a.st_mode & 07777) != (b.st_mode & 07777))
            tell_(path, cat("has the mode ", octal(b.st_mode & 07777), ", not ", octal(a.st_mode & 07777)));
        if (a.st_uid != b.st_uid || a.st_gid != b.st_gid)
            tell_(path, cat("belongs to ", b.st_uid, ":", b.st_gid, ", not ", a.st_uid, ":", a.st_gid));
        if (a.st_rdev != b.st_rdev)
            tell_(path, cat("is the device ", major(b.st_rdev), ":", minor(b.st_rdev), ", not ", major(a.st_rdev), ":",
                            minor(a.st_rdev)));
        if (!is_same_time(a.st_mtim, b.st_mtim) && !is_whiteout && !timeless_.contains(path))
            tell_(path, "has another time");
        if (expected.link != found.link)
            tell_(path, cat("leads to ", quote(found.link), ", not to ", quote(expected.link)));
        if (expected.attributes != found.attributes) tell_(path, "has other attributes");
    }

    void compare_content(const std::string& path, const Looks& expected, const Looks& found) {
        compare_hard_links(path, expected.status, found.status);
        if (expected.status.st_size != found.status.st_size)
            tell_(path, cat("has ", found.status.st_size, " bytes, not ", expected.status.st_size));
        else if (!has_same_content(open(below(expected_, path)).get(), open(below(found_, path)).get()))
            tell_(path, "has another content");
    }

    static Fd open(const std::string& path) { return Fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)); }

    // Two names of one file there are two names of one file here. How many names it has says nothing: other layers may
    // share it (archive/block_sharing.hpp).
    void compare_hard_links(const std::string& path, const struct stat& expected, const struct stat& found) {
        if (expected.st_nlink == 1 && found.st_nlink == 1) return;
        const auto& there = expected_files_.try_emplace(expected.st_ino, found.st_ino, path).first->second;
        const auto& here = found_files_.try_emplace(found.st_ino, expected.st_ino, path).first->second;
        if (there.first != found.st_ino)
            tell_(path, cat("is another file than ", quote(there.second)));
        else if (here.first != expected.st_ino)
            tell_(path, cat("is the same file as ", quote(here.second)));
    }

    void compare_names(const std::string& path) {
        const auto expected = names_in(below(expected_, path)), found = names_in(below(found_, path));
        const auto full = [&](const std::string& name) { return path.empty() ? name : cat(path, '/', name); };
        for (const auto& name : found)
            if (!expected.contains(name)) tell_(full(name), "was added");
        for (const auto& name : expected) {
            if (found.contains(name))
                compare(full(name));
            else if (!told_.contains(full(name)))
                tell_(full(name), "is gone");
        }
    }

    std::string expected_, found_;
    const std::set<std::string>& told_;
    Tell tell_;
    std::set<std::string> timeless_;
    /// Files with several names: by inode the other tree's, and where it was seen first.
    std::map<ino_t, std::pair<ino_t, std::string>> expected_files_, found_files_;
};

class Verifier {
public:
    Verifier(const ImageStore& store, const std::function<void(const std::string&)>& tell)
        : store_(store), writer_(store), tell_(tell) {}

    Verified run(const std::vector<std::string>& ids) {
        // All of them at once: a layer counts for the first image that has it.
        std::map<std::string, Fd> held;
        for (const auto& id : ids) held.try_emplace(id, hold_image(store_, id));
        for (const auto& id : ids) {
            if (held[id])
                verify(id);
            else if (store_.has_image(id))
                differs(cat("image ", id.substr(0, 12), ": another command holds it just now"));
        }
        return result_;
    }

private:
    void differs(const std::string& sentence) {
        result_.differences++;
        tell_(sentence);
    }

    void verify(const std::string& id) {
        result_.images++;
        const auto file = store_.image_directory(id) + "/config.json";
        if (sha256_digest(read_file(file, largest_config)) != "sha256:" + id)
            return differs(cat("image ", id.substr(0, 12), ": its config is not the one that was loaded"));
        std::vector<Layer> below;
        for (const auto& layer : stored_layers(store_, id)) {
            const auto name = cat("layer ", layer.diff_id.substr(7, 12));
            if (layer.key.empty() || !store_.has_layer(layer.key))
                return differs(cat(name, " of image ", id.substr(0, 12), " is gone"));
            if (seen_.insert(layer.key).second) verify_layer(layer, name, below);
            below.push_back({layer.key, store_.layer_directory(layer.key) + "/tree"});
        }
    }

    void verify_layer(const StoredLayer& layer, const std::string& name, const std::vector<Layer>& below) {
        result_.layers++;
        const auto before = result_.differences;
        const Tell tell = [&](const std::string& path, const std::string& how) {
            differs(cat(name, ": ", path.empty() ? "its root" : quote(path), ' ', how));
        };
        const auto directory = store_.layer_directory(layer.key);
        std::set<std::string> told;
        const Tell tell_of_content = [&](const std::string& path, const std::string& how) {
            tell(path, how);
            told.insert(path);
        };
        try {
            TarReplay replay(directory, name, tell_of_content);
            const auto draft = writer_.unpack(replay, name, Limits::none());
            if (draft.needs_others()) settle_layer(draft.unpacked, draft.directory + "/tree", below, name);
            TreeComparison(draft.directory + "/tree", directory + "/tree", draft.unpacked, told, tell).compare("");
            if (draft.diff_id != layer.diff_id && result_.differences == before)
                differs(cat(name, ": the archive that it makes is ", draft.diff_id));
            remove_tree(draft.directory);
        } catch (const Error& error) {
            // One path that is too long for this is no reason not to look at the rest.
            const bool of_this_layer = error.kind() == ErrorKind::bad_input || error.kind() == ErrorKind::not_found ||
                                       error.system_errno() == ENAMETOOLONG;
            if (!of_this_layer) throw;
            differs(error.message());
        }
    }

    const ImageStore& store_;
    StoreWriter writer_;
    const std::function<void(const std::string&)>& tell_;
    std::set<std::string> seen_;
    Verified result_;
};

}  // namespace

Verified verify_images(const ImageStore& store, const std::vector<std::string>& ids,
                       const std::function<void(const std::string& difference)>& tell) {
    return Verifier(store, tell).run(ids);
}

std::size_t verify_names(const ImageStore& store, const std::function<void(const std::string& difference)>& tell) {
    std::size_t differences = 0;
    for (const auto& names : {store.all_tags(), store.all_digests()})
        for (const auto& name : names) {
            if (store.has_image(name.id)) continue;
            differences++;
            tell(cat("the name ", quote(name.name), " leads to no image: minirun image prune takes it away"));
        }
    return differences;
}

}  // namespace minirun
