// The values of -v, --mount and --tmpfs: the first byte says which.
#include "base/path.hpp"
#include "fuzz.hpp"
#include "kernel/names.hpp"
#include "model/request_parts.hpp"
#include "model/volume.hpp"
#include "model/volume_mounts.hpp"

using namespace minirun;
using Kind = VolumeOption::Kind;

namespace {

void check(const VolumeOption& volume) {
    const auto is_clean = [](const std::string& path) { return path.starts_with('/') && clean_path(path) == path; };
    fuzz::promise(is_clean(volume.destination) && volume.destination != "/", "the destination is clean and not /");
    const bool has_source = volume.kind == Kind::bind || volume.kind == Kind::overlay;
    fuzz::promise(has_source == !volume.source.empty(), "a source is for bind and overlay");
    if (has_source) fuzz::promise(is_clean(volume.source), "the source is clean");
    for (const auto& word : volume.options)
        fuzz::promise(word.find(',') == std::string::npos, "each option is one word");
}

// What is accepted here has to be fit for a config.json, too.
void check_mounts(const VolumeOption& volume) {
    RunOptions options;
    options.volumes = {volume};
    const auto mounts = fuzz::unless_refused([&] { return volume_mounts(Image{}, options, {}, "/data/aaaa"); });
    if (!mounts) return;
    ContainerSpec spec;
    spec.root.path = "rootfs";
    spec.process.args = {"true"};
    spec.mounts = mounts->mounts;
    spec.linux_.namespaces = {{NamespaceType::mount, ""}};
    require_valid(spec, "the volume");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
    // An argument of a program holds no NUL.
    if (text.find('\0') != std::string_view::npos) return 0;
    const auto volume = fuzz::unless_refused([&] {
        switch (data[0]) {
            case 'v': return parse_volume(text, "/home/me");
            case 'm': return parse_mount(text, "/home/me");
            default: return parse_tmpfs(text);
        }
    });
    if (!volume) return 0;
    check(*volume);
    check_mounts(*volume);
    return 0;
}
