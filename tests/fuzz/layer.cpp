// A layer's archive, compressed or not: unpacked into a directory beside which nothing may change.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "archive/byte_source.hpp"
#include "archive/unpack_layer.hpp"
#include "base/file.hpp"
#include "base/remove_tree.hpp"
#include "fuzz.hpp"

using namespace minirun;

namespace {

class Input : public ByteSource {
public:
    Input(const std::uint8_t* data, std::size_t size) : left_(data, size) {}
    Bytes next() override {
        const auto block = left_.first(std::min<std::size_t>(left_.size(), 4096));
        left_ = left_.subspan(block.size());
        return block;
    }

private:
    Bytes left_;
};

// A directory of this run, with the tree and a file that no archive may reach.
struct Place {
    std::string path = "/tmp/minirun-fuzz-layer.XXXXXX";
    Place() {
        if (::mkdtemp(path.data()) == nullptr) std::abort();
        write_file_atomically(path + "/outside", "untouched", 0600);
    }
    ~Place() { remove_tree(path); }
};

struct Outcome {
    UnpackedLayer layer;
    std::string digest;
};

// The digest of the archive that the record and the tree make.
std::string replayed(const std::string& layer) {
    TarReplay replay(layer, "layer",
                     [](const std::string&, const std::string&) { fuzz::promise(false, "no file was changed"); });
    HashedSource hashed(replay);
    while (!hashed.next().empty()) continue;
    return hashed.digest();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Place place;
    const auto layer_path = place.path + "/layer", tree_path = layer_path + "/tree";
    if (::mkdir(layer_path.c_str(), 0755) < 0 || ::mkdir(tree_path.c_str(), 0755) < 0) std::abort();
    const Limits limits{.bytes = 1 << 20, .entries = 1000};
    const auto outcome = fuzz::unless_refused([&] {
        const Fd tree(::open(tree_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        Input input(data, size);
        const auto plain = decompressed(input, "layer");
        GrowthLimit limited(
            *plain, [] { return std::uint64_t{0}; }, {1, 4 << 20}, "layer");
        HashedSource hashed(limited);
        TarRecorder recorder(hashed, layer_path, 8 << 20);
        TarReader tar(recorder, "layer");
        Outcome done{unpack_layer(tar, tree, "layer", limits, &recorder), ""};
        tar.finish();
        recorder.finish();
        done.digest = hashed.digest();
        return done;
    });
    if (outcome) {
        fuzz::promise(outcome->layer.bytes <= limits.bytes, "no more bytes than the limit");
        fuzz::promise(replayed(layer_path) == outcome->digest, "the archive can be made again");
    }
    fuzz::promise(read_file(place.path + "/outside", 100) == "untouched", "what is outside of the tree stays");
    fuzz::promise(remove_tree(layer_path) == 0, "the layer can be removed");
    struct stat info {};
    fuzz::promise(::stat(place.path.c_str(), &info) == 0 && info.st_nlink == 2, "nothing is made beside the tree");
    return 0;
}
