#include "archive/image_archive.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "archive/byte_source.hpp"
#include "archive/tar_reader.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "kernel/files.hpp"
#include "kernel/openat2.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "model/image_config.hpp"

namespace minirun {
namespace {

constexpr std::size_t longest_name = 4096;

bool is_any_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_index(std::string_view type) {
    return is_any_of(
        type, {"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"});
}
bool is_manifest(std::string_view type) {
    return is_any_of(
        type, {"application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"});
}
bool is_config(std::string_view type) {
    return is_any_of(type,
                     {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"});
}
bool is_layer(std::string_view type) {
    return type.starts_with("application/vnd.oci.image.layer.v1.tar") ||
           type.starts_with("application/vnd.oci.image.layer.nondistributable.v1.tar") ||
           is_any_of(type, {"application/vnd.docker.image.rootfs.diff.tar.gzip",
                            "application/vnd.docker.image.rootfs.diff.tar",
                            "application/vnd.docker.image.rootfs.diff.tar.zstd"});
}

Platform platform_of(const JsonView& platform) {
    return {platform["os"].string_or("unknown"), platform["architecture"].string_or("unknown"),
            platform["variant"].string_or("")};
}

// Archives are filled up with zeros; who writes one into a pipe is to get rid of them.
void pass_over_padding(ByteSource& source) {
    constexpr std::size_t most = 1 << 20;
    std::size_t passed = 0;
    for (auto block = source.next(); !block.empty() && passed < most; block = source.next()) passed += block.size();
}

std::uint64_t size_of(const Fd& file) {
    struct stat info {};
    ::fstat(file.get(), &info);
    return static_cast<std::uint64_t>(info.st_size);
}

}  // namespace

// What the way down to a manifest tells of the image: names, and the digests of the indexes on it.
struct ImageArchive::Above {
    std::vector<std::string> names, digests;
};

ImageArchive::ImageArchive(const std::string& path, const std::string& scratch, const Limits& limits,
                           LayerStreams& streams)
    : limits_(limits), path_(path) {
    const bool is_stdin = path == "-";
    name_ = is_stdin ? "the archive on standard input" : quote(path);
    file_.reset(is_stdin ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file_ && (errno == ENOENT || errno == ENOTDIR))
        throw Error(ErrorKind::not_found, cat("there is no file or directory ", quote(path)), "", ENOENT);
    if (!file_) throw system_error(cat("cannot open ", name_), errno);
    struct stat info {};
    ::fstat(file_.get(), &info);
    if (S_ISDIR(info.st_mode)) {
        directory_ = std::move(file_);
        return;
    }
    unsigned char head[6] = {};
    const bool seekable = S_ISREG(info.st_mode) && ::lseek(file_.get(), 0, SEEK_CUR) == 0;
    if (seekable && ::pread(file_.get(), head, sizeof head, 0) >= 0 && !is_compressed(head)) {
        FileSource source(file_.get(), 0, size_of(file_), name_);
        index_tar(source, nullptr);
        return;
    }
    // Read to the end of the archive and no further: what is none is refused at its first block.
    const Fd pipe = std::move(file_);
    PipeSource packed(pipe.get());
    const auto unpacked = decompressed(packed, name_);
    GrowthLimit limited(
        *unpacked, [&] { return packed.size(); }, limits_.growth, name_);
    file_.reset(::open(scratch.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!file_) throw system_error(cat("cannot make a file in ", quote(scratch)), errno);
    index_tar(limited, &streams);
    pass_over_padding(packed);
}

void ImageArchive::index_tar(ByteSource& source, LayerStreams* streams) {
    TarReader tar(source, name_);
    TarEntry entry;
    std::map<std::string, std::string> links;
    while (tar.next(entry)) {
        std::string_view name = entry.name;
        while (name.starts_with("./")) name.remove_prefix(2);
        if (name.size() > longest_name) continue;  // nothing names it
        if (files_.size() + links.size() >= limits_.entries)
            throw Error(ErrorKind::bad_input, cat(name_, " has more than ", limits_.entries, " files"),
                        "--max-entries raises the limit");
        // Docker writes a layer that comes twice as a link to the first one.
        if (S_ISLNK(entry.mode) && !entry.is_hard_link) links.emplace(name, entry.link);
        if (entry.is_hard_link || !S_ISREG(entry.mode)) continue;
        Blob file{file_.get(), 0, entry.size, {}, cat(quote(name), " in ", name_), ""};
        if (streams == nullptr)
            file.offset = tar.data_offset();
        else
            pass_on(tar, std::string(name), file, *streams);
        files_[std::string(name)] = std::move(file);
    }
    for (const auto& [name, target] : links) {
        // "../HEX/layer.tar", seen from HEX/layer.tar.
        const auto found = files_.find(target.starts_with("../") ? target.substr(3) : target);
        if (found != files_.end()) files_.emplace(name, found->second);
    }
}

// Of an archive that can be read once only: the content of the entry goes to where it can be had later.
void ImageArchive::pass_on(TarReader& tar, const std::string& name, Blob& file, LayerStreams& streams) {
    // It would be read to its end, whatever is the matter with it.
    if (file.size > limits_.bytes)
        throw Error(ErrorKind::bad_input, cat(file.name, " has more than ", human_size(limits_.bytes)),
                    "--max-size raises the limit");
    file.offset = kept_;
    std::vector<unsigned char> head;
    bool is_decided = file.size < LayerStreams::smallest;
    const auto place = [&](Bytes bytes) { file.stream ? streams.add(bytes) : keep(bytes); };
    std::uint64_t passed = 0;
    tar.read_data([&](Bytes piece, std::uint64_t offset) {
        if (offset != passed) throw Error(ErrorKind::unsupported, cat(file.name, " is a file with holes"));
        passed += piece.size();
        if (is_decided) return place(piece);
        head.insert(head.end(), piece.begin(), piece.end());
        if (head.size() < LayerStreams::telling) return;
        is_decided = true;
        if (LayerStreams::looks_like_layer(head)) file.stream = streams.begin(name, file.name, file.size);
        place(head);
    });
    if (!is_decided) place(head);
    if (file.stream) streams.end();
    if (passed != file.size) throw Error(ErrorKind::unsupported, cat(file.name, " is a file with holes"));
}

void ImageArchive::keep(Bytes bytes) {
    if (const auto written = kernel::write_all(file_.get(), bytes.data(), bytes.size()); !written)
        throw system_error(cat("cannot keep ", name_), written.error(),
                           "make space, or set MINIRUN_ROOT to a directory on another disk");
    kept_ += bytes.size();
}

// By the specification a ref.name is a tag; skopeo and others put whole names there. A tag alone gets the name of the
// archive or directory.
std::string ImageArchive::name_of(const std::string& reference) const {
    if (reference.find_first_of("/:") != std::string::npos) return reference;
    auto base = path_;
    while (base.size() > 1 && base.back() == '/') base.pop_back();
    base = base.substr(base.rfind('/') + 1);
    return cat(base.substr(0, base.find(".tar")), ':', reference);
}

std::optional<Blob> ImageArchive::find(const std::string& name) {
    if (!directory_) {
        const auto found = files_.find(name);
        return found == files_.end() ? std::nullopt : std::optional(found->second);
    }
    const auto opened = kernel::open_beneath(directory_.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0,
                                             RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
    if (!opened) return std::nullopt;
    Fd file(opened.value());
    struct stat info {};
    if (::fstat(file.get(), &info) < 0 || !S_ISREG(info.st_mode)) return std::nullopt;
    opened_.push_back(std::move(file));
    const auto size = static_cast<std::uint64_t>(info.st_size);
    return Blob{opened_.back().get(), 0, size, {}, cat(quote(name), " in ", name_), ""};
}

Blob ImageArchive::need(const std::string& name, const std::string& wanted_by) {
    if (auto found = find(name)) return *found;
    throw Error(ErrorKind::bad_input, cat("there is no ", quote(name), " in ", name_, ", which ", wanted_by, " names"));
}

std::string ImageArchive::read(const Blob& blob) const {
    if (blob.size > limits_.json)
        throw Error(ErrorKind::bad_input, cat(blob.name, " has more than ", human_size(limits_.json)),
                    "--max-json raises the limit");
    if (blob.stream) throw Error(ErrorKind::bad_input, cat(blob.name, " is no JSON"));
    FileSource file(blob.fd, blob.offset, blob.size, blob.name);
    std::string text;
    for (auto block = file.next(); !block.empty(); block = file.next())
        text.append(reinterpret_cast<const char*>(block.data()), block.size());
    if (!blob.digest.empty() && sha256_digest(text) != blob.digest)
        throw Error(ErrorKind::bad_input,
                    cat(blob.name, " is not what its digest says: ", sha256_digest(text), ", not ", blob.digest));
    return text;
}

std::vector<ArchivedImage> ImageArchive::images(const Platform& platform) {
    if (const auto manifest = find("manifest.json")) return docker_images(*manifest);
    const auto index = find("index.json");
    if (!index)
        throw Error(ErrorKind::bad_input, cat(name_, " holds no image: it has neither manifest.json nor index.json"),
                    "minirun load reads what docker save, podman save and skopeo copy write; for a root file system "
                    "there is minirun import");
    std::vector<ArchivedImage> images;
    std::vector<std::string> platforms;
    add_from_index(*index, platform, {}, images, platforms);
    if (images.empty())
        throw Error(ErrorKind::unsupported,
                    cat(name_, " has no image for ", platform.text(), platforms.empty() ? "" : "; it has ",
                        join(platforms, ", ")),
                    "--platform chooses another one");
    return images;
}

std::vector<ArchivedImage> ImageArchive::docker_images(const Blob& manifest) {
    const auto document = parse_json(read(manifest), manifest.name, limits_.depth_of_json());
    Problems problems(manifest.name);
    std::vector<ArchivedImage> images;
    if (!document.is_array() || document.empty()) problems.add(".", "expected an array of images");
    for (const auto& view : JsonView(document, problems).elements()) {
        ArchivedImage image;
        const auto config = view["Config"].string();
        const auto layers = view["Layers"].strings();
        if (!view["Config"]) view["Config"].complain("expected the name of a file");
        if (!view["Layers"]) view["Layers"].complain("expected the names of files");
        problems.throw_if_any();
        image.config = need(*config, manifest.name);
        for (const auto& layer : *layers) image.layers.push_back(need(layer, manifest.name));
        image.names = view["RepoTags"].strings().value_or(std::vector<std::string>{});
        images.push_back(std::move(image));
    }
    problems.throw_if_any();
    return images;
}

Blob ImageArchive::blob_of(const JsonView& descriptor, const std::string& wanted_by) {
    const auto digest = descriptor["digest"].string_or("");
    if (!is_sha256_digest(digest))
        throw Error(ErrorKind::bad_input, cat(wanted_by, ": ", descriptor.path(),
                                              ".digest: expected sha256: and 64 hex digits, found ", quote(digest)));
    auto blob = need("blobs/sha256/" + digest.substr(7), wanted_by);
    const auto size = descriptor["size"].unsigned_integer();
    if (size && *size != blob.size)
        throw Error(ErrorKind::bad_input,
                    cat(blob.name, " has ", blob.size, " bytes, not ", *size, " as ", wanted_by, " says"));
    blob.digest = digest;
    return blob;
}

void ImageArchive::add_from_index(const Blob& index, const Platform& platform, const Above& above,
                                  std::vector<ArchivedImage>& images, std::vector<std::string>& platforms) {
    if (above.digests.size() > 4)
        throw Error(ErrorKind::bad_input, cat(index.name, " is an index inside of four others"));
    const auto document = parse_json(read(index), index.name, limits_.depth_of_json());
    Problems problems(index.name);
    for (const auto& view : JsonView(document, problems)["manifests"].elements()) {
        const auto type = view["mediaType"].string_or("");
        auto here = above;
        const auto annotations = view["annotations"];
        if (const auto name = annotations["io.containerd.image.name"].string())
            here.names = {*name};
        else if (const auto reference = annotations["org.opencontainers.image.ref.name"].string())
            here.names = {name_of(*reference)};
        if (is_index(type)) {
            const auto blob = blob_of(view, index.name);
            here.digests.push_back(blob.digest);
            add_from_index(blob, platform, here, images, platforms);
        } else if (is_manifest(type)) {
            // What BuildKit says about an image is no image.
            if (annotations["vnd.docker.reference.type"].string_or("") == "attestation-manifest") continue;
            if (view["platform"]) {
                const auto its = platform_of(view["platform"]);
                platforms.push_back(printable(its.text()));
                if (!its.fits(platform)) continue;
            }
            images.push_back(image_from_manifest(blob_of(view, index.name), here));
        } else {
            view["mediaType"].complain(cat("unknown media type ", quote(type)));
        }
    }
    problems.throw_if_any();
}

ArchivedImage ImageArchive::image_from_manifest(const Blob& blob, const Above& above) {
    const auto document = parse_json(read(blob), blob.name, limits_.depth_of_json());
    Problems problems(blob.name);
    const JsonView view(document, problems);
    ArchivedImage image;
    image.names = above.names;
    image.manifests = above.digests;
    image.manifests.push_back(blob.digest);
    if (const auto type = view["config"]["mediaType"].string_or(""); !is_config(type))
        view["config"]["mediaType"].complain(cat("unknown media type ", quote(type)));
    const auto layers = view["layers"].elements();
    for (const auto& layer : layers)
        if (const auto type = layer["mediaType"].string_or(""); !is_layer(type))
            layer["mediaType"].complain(cat("unknown media type ", quote(type)));
    problems.throw_if_any();
    image.config = blob_of(view["config"], blob.name);
    for (const auto& layer : layers) image.layers.push_back(blob_of(layer, blob.name));
    return image;
}

}  // namespace minirun
