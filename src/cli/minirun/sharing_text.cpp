#include "cli/minirun/sharing_text.hpp"

#include <algorithm>
#include <numeric>

#include "base/json.hpp"
#include "base/text.hpp"
#include "cli/minirun/image_text.hpp"

namespace minirun {
namespace {

// As the containers' row of a table.
using Row = std::vector<std::string>;

ProcessMemory total_of(const Sharing& sharing) {
    ProcessMemory total;
    for (const auto& one : sharing.containers) {
        total.resident += one.memory.resident;
        total.proportional += one.memory.proportional;
        total.own += one.memory.own;
    }
    return total;
}

// A page that nobody has mapped is in no process's account, and may be in the page cache all the same.
std::uint64_t cached_of(const Sharing& sharing) {
    return std::accumulate(sharing.layers.begin(), sharing.layers.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const LayerSharing& one) { return sum + one.cached_bytes; });
}

Row row_of(const std::string& name, std::size_t processes, const ProcessMemory& memory) {
    return {name, cat(processes), human_size(memory.resident), human_size(memory.proportional), human_size(memory.own)};
}

std::string containers_table(const Sharing& sharing) {
    std::vector<Row> rows{{"NAME", "PROCESSES", "RSS", "PSS", "PRIVATE"}};
    std::size_t processes = 0;
    for (const auto& one : sharing.containers) {
        rows.push_back(row_of(one.name, one.processes, one.memory));
        processes += one.processes;
    }
    rows.push_back(row_of("all", processes, total_of(sharing)));
    return table(rows);
}

std::string layers_table(const Sharing& sharing) {
    std::vector<Row> rows{{"LAYER", "CONTAINERS", "ON DISK", "IN MEMORY"}};
    for (const auto& one : sharing.layers)
        rows.push_back({printable(one.name), cat(one.containers.size()), human_size(one.disk_bytes),
                        human_size(one.cached_bytes)});
    return table(rows);
}

Json json_of(const ProcessMemory& memory) {
    return {{"resident", memory.resident}, {"proportional", memory.proportional}, {"private", memory.own}};
}

std::string device_text(const MappedFile& file) { return cat(file.device_major, ':', file.device_minor); }

void tell_file(Page& page, const MappedFile& file) {
    page.blank();
    page.paragraph(printable(file.path), 2, Paint::bold);
    page.field("layer", printable(file.layer));
    page.field("file", cat("device ", device_text(file), ", inode ", file.inode));
    page.field("in memory", cat(human_size(file.cached_bytes), " of ", human_size(file.size), ", once"));
    std::vector<std::string> mappings;
    constexpr std::size_t most = 4;
    for (const auto& one : file.mappings) {
        if (mappings.size() < most) mappings.push_back(cat(one.container, ", process ", one.process));
    }
    if (file.mappings.size() > most) mappings.push_back(cat("and ", file.mappings.size() - most, " more containers"));
    page.field("mapped by", mappings);
}

void tell_files(Page& page, const Sharing& sharing) {
    page.heading("files", "the same file, seen from several containers");
    if (sharing.files.empty())
        return page.paragraph(
            "No file of a layer is mapped by processes of more than one of them: they have no layer in common, or run "
            "different programs.");
    page.paragraph(cat(counted(sharing.files.size(), "file"), " of the layers, mapped by more than one of them. ",
                       "Each overlay shows it under a device of its own, but below it is one inode, and one copy in "
                       "memory. The largest:"));
    constexpr std::size_t most = 3;
    for (std::size_t i = 0; i < std::min(most, sharing.files.size()); i++) tell_file(page, sharing.files[i]);
}

void table_on(Page& page, const std::string& text) {
    page.blank();
    for (const auto& line : split(text, '\n'))
        if (!line.empty()) page.paragraph(line);
}

}  // namespace

std::string sharing_tables(const Sharing& sharing) {
    return cat(containers_table(sharing), '\n', layers_table(sharing));
}

std::string sharing_json(const Sharing& sharing) {
    Json containers = Json::array(), layers = Json::array(), files = Json::array();
    for (const auto& one : sharing.containers)
        containers.push_back({{"id", one.id},
                              {"name", one.name},
                              {"image", one.image_name},
                              {"processes", one.processes},
                              {"memory", json_of(one.memory)}});
    for (const auto& one : sharing.layers)
        layers.push_back({{"name", one.name},
                          {"path", one.path},
                          {"containers", one.containers},
                          {"diskBytes", one.disk_bytes},
                          {"cachedBytes", one.cached_bytes}});
    for (const auto& one : sharing.files) {
        Json mappings = Json::array();
        for (const auto& mapping : one.mappings)
            mappings.push_back({{"container", mapping.container}, {"process", mapping.process}});
        files.push_back({{"path", one.path},
                         {"layer", one.layer},
                         {"device", device_text(one)},
                         {"inode", one.inode},
                         {"size", one.size},
                         {"cachedBytes", one.cached_bytes},
                         {"mappings", std::move(mappings)}});
    }
    const Json all{{"containers", std::move(containers)},
                   {"memory", json_of(total_of(sharing))},
                   {"layers", std::move(layers)},
                   {"cachedBytes", cached_of(sharing)},
                   {"files", std::move(files)}};
    return all.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string sharing_page(const Sharing& sharing, Style style) {
    Page page(style);
    const auto total = total_of(sharing);
    page.heading("memory", "what their processes take");
    page.paragraph(cat("RSS counts each page for everyone who has it: in sum ", human_size(total.resident),
                       ". PSS shares a page out among those who have it: in sum ", human_size(total.proportional),
                       ", which is what they take together. Private is what nobody else has, and what the end of that "
                       "one would free."));
    table_on(page, containers_table(sharing));
    page.blank();
    page.heading("layers", "on disk once, in memory once");
    page.paragraph(cat("Whoever reads a file of a layer reads the same page cache, through whichever container: ",
                       human_size(cached_of(sharing)), " of these layers are in memory now."));
    table_on(page, layers_table(sharing));
    page.blank();
    tell_files(page, sharing);
    return page.take();
}

}  // namespace minirun
