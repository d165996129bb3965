// minirun save: images of the store into an archive.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "archive/save_image.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/image/commands.hpp"
#include "cli/render.hpp"
#include "kernel/files.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"
#include "model/option_error.hpp"
#include "model/paths.hpp"

namespace minirun {
namespace {

constexpr OptionWords options[] = {
    {'o', "output", "FILE", "the archive; otherwise standard output"},
    {0, "format", "FORMAT", "docker-archive, which is an OCI layout, too, or oci-archive"},
    {0, "help", "", "print this text"},
};

struct Asked {
    std::vector<std::string> images;
    std::string output;
    SaveFormat format = SaveFormat::docker;
    bool help = false;
};

Asked read_arguments(int argc, char** argv) {
    Asked asked;
    const auto line = read_mixed_command_line(options, argc, argv);
    for (const auto& given : line.options) {
        const auto name = options[given.index].name;
        if (name == "help") asked.help = true;
        if (name == "output") asked.output = given.value;
        if (name != "format") continue;
        if (given.value != "docker-archive" && given.value != "oci-archive")
            throw option_error("--format", given.value, "there are docker-archive and oci-archive");
        asked.format = given.value == "oci-archive" ? SaveFormat::oci : SaveFormat::docker;
    }
    asked.images = line.arguments;
    if (asked.help) return asked;
    if (asked.images.empty()) throw Error(ErrorKind::usage, "minirun save takes the images that are to be saved");
    if (asked.output.empty() && ::isatty(STDOUT_FILENO) != 0)
        throw Error(ErrorKind::usage, "no file is given: standard output is a terminal", "minirun save -o FILE IMAGE…");
    return asked;
}

// Where a person wants the archive: a file that appears when it is whole, also behind a link; but a device, a pipe, and
// what somebody else has open (/dev/stdout) as it is.
class Output {
public:
    explicit Output(const std::string& path) {
        struct stat status {};
        const bool is_there = ::stat(path.c_str(), &status) == 0;
        if (path.empty()) return;
        if (is_there && S_ISDIR(status.st_mode))
            throw Error(ErrorKind::usage, cat(quote(path), " is a directory, not a file"));
        const bool is_open_elsewhere = path.starts_with("/dev/") || path.starts_with("/proc/");
        if (is_there && (!S_ISREG(status.st_mode) || is_open_elsewhere)) {
            opened_.reset(::open(path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
            if (!opened_) throw system_error(cat("cannot open ", quote(path)), errno);
            return;
        }
        file_.emplace(read_link(path).empty() ? path : real_path(path), 0644);
    }
    int fd() const { return file_ ? file_->fd() : opened_ ? opened_.get() : STDOUT_FILENO; }
    void keep() {
        if (file_) file_->keep();
    }

private:
    std::optional<NewFile> file_;
    Fd opened_;
};

}  // namespace

int save_command(int argc, char** argv) {
    const auto asked = read_arguments(argc, argv);
    if (asked.help) {
        print_output(
            cat("Usage: minirun save [OPTIONS] IMAGE…\n"
                "\n"
                "Writes images of the store with their names into one archive, which docker load,\n"
                "podman load, skopeo and minirun load read.\n"
                "\n"
                "Options:\n",
                options_help(options)));
        return 0;
    }
    Output output(asked.output);
    const auto sink = [&](Bytes bytes) {
        const auto written = kernel::write_all(output.fd(), bytes.data(), bytes.size());
        if (!written)
            throw system_error(cat("cannot write the archive", asked.output.empty() ? "" : " ",
                                   asked.output.empty() ? "" : quote(asked.output)),
                               written.error());
    };
    save_images(ImageStore(default_paths().data), asked.images, asked.format, sink);
    output.keep();
    return 0;
}

}  // namespace minirun
