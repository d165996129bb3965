#include "image/platform.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <bit>

#include "base/text.hpp"
#include "minirun/error.hpp"
#include "model/option_error.hpp"

namespace minirun {
namespace {

struct Machine {
    std::string_view uname, architecture;
};
constexpr std::array machines{
    Machine{"x86_64", "amd64"},       Machine{"aarch64", "arm64"},
    Machine{"aarch64_be", "arm64be"}, Machine{"armv5tel", "arm"},
    Machine{"armv6l", "arm"},         Machine{"armv7l", "arm"},
    Machine{"armv8l", "arm"},         Machine{"i386", "386"},
    Machine{"i486", "386"},           Machine{"i586", "386"},
    Machine{"i686", "386"},           Machine{"ppc64", "ppc64"},
    Machine{"ppc64le", "ppc64le"},    Machine{"s390x", "s390x"},
    Machine{"riscv64", "riscv64"},    Machine{"loongarch64", "loong64"},
};

// uname(2) says "mips" and "mips64" for either byte order; Go has a word for each.
std::string mips_architecture(std::string_view machine) {
    const bool little = std::endian::native == std::endian::little;
    return cat(machine, little ? "le" : "");
}

}  // namespace

std::string image_architecture(std::string_view machine) {
    if (machine == "mips" || machine == "mips64") return mips_architecture(machine);
    const auto* known =
        std::find_if(machines.begin(), machines.end(), [&](const auto& m) { return m.uname == machine; });
    return std::string(known == machines.end() ? machine : known->architecture);
}

std::string Platform::text() const { return cat(os, '/', architecture, variant.empty() ? "" : "/", variant); }

bool Platform::fits(const Platform& wanted) const {
    return os == wanted.os && architecture == wanted.architecture &&
           (wanted.variant.empty() || variant == wanted.variant);
}

Platform host_platform() {
    utsname host{};
    uname(&host);  // cannot fail but for a bad pointer
    return {"linux", image_architecture(host.machine), ""};
}

Platform read_platform(std::string_view text) {
    const auto parts = split(text, '/');
    const bool whole = parts.size() >= 2 && parts.size() <= 3 &&
                       std::none_of(parts.begin(), parts.end(), [](const std::string& part) { return part.empty(); });
    if (!whole)
        throw option_error("--platform", text, "expected OS/ARCHITECTURE, or OS/ARCHITECTURE/VARIANT", "linux/arm64");
    return {parts[0], parts[1], parts.size() == 3 ? parts[2] : ""};
}

void check_platform(const Image& image, std::string_view host_machine) {
    // A document that does not say (bundles are written by hand, too) is taken to be for this host.
    const auto& config = image.config;
    const auto host = image_architecture(host_machine);
    const auto os = config.os.empty() ? std::string("linux") : config.os;
    const auto architecture = config.architecture.empty() ? host : config.architecture;
    if (os == "linux" && architecture == host) return;

    const auto variant = config.variant.empty() ? std::string() : cat('/', config.variant);
    throw Error(ErrorKind::unsupported,
                cat("image ", quote(image.name), " is for ", printable(cat(os, '/', architecture, variant)),
                    ", this host is linux/", host),
                os == "linux"
                    ? "containers run on the host's own kernel and processor: use an image built for linux/" + host
                    : "containers share the host's kernel, so only Linux images run here");
}

void check_platform(const Image& image) {
    utsname host{};
    uname(&host);  // cannot fail but for a bad pointer
    check_platform(image, host.machine);
}

}  // namespace minirun
