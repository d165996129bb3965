// The commands that minirun-image does: it links the libraries for archives, which would make every start slower.
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/file.hpp"
#include "base/text.hpp"
#include "build_config.hpp"
#include "cli/minirun/commands.hpp"
#include "kernel/system_error.hpp"
#include "minirun/error.hpp"

namespace minirun {

int image_program(int argc, char** argv) {
    // Beside this program in a build tree; where it was installed otherwise.
    const auto self = read_link("/proc/self/exe");
    const auto beside = self.substr(0, self.rfind('/') + 1) + "minirun-image";
    std::vector<char*> words{const_cast<char*>("minirun-image")};
    words.insert(words.end(), argv, argv + argc);
    words.push_back(nullptr);
    for (const auto& path : {beside, std::string(MINIRUN_LIBEXEC_DIR "/minirun-image")}) {
        ::execv(path.c_str(), words.data());
        if (errno != ENOENT && errno != ENOTDIR) throw system_error(cat("cannot run ", quote(path)), errno);
    }
    throw Error(ErrorKind::not_found,
                cat("minirun ", argv[0], " needs the program minirun-image, which is neither in ",
                    quote(self.substr(0, self.rfind('/'))), " nor in " MINIRUN_LIBEXEC_DIR),
                "install minirun with meson install, or build all of it");
}

}  // namespace minirun
