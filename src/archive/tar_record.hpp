// A layer's archive without what is in its files: with the unpacked layer it gives the archive again, byte by byte.
//
// A layer's DiffID is the digest of an archive, and many archives make the same tree: the order of the entries, forms
// of headers, padding. So what is not the content of a file of the tree is kept as it came:
//
//     0 LENGTH BYTES            these bytes
//     1 LENGTH PATH SIZE CRC    SIZE bytes of the file PATH of the tree, and their CRC-64 (ECMA-182, 8 bytes)
//     2 LENGTH PATH             what was at PATH until here is now replaced/N, where N counts these pieces
//
// Numbers are base 128, the lowest seven bits first, the eighth bit set if there are more. Zstandard around all of it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "archive/byte_source.hpp"
#include "base/fd.hpp"

struct ZSTD_CCtx_s;

namespace minirun {

/// What comes through is recorded.
class TarRecorder : public ByteSource {
public:
    /// Makes `directory`/tar-record. `replaced` in the same directory takes what a later entry of the archive replaces.
    /// A record of more than `most` bytes, before it is compressed, is Error{bad_input}.
    TarRecorder(ByteSource& source, std::string directory, std::uint64_t most);
    ~TarRecorder() override;

    Bytes next() override;

    /// The bytes from `offset` of the archive on are the content of the file `path` of the tree, which is made just
    /// now. To be said before they are read.
    void file(const std::string& path, std::uint64_t offset, std::uint64_t size);
    /// Moves what the tree has at `path`, which is `name` in the directory `parent`, out of it. 0 or errno.
    int replace(const std::string& path, int parent, const std::string& name);
    /// When all has been read.
    void finish();

private:
    struct Content {
        std::string path;
        std::uint64_t begin = 0, end = 0, checksum = 0;
    };

    Bytes pass_content(Bytes bytes);
    void sort_out(std::size_t kept);
    void write_number(std::uint64_t number);
    void write_text(std::uint64_t kind, Bytes text);
    void write(const void* bytes, std::size_t size);
    void compress(bool last);

    ByteSource& source_;
    std::string directory_;
    Fd file_;
    std::unique_ptr<ZSTD_CCtx_s, std::size_t (*)(ZSTD_CCtx_s*)> compressor_;
    std::vector<unsigned char> pending_;  ///< of the archive, from begin_ on: not yet known to be of a file or not
    std::uint64_t begin_ = 0;
    std::vector<unsigned char> plain_, packed_;  ///< of the record
    Content content_;
    std::size_t replaced_ = 0;
    std::uint64_t left_;
};

/// The archive of a recorded layer.
class TarReplay : public ByteSource {
public:
    /// Told of a file of the tree that is not what it was: its path, and in which way. What takes its place in the
    /// archive has the same size, and is wrong.
    using Changed = std::function<void(const std::string& path, const std::string& how)>;

    /// `directory` is the layer's, with tar-record and tree/; `name` is what messages call it. Throws Error{not_found}
    /// if there is no record.
    TarReplay(const std::string& directory, std::string name, Changed changed);
    ~TarReplay() override;

    Bytes next() override;

    /// A file of the tree whose content is in the record: by size and checksum others with the same can be found.
    struct Content {
        std::string path;
        std::uint64_t size = 0, checksum = 0;
    };
    /// Tells of all of them. One that was replaced by a later entry of the archive may be among them.
    static void contents(const std::string& directory, const std::string& name,
                         const std::function<void(const Content&)>& tell);

private:
    class Pieces;
    static std::unique_ptr<Pieces> read_record(const std::string& directory, const std::string& name, Fd& file);
    struct Replaced {
        std::uint64_t after;  ///< so many pieces of files
        std::size_t number;
    };

    std::string place_of(const std::string& path) const;
    Fd open_file(const std::string& path, std::uint64_t size);
    Bytes read_file();
    void end_file();

    std::string directory_, name_;
    Changed changed_;
    Fd record_;
    std::unique_ptr<Pieces> pieces_;
    std::map<std::string, std::vector<Replaced>> replaced_;  ///< by path, in their order
    std::size_t replacements_ = 0;
    std::uint64_t files_ = 0;  ///< pieces of files so far
    Fd file_;
    std::string path_;
    std::uint64_t left_ = 0, said_checksum_ = 0, checksum_ = 0;
    bool in_file_ = false;
    std::vector<unsigned char> buffer_;
};

}  // namespace minirun
