#include "image/find_image.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <set>

#include "base/file.hpp"
#include "base/text.hpp"
#include "build_config.hpp"
#include "image/reference.hpp"
#include "kernel/names.hpp"
#include "minirun/error.hpp"

namespace minirun {
namespace {

// 0, S_IFDIR, S_IFREG, …; symbolic links followed.
mode_t type_of(const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 ? status.st_mode & S_IFMT : 0;
}

std::vector<std::string> subdirectories(const std::string& directory) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(directory.c_str()), &closedir);
    while (const auto* entry = stream ? readdir(stream.get()) : nullptr)
        if (entry->d_name[0] != '.' && is_directory(cat(directory, '/', entry->d_name)))
            names.emplace_back(entry->d_name);
    return names;
}

// The number of single-character edits between two words (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); i++) {
        auto diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); j++) {
            const auto replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

bool is_close(std::string_view typed, std::string_view known) {
    const auto name = typed.substr(0, typed.find(':'));  // "nginx:latest": there are no tags here
    if (name.size() < 3) return known == name;
    return known.starts_with(name) || name.starts_with(known) || distance(name, known) <= 2;
}

// Names of bundles in the directories that resemble `name`, those of unbuilt examples included.
std::vector<std::string> close_names(std::string_view name, const std::vector<std::string>& search) {
    std::set<std::string> close;
    for (const auto& directory : search) {
        for (const auto& known : subdirectories(directory))
            if (is_close(name, known) && type_of(cat(directory, '/', known, "/config.json")) == S_IFREG)
                close.insert(known);
        for (const auto& known : subdirectories(cat(directory, "/recipes")))
            if (is_close(name, known)) close.insert(known);
    }
    return {close.begin(), close.end()};
}

// The images of the store whose names resemble `name`, as people write them.
std::vector<std::string> close_tags(std::string_view name, const ImageStore& store) {
    const auto repository = name.substr(0, name.find(':', name.rfind('/') + 1));
    std::vector<std::string> close;
    for (const auto& tag : store.all_tags()) {
        const auto reference = parse_reference(tag.name);
        if (is_close(repository, reference.familiar_name())) close.push_back(reference.familiar());
    }
    return close;
}

// The command that makes DIRECTORY/NAME if that is an example that has a recipe and is not built; empty if it is not.
std::string build_command(const std::string& directory, const std::string& name) {
    if (name.empty() || name.find('/') != std::string::npos) return {};
    const bool built = type_of(cat(directory, '/', name, "/config.json")) != 0;
    const bool has_recipe = is_directory(cat(directory, "/recipes/", name));
    return has_recipe && !built ? cat(directory, "/build ", name) : std::string();
}

std::string build_command(std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return build_command(".", path);
    return build_command(path.substr(0, slash), path.substr(slash + 1));
}

std::string build_hint(const std::string& command) {
    return cat("the example is not built yet: run ", printable(command));
}

std::string hint_for(const std::string& name, const std::vector<std::string>& search, const ImageStore& store) {
    for (const auto& directory : search)
        if (const auto command = build_command(directory, name); !command.empty()) return build_hint(command);

    std::vector<std::string> quoted, directories;
    for (const auto& close : close_names(name, search)) quoted.push_back(quote(close));
    for (const auto& close : close_tags(name, store)) quoted.push_back(quote(close));
    if (quoted.size() > 3) quoted.resize(3);
    for (const auto& directory : search)
        directories.push_back(cat(quote(directory), is_directory(directory) ? "" : " (which does not exist)"));

    const auto suggestion = quoted.empty() ? std::string() : cat("did you mean ", join(quoted, " or "), "? ");
    const auto looked = directories.empty() ? std::string() : cat(", in ", join(directories, ", "));
    return cat(suggestion, "Looked in the current directory", looked,
               ", and in the store; MINIRUN_BUNDLE_PATH names other directories");
}

std::string hint_for_tags(const std::string& name, const ImageStore& store) {
    std::vector<std::string> quoted;
    for (const auto& close : close_tags(name, store)) quoted.push_back(quote(close));
    return quoted.empty() ? "" : cat("the store has ", join(quoted, ", "));
}

// Throws if there is nothing at `path`, or no more than the empty place of an example.
void check_path(const std::string& path, const ImageStore& store) {
    struct stat status {};
    const int error = stat(path.c_str(), &status) == 0 ? 0 : errno;
    if (error != 0 && error != ENOENT && error != ENOTDIR)
        throw Error(error == EACCES ? ErrorKind::not_permitted : ErrorKind::system,
                    cat("cannot look at ", quote(path), ": ", errno_text(error)), {}, error);
    const auto command = build_command(path);
    if (error == 0 && command.empty()) return;
    throw Error(ErrorKind::not_found,
                cat(error == 0 ? "there is no config.json in " : "there is no file or directory ", quote(path)),
                command.empty() ? hint_for_tags(path, store) : build_hint(command), ENOENT);
}

// What is no reference can be nothing in the store; the complaint is about the place where it was looked for first.
std::optional<std::string> stored(const std::string& name, const ImageStore& store) {
    try {
        return store.find(name);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::not_permitted || error.message().starts_with("the ids of")) throw;
        return std::nullopt;
    }
}

}  // namespace

std::vector<std::string> bundle_path() {
    std::vector<std::string> directories;
    if (const char* given = std::getenv("MINIRUN_BUNDLE_PATH"))
        directories = split(given, ':');
    else
        directories = {MINIRUN_EXAMPLES_DIR, MINIRUN_SOURCE_EXAMPLES};
    std::erase(directories, "");
    return directories;
}

std::string find_image(std::string_view name, const std::vector<std::string>& search, const ImageStore& store) {
    std::string path(name);
    if (path.empty()) throw Error(ErrorKind::usage, "the name of the image is empty");
    const bool may_be_a_path = path.find('/') != std::string::npos;
    // A directory of any kind may have the name of an image: one that is no bundle is passed over.
    const bool is_bundle = is_directory(path) && type_of(path + "/config.json") != 0;
    if (is_bundle || (may_be_a_path && type_of(path) != 0)) {
        check_path(path, store);
        return path;
    }
    if (may_be_a_path) {
        if (const auto id = stored(path, store)) return store.image_directory(*id);
        check_path(path, store);
    }

    for (const auto& directory : search)
        if (auto candidate = cat(directory, '/', path);
            is_directory(candidate) && build_command(directory, path).empty())
            return candidate;
    if (type_of(path) != 0 && !is_directory(path)) return path;
    if (const auto id = stored(path, store)) return store.image_directory(*id);
    if (is_directory(path)) {
        check_path(path, store);
        return path;
    }
    throw Error(ErrorKind::not_found, cat("there is no image ", quote(path)), hint_for(path, search, store));
}

std::string need_stored_image(const ImageStore& store, const std::string& text) {
    if (const auto id = store.find(text)) return *id;
    const auto close = hint_for_tags(text, store);
    throw Error(ErrorKind::not_found, cat("there is no image ", quote(text), " in the store"),
                close.empty() ? "minirun images lists those that are" : close);
}

}  // namespace minirun
