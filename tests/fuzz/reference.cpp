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
    // A tag beside a digest says nothing, and neither form shows it.
    Reference shown = *reference;
    if (!shown.digest.empty()) shown.tag.clear();
    fuzz::promise(parse_reference(reference->full()) == shown, "the full form means the same");
    fuzz::promise(parse_reference(reference->familiar()) == shown, "and so does the familiar one");
    return 0;
}
