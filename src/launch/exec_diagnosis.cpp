#include "launch/exec_diagnosis.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "base/text.hpp"
#include "image/layer_view.hpp"
#include "kernel/names.hpp"
#include "launch/plan_process.hpp"

namespace minirun {
namespace {

// A file as the container sees it: in the image's layers, or in a volume.
struct SeenFile {
    struct stat status = {};
    Fd fd;  ///< for reading, if it is a regular file that can be read
};

class ContainerFiles {
public:
    explicit ContainerFiles(const LaunchRequest& request) : request_(request), view_(layers_of(request)) {}

    std::optional<SeenFile> find(const std::string& path) {
        if (const auto* volume = volume_at(path))
            return on_host(volume->source + path.substr(volume->destination.size()));
        const auto entry = view_.lookup(path);
        if (!entry) return std::nullopt;
        SeenFile file{entry->status, Fd()};
        if (entry->is_regular()) file.fd = view_.open_file(*entry);
        return file;
    }

private:
    static std::vector<Layer> layers_of(const LaunchRequest& request) {
        if (request.root.kind == RootSource::Kind::layers) return request.root.layers;
        return {{"rootfs", request.spec.root.path}};
    }

    const MountSpec* volume_at(const std::string& path) const {
        const MountSpec* found = nullptr;
        for (const auto& mount : request_.spec.mounts) {
            const bool covers = path == mount.destination || path.starts_with(mount.destination + "/");
            if (covers && (mount.type == "bind" || mount.type == "none" || mount.type.empty())) found = &mount;
        }
        return found;
    }

    static std::optional<SeenFile> on_host(const std::string& path) {
        SeenFile file;
        if (::stat(path.c_str(), &file.status) < 0) return std::nullopt;
        if (S_ISREG(file.status.st_mode)) file.fd.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        return file;
    }

