// minirun explain, for people: what the image is.
#include <algorithm>

#include "base/text.hpp"
#include "cli/minirun/explain_render.hpp"

namespace minirun {
namespace {

std::string layer_numbers(const LayerFacts& layer) {
    std::vector<std::string> parts;
    const auto add = [&](std::uint64_t count, const std::string& text) {
        if (count > 0) parts.push_back(text);
    };
    add(layer.added, cat(counted(layer.added, "file"), " added"));
    add(layer.changed, cat(counted(layer.changed, "file"), " changed"));
    add(layer.deleted, cat(counted(layer.deleted, "name"), " deleted"));
    add(layer.directories_added, cat(counted(layer.directories_added, "new directory", "new directories")));
    return parts.empty() ? "nothing added, changed or deleted" : join(parts, ", ");
}

std::string layer_marks(const LayerFacts& layer) {
    std::vector<std::string> parts;
    const auto add = [&](std::uint64_t count, const std::string& text) {
        if (count > 0) parts.push_back(text);
    };
    add(layer.whiteouts, counted(layer.whiteouts, "whiteout"));
    add(layer.opaque_directories, counted(layer.opaque_directories, "opaque directory", "opaque directories"));
    add(layer.hard_links, counted(layer.hard_links, "hard link"));
    return join(parts, ", ");
}

void draw_layer(Page& page, const LayerFacts& layer) {
    page.box_title(printable(layer.name), human_size(layer.bytes));
    if (!layer.problem.empty()) return page.box_text(cat("not counted: ", layer.problem));
    page.box_text(layer_numbers(layer));
    if (const auto marks = layer_marks(layer); !marks.empty()) page.box_text(marks);
    if (layer.unreadable_directories > 0)
        page.box_text(cat(counted(layer.unreadable_directories, "directory", "directories"),
                          " not counted: you must not look into them"));
    if (layer.shared) page.box_text(cat("shared: ", printable(layer.path)));
}

void draw_upper(Page& page, const RootfsFacts& rootfs) {
    using Upper = RootfsFacts::Upper;
    switch (rootfs.upper) {
        case Upper::disk: page.box_title("writable layer", "empty at first"); break;
        case Upper::memory: page.box_title("writable layer, in memory", "empty at first"); break;
        case Upper::none:
            page.box_title("no writable layer", "read-only");
            return page.box_text("nothing in the root file system can be changed");
        case Upper::in_place:
            page.box_title("no writable layer", rootfs.read_only ? "read-only" : "");
            return page.box_text(rootfs.read_only ? "the directory below is the root, and cannot be changed"
                                                  : "the directory below is the root: changes stay in it");
    }
    page.box_text(rootfs.read_only ? "not for the container: its root is read-only"
                                   : "all that the container changes; thrown away when it ends");
}

void draw_stack(Page& page, const Explanation& explanation) {
    const auto& rootfs = explanation.rootfs;
    page.open_box();
    draw_upper(page, rootfs);
    for (auto layer = rootfs.layers.rbegin(); layer != rootfs.layers.rend(); ++layer) {
        page.floor_of_box();
        draw_layer(page, *layer);
    }
    page.floor_of_box(true);
    page.box_title(cat("bootfs: Linux ", explanation.bootfs.kernel_release), "the host's");
    page.close_box();
}

std::string total_of(const RootfsFacts& rootfs) {
    std::uint64_t shared = 0, count = 0;
    for (const auto& layer : rootfs.layers)
        if (layer.shared) shared += layer.bytes, count++;
    auto text = cat(human_size(rootfs.bytes), " in ", counted(rootfs.layers.size(), "layer"));
    if (count > 0) append(text, cat("; ", human_size(shared), " of it shared"));
    return text;
}

std::string distribution_of(const RootfsFacts& rootfs) {
    const auto& own = rootfs.operating_system;
    const auto& host = rootfs.host_operating_system;
    auto text = own.empty() ? std::string("none: no layer has an os-release") : printable(own);
    if (!host.empty()) append(text, cat(own == host ? ", as this host's" : cat("; this host's is ", printable(host))));
    return text;
}

std::vector<std::string> mount_lines(const RootfsFacts& rootfs) {
    std::vector<std::string> words, lines;
    for (const auto& mount : rootfs.mounts) {
        if (mount.type == "bind")
            lines.push_back(cat(printable(mount.destination), ": the host's ", printable(mount.source),
                                mount.read_only ? ", read-only" : ""));
        else if (mount.type == "overlay")
            lines.push_back(cat(printable(mount.destination), ": changes there are thrown away (an overlay)"));
        else
            words.push_back(printable(mount.destination));
    }
    if (!words.empty()) lines.insert(lines.begin(), join(words, " "));
    return lines;
}

// ---- union

using What = PathFacts::Event::What;

// What one layer does, of itself: "03-config  replaces it".
std::string event_text(const PathFacts::Event& event, const PathFacts& path) {
    const auto it = event.at == path.path ? std::string("it") : printable(event.at);
    switch (event.what) {
        case What::adds: return cat("adds ", it);
        case What::replaces: return cat("replaces ", it);
        case What::merges: return cat("adds to ", it);
        case What::opaque: return cat("makes ", it, " anew (opaque: hides what is in those below)");
        case What::deletes: return cat("deletes ", it, " (a whiteout)");
        case What::nothing: return cat("deletes ", it, " (a whiteout), though nothing is there");
    }
    return "";
}

// The layer whose file is hidden by what event `index` does.
std::string hidden_layer(const PathFacts& path, std::size_t index) {
    for (auto i = index + 1; i < path.history.size(); i++)
        if (path.history[i].what != What::nothing) return path.history[i].layer;
    return "";
}

std::string merged_layers(const PathFacts& path) {
    std::size_t count = 0;
    for (const auto& event : path.history) {
        count++;
        if (event.what != What::merges) break;
    }
    return count == 1 ? cat("a directory of ", printable(path.layer))
                      : cat("one directory, merged of those of ", count, " layers");
}

// Why the container sees nothing there.
std::string absence(const PathFacts& path) {
    if (path.history.empty() || path.history.front().what == What::nothing) return "in no layer";
    const auto& top = path.history.front();
    const auto layer = printable(top.layer), at = printable(top.at), below = printable(hidden_layer(path, 0));
    if (top.at == path.path) return cat("gone: ", layer, " deletes what ", below, " has there");
    const auto* does = top.what == What::deletes ? " deletes " : top.what == What::opaque ? " makes " : " replaces ";
    return cat("gone: ", layer, does, at, top.what == What::opaque ? " anew, without" : ", and with it", " what ",
               below, " has there");
}

std::string origin(const PathFacts& path) {
    using Type = PathFacts::Type;
    if (!path.problem.empty()) return path.problem;
    if (path.type == Type::none) return absence(path);
    if (path.type == Type::directory) return merged_layers(path);
    auto text = cat("from ", printable(path.layer));
    if (path.type == Type::file) append(text, cat(", ", human_size(path.bytes)));
    if (path.type == Type::symlink) {
        append(text, cat(": a symbolic link to ", printable(path.leads_to)));
        append(text, path.leads_to_layer.empty() ? ", where no layer has anything"
                                                 : cat(" of ", printable(path.leads_to_layer)));
    }
    for (std::size_t i = 0; i < path.history.size(); i++)
        if (path.history[i].visible && path.history[i].what == What::replaces)
            append(text, cat("; hides the one of ", printable(hidden_layer(path, i))));
    return text;
}

void tell_history(Page& page, const PathFacts& path) {
    std::size_t widest = 0;
    for (const auto& event : path.history) widest = std::max(widest, text_width(printable(event.layer)));
    for (const auto& event : path.history) {
        const bool is_file = path.type != PathFacts::Type::directory;
        page.row(6, printable(event.layer), 8 + std::min<std::size_t>(widest, 30),
                 cat(event_text(event, path), event.visible && is_file ? "  <- this is seen" : ""), Paint::green);
    }
}

void tell_path(Page& page, const PathFacts& path) {
    page.blank();
    page.paragraph(
        path.asked == path.path ? printable(path.asked) : cat(printable(path.asked), " is ", printable(path.path)), 2,
        Paint::bold);
    if (!path.covered_by.empty()) {
        page.paragraph(cat("from no layer: what is mounted on ", printable(path.covered_by), " covers it"), 4);
        if (path.type != PathFacts::Type::none) page.paragraph(cat("below that, unseen: ", origin(path)), 4);
    } else {
        page.paragraph(origin(path), 4);
    }
    if (path.history.size() > 1) tell_history(page, path);
}

}  // namespace

void tell_bootfs(Page& page, const Explanation& explanation) {
    const auto& bootfs = explanation.bootfs;
    page.heading("bootfs", "the kernel is the host's");
    page.paragraph(
        "A container has no kernel of its own: the one that this host booted serves all containers at once. That is "
        "why a container starts in milliseconds, and why it brings only files and no machine.");
    page.blank();
    page.field("kernel", cat("Linux ", bootfs.kernel_release, " on ", bootfs.machine));
    page.field("boot image",
               bootfs.boot_image.empty() ? "the boot loader's; not visible from here" : printable(bootfs.boot_image));
    page.field("command line", printable(bootfs.command_line));
    std::vector<std::string> kernels;
    for (const auto& file : bootfs.kernel_files)
        kernels.push_back(cat("layer ", printable(file.layer), " holds ", printable(file.path),
                              ", which belongs to a kernel; it is never booted"));
    if (kernels.empty())
        kernels.push_back(
            cat("no kernel: no /boot/vmlinuz*, and nothing in /lib/modules or /usr/lib/modules; looked in ",
                counted(explanation.rootfs.layers.size(), "layer")));
    if (!bootfs.problem.empty()) kernels.push_back(cat("not all could be searched: ", bootfs.problem));
    page.field("in the image", kernels);
}

void tell_rootfs(Page& page, const Explanation& explanation) {
    const auto& rootfs = explanation.rootfs;
    page.heading("rootfs", "the files are the image's");
    page.paragraph(
        "An image is a stack of directories; each holds what it changes of those below it. Nothing is copied to start "
        "a container: all containers read the same files, and each writes into a layer of its own on top.");
    page.blank();
    draw_stack(page, explanation);
    const auto hides = [](const LayerFacts& layer) { return layer.whiteouts + layer.opaque_directories > 0; };
    if (std::any_of(rootfs.layers.begin(), rootfs.layers.end(), hides))
        page.paragraph(
            "A whiteout marks a name as deleted; an opaque directory hides all that the directories of the same name "
            "below it hold.");
    page.blank();
    page.field("distribution", distribution_of(rootfs));
    page.field("total", total_of(rootfs));
    if (const auto lines = mount_lines(rootfs); !lines.empty()) page.field("mounted over it", lines);
    if (!rootfs.provided_files.empty()) page.field_of_words("provided", rootfs.provided_files);
}

void tell_union(Page& page, const Explanation& explanation) {
    const auto& paths = explanation.paths;
    page.heading("union", "many layers, one tree");
    page.paragraph(
        "overlayfs looks a name up from the topmost layer down: the first layer that has it wins, a whiteout ends the "
        "search, and directories of the same name are merged. So a layer can replace and delete without touching the "
        "layers below, which others share.");
    if (paths.empty()) {
        page.blank();
        page.paragraph("No layer of this image hides anything of another. --path PATH tells where a path comes from.");
    }
    if (!paths.empty() && paths.front().example) {
        page.blank();
        page.paragraph("Places in this image that show it (--path PATH asks for others):");
    }
    for (const auto& path : paths) tell_path(page, path);
}

std::string explain_text(const Explanation& explanation, const Sections& sections, Style style) {
    Page page(style);
    using Tell = void (*)(Page&, const Explanation&);
    constexpr Tell tell[] = {tell_bootfs, tell_rootfs, tell_union, tell_process, tell_isolation, tell_plan};
    bool first = true;
    for (std::size_t i = 0; i < explain_sections.size(); i++) {
        if (!sections.contains(explain_sections[i])) continue;
        if (!first) page.blank();
        first = false;
        tell[i](page, explanation);
    }
    return page.take();
}

}  // namespace minirun
