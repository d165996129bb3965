// A file of lines that others append to. When it is full it gets another name, FILE.1, what had that FILE.2 and so on,
// and a new one is begun.
#pragma once

#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace minirun {

class GrowingFile {
public:
    using Each = std::function<void(std::string_view line)>;

    explicit GrowingFile(std::string path) : path_(std::move(path)), file_(nullptr, std::fclose) {}

    /// Calls `each` with all lines that there are, the oldest first, each with its end of line. A part of one at the
    /// end of the file is left for later. Throws Error that names the file.
    void read(const Each& each);
    /// With those that come behind what was read. Before each look `patience` says for how many milliseconds more is
    /// waited for at most: -1 is for ever; nothing if that look is to be the last.
    void follow(const std::function<std::optional<int>()>& patience, const Each& each);

private:
    using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
    static File open(const std::string& path);

    std::string path_;
    File file_;
};

}  // namespace minirun
