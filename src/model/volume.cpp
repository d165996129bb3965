#include "model/volume.hpp"

#include <algorithm>

#include "base/path.hpp"
#include "kernel/names.hpp"
#include "model/option_error.hpp"

namespace minirun {
namespace {

// An option that is being read, for what is said about it.
struct Asked {
    std::string_view option;
    std::string_view value;
    [[noreturn]] void refuse(std::string_view what, std::string hint = {}) const {
        throw option_error(option, value, what, std::move(hint));
    }
};

std::string checked_destination(const Asked& asked, std::string_view path) {
    if (!path.starts_with('/')) asked.refuse("the path in the container has to be absolute");
    auto clean = clean_path(path);
    if (clean == "/") asked.refuse("a volume cannot cover the container's whole root");
    return clean;
}

std::string checked_source(const Asked& asked, std::string_view path, const std::string& cwd) {
    if (path.empty()) asked.refuse("the path on the host is empty");
    if (path.starts_with('~'))
        asked.refuse("~ is the shell's word, and it did not expand this one", "write $HOME in its place");
    const bool is_path =
        path.starts_with('/') || path == "." || path == ".." || path.starts_with("./") || path.starts_with("../");
    if (!is_path)
        asked.refuse("named volumes are not supported yet", cat("for the host's directory write ./", printable(path)));
    return absolute_path(path, cwd);
}

bool changes_attributes(const MountOption& option) { return (option.set | option.clear) != 0; }

// Words that other engines know and that change nothing here: labels of SELinux, whose absence only denies, and
// hints about caching for Docker on a Mac.
bool is_without_effect(std::string_view word) {
    constexpr std::string_view words[] = {"z", "Z", "cached", "delegated", "consistent"};
    return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

// A word of -v's third part.
void apply_volume_word(const Asked& asked, const std::string& word, VolumeOption& volume) {
    if (word == "ro" || word == "rw") {
        volume.read_only = word == "ro";
        return;
    }
    if (word == "O") {
        volume.kind = VolumeOption::Kind::overlay;
        return;
    }
    if (is_without_effect(word)) return;
    const auto option = mount_option(word);
    const bool fits = option && !option->remount && !option->idmap && !option->copy_up &&
                      (changes_attributes(*option) || option->propagation != 0 || option->bind);
    if (!fits)
        asked.refuse(cat("unknown option ", quote(word)),
                     "known are ro, rw, O, nosuid, nodev, noexec, [r]private, [r]slave, [r]shared, bind and rbind");
    volume.options.push_back(word);
}

void check_volume_words(const Asked& asked, const std::vector<std::string>& words) {
    const auto has = [&](std::string_view word) { return std::find(words.begin(), words.end(), word) != words.end(); };
    if (has("ro") && has("rw")) asked.refuse("it cannot be both ro and rw");
    if (has("O") && has("ro")) asked.refuse("O gives a writable view, so ro contradicts it");
    std::string propagation;
    for (const auto& word : words) {
        const auto option = mount_option(word);
        if (!option || option->propagation == 0) continue;
        if (!propagation.empty()) asked.refuse(cat("it cannot be both ", propagation, " and ", word));
        propagation = word;
        if (has("O")) asked.refuse(cat("O makes a file system of its own, ", word, " means nothing for it"));
    }
}

// Fields of a CSV record: commas separate, a field in double quotes may hold them, "" is a quote in it.
std::vector<std::string> csv_fields(const Asked& asked, std::string_view text) {
    std::vector<std::string> fields(1);
    bool quoted = false, closed = false;
    for (std::size_t i = 0; i < text.size(); i++) {
        const char c = text[i];
        if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
            fields.back() += text[++i];
        } else if (quoted && c == '"') {
            quoted = false, closed = true;
        } else if (!quoted && !closed && c == '"' && fields.back().empty()) {
            quoted = true;
        } else if (!quoted && c == ',') {
            fields.emplace_back(), closed = false;
        } else if (closed || (!quoted && c == '"')) {
            asked.refuse("a double quote has to enclose a whole field");
        } else {
            fields.back() += c;
        }
    }
    if (quoted) asked.refuse("a double quote is not closed");
    return fields;
}

bool boolean_value(const Asked& asked, std::string_view key, std::string_view value) {
    if (value == "true" || value == "1") return true;
    if (value == "false" || value == "0") return false;
    asked.refuse(cat(key, " is true or false, not ", quote(value)));
}

std::string octal_mode(const Asked& asked, std::string_view value) {
    const bool octal = !value.empty() && value.size() <= 5 && value.find_first_not_of("01234567") == std::string::npos;
    if (!octal || (value.size() == 5 && value[0] != '0'))
        asked.refuse(cat("the mode ", quote(value), " is no octal number"), "write 1777 or 0755");
    return cat("mode=", value);
}

std::string tmpfs_size(const Asked& asked, std::string_view value) {
    if (value.ends_with('%')) {
        const auto percent = parse_number<unsigned>(value.substr(0, value.size() - 1));
        if (percent && *percent > 0 && *percent <= 100) return cat("size=", value);
    } else if (const auto bytes = parse_size(value); bytes && *bytes > 0) {
        return cat("size=", *bytes);
    }
    asked.refuse(cat(quote(value), " is no size"), "write bytes, or 64k, 64m, 1g, or a percentage of the memory");
}

// A word of --tmpfs: the mount's flags, or what tmpfs(5) takes.
std::string tmpfs_word(const Asked& asked, const std::string& word) {
    const auto equals = word.find('=');
    const auto key = word.substr(0, equals);
    const auto value = equals == std::string::npos ? std::string() : word.substr(equals + 1);
    if (key == "size") return tmpfs_size(asked, value);
    if (key == "mode") return octal_mode(asked, value);
    if (key == "uid" || key == "gid" || key == "nr_inodes" || key == "nr_blocks") {
        if (key[0] == 'n' ? !parse_size(value) : !parse_number<std::uint32_t>(value))
            asked.refuse(cat(key, " takes a number, not ", quote(value)));
        return word;
    }
    const auto option = mount_option(word);
    if (!option || option->recursive || !changes_attributes(*option))
        asked.refuse(
            cat("unknown option ", quote(word)),
            "known are size, mode, uid, gid, nr_inodes, nr_blocks, ro, rw, exec, noexec, suid, nosuid, dev and nodev");
    return word;
}

// The keys of --mount as they come; what they mean together is seen at the end.
struct MountFields {
    std::string type = "volume", source, destination;
    bool has_source = false, has_destination = false;
    bool non_recursive = false, read_only_top = false;
    VolumeOption volume;
};

void apply_bind_recursive(const Asked& asked, std::string_view value, MountFields& fields) {
    if (value == "disabled")
        fields.non_recursive = true;
    else if (value == "writable")
        fields.read_only_top = true;
    else if (value != "enabled" && value != "readonly")
        asked.refuse(cat("bind-recursive is enabled, disabled, writable or readonly, not ", quote(value)));
}

void apply_propagation(const Asked& asked, const std::string& value, MountFields& fields) {
    const auto option = mount_option(value);
    if (!option || option->propagation == 0)
        asked.refuse(cat("bind-propagation is [r]private, [r]slave or [r]shared, not ", quote(value)));
    fields.volume.options.push_back(value);
}

void apply_mount_field(const Asked& asked, const std::string& field, MountFields& fields) {
    const auto equals = field.find('=');
    const auto key = field.substr(0, equals);
    const bool has_value = equals != std::string::npos;
    const auto value = has_value ? field.substr(equals + 1) : std::string();
    if (key == "readonly" || key == "ro") {
        fields.volume.read_only = !has_value || boolean_value(asked, key, value);
        return;
    }
    if (key == "bind-nonrecursive") {
        fields.non_recursive = !has_value || boolean_value(asked, key, value);
        return;
    }
    if (!has_value) asked.refuse(cat(quote(field), " is no KEY=VALUE"));
    if (key == "type") {
        fields.type = value;
    } else if (key == "source" || key == "src") {
        fields.source = value, fields.has_source = true;
    } else if (key == "destination" || key == "dst" || key == "target") {
        fields.destination = value, fields.has_destination = true;
    } else if (key == "bind-propagation") {
        apply_propagation(asked, value, fields);
    } else if (key == "bind-recursive") {
        apply_bind_recursive(asked, value, fields);
    } else if (key == "tmpfs-size") {
        fields.volume.options.push_back(tmpfs_size(asked, value));
    } else if (key == "tmpfs-mode") {
        fields.volume.options.push_back(octal_mode(asked, value));
    } else if (key.starts_with("volume-")) {
        asked.refuse(cat(printable(key), " is not supported yet"));
    } else if (key != "consistency") {
        asked.refuse(cat("unknown key ", quote(key)),
                     "known are type, source, destination, readonly, bind-propagation, bind-recursive, tmpfs-size and "
                     "tmpfs-mode");
    }
}

// A key of another type than the mount's own would be lost silently.
void check_mount_keys(const Asked& asked, const MountFields& fields) {
    for (const auto& word : fields.volume.options) {
        const bool of_tmpfs = word.starts_with("size=") || word.starts_with("mode=");
        if (of_tmpfs && fields.type != "tmpfs") asked.refuse("tmpfs-size and tmpfs-mode are for type=tmpfs only");
        if (!of_tmpfs && fields.type != "bind") asked.refuse("bind-propagation is for type=bind only");
    }
    if ((fields.non_recursive || fields.read_only_top) && fields.type != "bind")
        asked.refuse("bind-recursive is for type=bind only");
}

VolumeOption bind_from(const Asked& asked, MountFields fields, const std::string& cwd) {
    fields.volume.kind = VolumeOption::Kind::bind;
    if (!fields.has_source) asked.refuse("type=bind needs a source");
    fields.volume.source = checked_source(asked, fields.source, cwd);
    if (fields.non_recursive) fields.volume.options.emplace_back("bind");
    // Read-only at the top alone: the mounts below stay as they are.
    if (fields.read_only_top && fields.volume.read_only) {
        fields.volume.read_only = false;
        fields.volume.options.emplace_back("ro");
    }
    return fields.volume;
}

}  // namespace

VolumeOption parse_volume(std::string_view text, const std::string& cwd) {
    const Asked asked{"--volume", text};
    const auto parts = split(text, ':');
    if (parts.size() > 3)
        asked.refuse("expected SRC:DST[:OPTIONS]", "a path with a colon in it can be given with --mount");
    VolumeOption volume;
    if (parts.size() == 1) {
        if (!parts[0].starts_with('/'))
            asked.refuse("expected SRC:DST[:OPTIONS], or an absolute DST for an anonymous volume");
        volume.kind = VolumeOption::Kind::anonymous;
        volume.destination = checked_destination(asked, parts[0]);
        return volume;
    }
    volume.source = checked_source(asked, parts[0], cwd);
    volume.destination = checked_destination(asked, parts[1]);
    if (parts.size() == 2) return volume;
    const auto words = split(parts[2], ',');
    check_volume_words(asked, words);
    for (const auto& word : words) apply_volume_word(asked, word, volume);
    return volume;
}

VolumeOption parse_mount(std::string_view text, const std::string& cwd) {
    const Asked asked{"--mount", text};
    MountFields fields;
    for (const auto& field : csv_fields(asked, text)) apply_mount_field(asked, field, fields);
    if (!fields.has_destination) asked.refuse("it has no destination", "add dst=/path/in/the/container");
    fields.volume.destination = checked_destination(asked, fields.destination);
    check_mount_keys(asked, fields);
    if (fields.type == "bind") return bind_from(asked, std::move(fields), cwd);
    if (fields.type == "tmpfs") {
        if (fields.has_source) asked.refuse("a tmpfs has no source");
        fields.volume.kind = VolumeOption::Kind::tmpfs;
        return fields.volume;
    }
    if (fields.type != "volume")
        asked.refuse(cat("the type ", quote(fields.type), " is not supported"), "known are bind, tmpfs and volume");
    if (fields.has_source)
        asked.refuse("named volumes are not supported yet", "for a directory of the host add type=bind");
    fields.volume.kind = VolumeOption::Kind::anonymous;
    return fields.volume;
}

VolumeOption parse_tmpfs(std::string_view text) {
    const Asked asked{"--tmpfs", text};
    const auto colon = text.find(':');
    VolumeOption volume;
    volume.kind = VolumeOption::Kind::tmpfs;
    volume.destination = checked_destination(asked, text.substr(0, colon));
    if (colon == std::string_view::npos) return volume;
    for (const auto& word : split(text.substr(colon + 1), ',')) volume.options.push_back(tmpfs_word(asked, word));
    return volume;
}

}  // namespace minirun
