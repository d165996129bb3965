// The strict JSON reader, the image's config in its two forms, and the launch that follows from it.
#include "model/image_config.hpp"

#include "launch.hpp"

using namespace minirun;

namespace {

bool is_inspected(const Json& document) {
    return document.is_array() || (document.is_object() && document.contains("GraphDriver"));
}

ImageConfig read(const Json& document) {
    Problems problems("config.json");
    const bool inspected = is_inspected(document);
    const auto& root = inspected && document.is_array() && document.size() == 1 ? document[0] : document;
    const JsonView view(root, problems);
    auto config = inspected ? parse_inspected_image(view) : parse_image_config(view);
    problems.throw_if_any();
    return config;
}

void check_json(const Json& document, std::string_view text) {
    // What was read is UTF-8 without duplicate keys: it can be written, and is read as the same again.
    const auto written = document.dump();
    fuzz::promise(parse_json(written, "again") == document, "a document survives being written and read");
    fuzz::promise(!text.empty(), "an empty text is no document");
}

LaunchRequest request(const ImageConfig& config) {
    Image image;
    image.name = image.directory = "fuzz";
    image.config = config;
    image.layers = {{"01-base", "/layers/01-base"}};
    const ImageFiles files{"root:x:0:0::/root:/bin/sh\n", "root:x:0:\n", {}};
    return request_from_image(image, {}, files, fuzz::host());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto document = fuzz::unless_refused([&] { return parse_json(text, "config.json"); });
    if (!document) return 0;
    check_json(*document, text);
    const auto config = fuzz::unless_refused([&] { return read(*document); });
    if (!config) return 0;
    for (const auto& digest : config->diff_ids) fuzz::promise(is_sha256_digest(digest), "a diff id is a digest");
    for (const auto& path : config->volumes) fuzz::promise(path.starts_with('/'), "a volume is an absolute path");
    if (const auto launch = fuzz::unless_refused([&] { return request(*config); })) {
        fuzz::round_trip(launch->spec);
        fuzz::plan(*launch);
    }
    return 0;
}
