// The name of an image.
#include "image/reference.hpp"
#include "fuzz.hpp"

using namespace minirun;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto reference = fuzz::unless_refused([&] { return parse_reference(text); });
    if (!reference) return 0;
    fuzz::promise(fuzz::is_printable(reference->full()), "a name cannot steer a terminal");
    fuzz::promise(reference->full().find_first_of("%\\") == std::string::npos, "a name is a file's name but for '/'");
    fuzz::promise(reference->full().find("..") == std::string::npos || reference->tag.find("..") != std::string::npos,
                  "a name leads nowhere");
    const auto with_digest = [](const Reference& one, const std::string& name) {
        return one.digest.empty() ? name : name + "@" + one.digest;
    };
    fuzz::promise(parse_reference(with_digest(*reference, reference->full())) == *reference,
                  "the full form means the same");
    fuzz::promise(parse_reference(with_digest(*reference, reference->familiar())) == *reference,
                  "and so does the familiar one");
    return 0;
}