    const LaunchRequest& request_;
    LayerView view_;
};

std::string machine_name(unsigned machine) {
    switch (machine) {
        case EM_X86_64: return "x86_64";
        case EM_386: return "i386";
        case EM_AARCH64: return "aarch64";
        case EM_ARM: return "arm";
        case EM_RISCV: return "riscv64";
        case EM_PPC64: return "ppc64le";
        case EM_S390: return "s390x";
        default: return cat("ELF machine ", machine);
    }
}

bool read_at(int fd, void* bytes, std::size_t size, std::uint64_t offset) {
    return ::pread(fd, bytes, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

std::optional<Elf64_Ehdr> elf_header(int fd) {
    Elf64_Ehdr header{};
    if (!read_at(fd, &header, sizeof header, 0) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return std::nullopt;
    return header;
}

// PT_INTERP of a 64-bit ELF file. The header is hostile: every size is bounded.
std::string elf_interpreter(int fd, const Elf64_Ehdr& header) {
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > 256)
        return "";
    for (unsigned i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment{};
        if (!read_at(fd, &segment, sizeof segment, header.e_phoff + i * sizeof segment)) return "";
        if (segment.p_type != PT_INTERP || segment.p_filesz == 0 || segment.p_filesz > 4096) continue;
        std::string path(segment.p_filesz, '\0');
        if (!read_at(fd, path.data(), path.size(), segment.p_offset)) return "";
        return path.substr(0, path.find('\0'));
    }
    return "";
}

// The path in "#!/bin/sh -e"; the kernel reads 255 bytes of the file.
std::string script_interpreter(int fd) {
    char start[256] = {};
    if (::pread(fd, start, sizeof start - 1, 0) < 3 || std::memcmp(start, "#!", 2) != 0) return "";
    std::string_view line(start + 2);
    line = line.substr(0, line.find('\n'));
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return std::string(line.substr(0, line.find_first_of(" \t")));
}

// execve(2) says ENOENT of a file that is there: an interpreter is missing, its own or that of its interpreter.
Error missing_interpreter(ContainerFiles& files, const std::string& command) {
    auto path = command;
    for (int depth = 0; depth < 5; depth++) {
        const auto file = files.find(path);
        if (!file) break;
        const auto interpreter = interpreter_of(file->fd.get());
        if (interpreter.path.empty()) break;
        if (!files.find(interpreter.path)) {
            const bool windows_line = interpreter.path.ends_with('\r');
            return Error(ErrorKind::command_not_found,
                         cat("cannot run ", quote(path), ": the interpreter ", quote(interpreter.path), " that ",
                             interpreter.said_by, " names is not in the container: no such file or directory"),
                         windows_line ? "the script has Windows line ends (CRLF): convert it"
                                      : "add the interpreter to the image, or link the program statically",
                         ENOENT);
        }
        path = interpreter.path;
    }
    return Error(ErrorKind::command_not_found, cat("cannot run ", quote(command), ": no such file or directory"),
                 "the file is there, but the kernel found something missing that it needs to run it", ENOENT);
}

Error cannot_execute(std::string_view who, std::string_view what, int error, std::string hint) {
    return Error(ErrorKind::cannot_execute,
                 cat("cannot run ", who, ' ', what, error == EACCES ? ": permission denied" : ": exec format error"),
                 std::move(hint), error);
}

// EACCES: a file that nobody may execute. With others it is a matter of who asks.
std::optional<Error> not_executable(const SeenFile& file, std::string_view who) {
    const auto mode = file.status.st_mode;
    if (S_ISDIR(mode)) return cannot_execute(who, "is a directory", EACCES, "");
    if (!S_ISREG(mode)) return cannot_execute(who, "is no regular file", EACCES, "");
    if ((mode & 0111) == 0) return cannot_execute(who, "is not executable", EACCES, "chmod +x it in the image");
    return std::nullopt;
}

bool is_script(int fd) {
    char start[2] = {};
    return read_at(fd, start, sizeof start, 0) && std::memcmp(start, "#!", 2) == 0;
}

// ENOEXEC: a file that no loader of the kernel takes.
Error wrong_format(const SeenFile& file, std::string_view who) {
    utsname host{};
    ::uname(&host);
    const auto header = elf_header(file.fd.get());
    if (header && machine_name(header->e_machine) != host.machine)
        return cannot_execute(
            who, cat("is a program for ", machine_name(header->e_machine), ", this host is ", host.machine), ENOEXEC,
            "use an image for this architecture");
    if (header) return cannot_execute(who, "is a damaged ELF program", ENOEXEC, "build the image again");
    if (file.status.st_size == 0) return cannot_execute(who, "is an empty file", ENOEXEC, "");
    if (is_script(file.fd.get()))
        return cannot_execute(who, "has a #! line that names no interpreter in its first 255 bytes", ENOEXEC,
                              "the kernel reads no more of it");
    return cannot_execute(who, "is neither an ELF program nor a script", ENOEXEC,
                          "a script begins with a line such as #!/bin/sh");
}

// The kernel looks at a script's interpreter after the script itself: either can be what it refuses.
std::optional<Error> refused_file(ContainerFiles& files, std::string path, const std::string& command, int error) {
    auto who = cat(quote(command), ": it");
    for (int depth = 0; depth < 5; depth++) {
        const auto file = files.find(path);
        if (!file) break;
        if (error == EACCES)
            if (auto refused = not_executable(*file, who)) return refused;
        const auto interpreter = interpreter_of(file->fd.get());
        const bool ends_here = interpreter.path.empty() || !files.find(interpreter.path);
        if (error == ENOEXEC && (ends_here || elf_header(file->fd.get()))) return wrong_format(*file, who);
        if (ends_here) break;
        who = cat(quote(path), ": the interpreter ", quote(interpreter.path), " that ", interpreter.said_by, " names");
        path = interpreter.path;
    }
    return std::nullopt;
}

std::string exec_hint(int error) {
    switch (error) {
        case EACCES:
            return "the container's user may not execute it, or may not enter a directory on the way, or it is on a "
                   "noexec mount";
        case E2BIG: return "the arguments and the environment are too long";
        case ELOOP: return "symbolic links lead in a circle, or #! lines name scripts more than four deep";
        case ELIBBAD: return "its ELF interpreter is damaged, or a program for another machine";
        default: return "";
    }
}

Error not_found(const ProcessSpec& process, const std::vector<std::string>& candidates) {
    const auto& command = process.args.front();
    if (command.find('/') != std::string::npos)
        return Error(ErrorKind::command_not_found,
                     cat("command ", quote(command), ": no such file or directory in the container"), "", ENOENT);
    std::vector<std::string> searched;
    for (const auto& candidate : candidates)
        searched.push_back(candidate.substr(0, candidate.size() - command.size() - 1));
    return Error(
        ErrorKind::command_not_found,
        cat("command ", quote(command), ": executable file not found in $PATH (", printable(join(searched, ":")), ")"),
        command.starts_with('-') ? "minirun's own options stand in front of the image"
                                 : "check the spelling, or give the command's whole path",
        ENOENT);
}

}  // namespace

Interpreter interpreter_of(int fd) {
    if (const auto header = elf_header(fd)) return {elf_interpreter(fd, *header), "its ELF header"};
    return {script_interpreter(fd), "its #! line"};
}

Error exec_error(const LaunchRequest& request, const ChildReport& report) {
    const auto& process = request.spec.process;
    ContainerFiles files(request);
    const auto candidates = command_candidates(process);
    const auto in_container = [&](const std::string& path) {
        return path.front() == '/' ? path : cat(process.cwd, '/', path);
    };

    if (report.error == ENOENT || report.error == ENOTDIR) {
        for (const auto& candidate : candidates)
            if (files.find(in_container(candidate))) return missing_interpreter(files, in_container(candidate));
        return not_found(process, candidates);
    }
    const bool known = report.item >= 0 && static_cast<std::size_t>(report.item) < candidates.size();
    const auto& failed = candidates[known ? static_cast<std::size_t>(report.item) : 0];
    if (report.error == EACCES || report.error == ENOEXEC)
        if (auto refused = refused_file(files, in_container(failed), failed, report.error)) return *refused;
    const auto why = report.error == EACCES ? std::string("permission denied")
                                            : cat(errno_text(report.error), " (", errno_name(report.error), ")");
    return Error(ErrorKind::cannot_execute, cat("cannot run ", quote(failed), ": ", why), exec_hint(report.error),
                 report.error);
}

}  // namespace minirun
