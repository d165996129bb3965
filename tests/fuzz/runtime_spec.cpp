// config.json of the OCI runtime specification, and the launch that follows from it.
#include "launch.hpp"

using namespace minirun;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto spec = fuzz::unless_refused([&] { return parse_runtime_spec(text, "config.json"); });
    if (!spec) return 0;
    fuzz::round_trip(*spec);
    Image image;
    image.name = image.directory = "/fuzz";
    image.config_file = "/fuzz/config.json";
    image.form = Image::Form::runtime_bundle;
    image.runtime_spec = *spec;
    image.layers = {{"rootfs", "/fuzz/rootfs"}};
    if (const auto launch =
            fuzz::unless_refused([&] { return request_from_runtime_spec(image, {}, {}, fuzz::host()); }))
        fuzz::plan(*launch);
    return 0;
}
