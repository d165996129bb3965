#include "image/reference.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "minirun/error.hpp"
#include "model/image_config.hpp"

namespace minirun {
namespace {

constexpr std::string_view default_domain = "docker.io", official = "library/";
constexpr std::size_t longest_name = 255, longest_tag = 128;

bool is_lower(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_word(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z') || c == '_'; }

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
    throw Error(ErrorKind::usage, cat("the image reference ", quote(text), " is not valid: ", why),
                "it has the form [HOST[:PORT]/]NAME[:TAG][@sha256:DIGEST]");
}

// Letters and digits, with single '.', one or two '_', or any number of '-' between them.
bool is_component(std::string_view part) {
    if (part.empty() || !is_lower(part.front()) || !is_lower(part.back())) return false;
    for (std::size_t i = 0; i < part.size();) {
        if (is_lower(part[i])) {
            i++;
            continue;
        }
        const auto end = std::min(part.find_first_not_of(part[i], i), part.size());
        const auto run = end - i;
        const bool ok = part[i] == '-' || (part[i] == '.' && run == 1) || (part[i] == '_' && run <= 2);
        if (!ok || !is_lower(part[end])) return false;
        i = end;
    }
    return true;
}

bool is_domain(std::string_view text) {
    const auto colon = text.rfind(':');
    const auto host = text.substr(0, colon);
    if (colon != std::string_view::npos && !parse_number<std::uint16_t>(text.substr(colon + 1))) return false;
    for (const auto& part : split(host, '.')) {
        const auto alphanumeric = [](char c) { return is_word(c) && c != '_'; };
        if (part.empty() || !alphanumeric(part.front()) || !alphanumeric(part.back())) return false;
        if (!std::all_of(part.begin(), part.end(), [&](char c) { return alphanumeric(c) || c == '-'; })) return false;
    }
    return true;
}

// Whether the part in front of the first '/' is a host, as Docker tells it from the first part of a name.
bool looks_like_domain(std::string_view name) {
    const auto first = name.substr(0, name.find('/'));
    return first.size() < name.size() &&
           (first.find_first_of(".:") != std::string_view::npos || first == "localhost" ||
            std::any_of(first.begin(), first.end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
}

bool is_tag(std::string_view tag) {
    return !tag.empty() && tag.size() <= longest_tag && is_word(tag.front()) &&
           std::all_of(tag.begin(), tag.end(), [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

}  // namespace

Reference parse_new_name(std::string_view text) {
    auto reference = parse_reference(text);
    if (!reference.digest.empty()) throw Error(ErrorKind::usage, cat("a new name has no digest: ", quote(text)));
    return reference;
}

Reference parse_reference(std::string_view text) {
    Reference reference;
    auto rest = text;
    if (const auto at = rest.find('@'); at != std::string_view::npos) {
        reference.digest = rest.substr(at + 1);
        if (!is_sha256_digest(reference.digest)) refuse(text, "behind '@' there has to be sha256: and 64 hex digits");
        rest = rest.substr(0, at);
    }
    const auto slash = rest.rfind('/');
    const auto colon = rest.rfind(':');
    if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
        reference.tag = rest.substr(colon + 1);
        if (!is_tag(reference.tag)) refuse(text, "the tag has letters, digits, '_', '.' and '-', at most 128");
        rest = rest.substr(0, colon);
    }
    if (reference.tag.empty() && reference.digest.empty()) reference.tag = "latest";

    const auto first = rest.substr(0, rest.find('/'));
    if (looks_like_domain(rest)) {
        reference.domain = first == "index.docker.io" ? default_domain : first;
        if (!is_domain(first)) refuse(text, cat(quote(first), " is no host"));
        rest = rest.substr(first.size() + 1);
    } else {
        reference.domain = default_domain;
    }
    if (rest.empty()) refuse(text, "it has no name");
    for (const auto& part : split(rest, '/'))
        if (!is_component(part))
            refuse(text, std::any_of(part.begin(), part.end(), [](char c) { return c >= 'A' && c <= 'Z'; })
                             ? "a name is in lower case"
                             : "a name has lower-case letters, digits, and single '.', '_' or '-' between them");
    if (rest.size() + reference.domain.size() + 1 > longest_name) refuse(text, "it is longer than 255 characters");
    const bool is_digest = rest.size() == 64 && rest.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    if (is_digest) refuse(text, "64 hex digits are an image's id");
    const bool is_official = reference.domain == default_domain && rest.find('/') == std::string_view::npos;
    reference.path = cat(is_official ? official : "", rest);
    return reference;
}

std::string Reference::familiar_name() const {
    if (domain != default_domain || looks_like_domain(path)) return cat(domain, '/', path);
    const bool is_official = path.starts_with(official) && path.find('/', official.size()) == std::string::npos;
    return is_official ? path.substr(official.size()) : path;
}

std::string Reference::familiar() const {
    return digest.empty() ? cat(familiar_name(), ':', tag) : cat(familiar_name(), '@', digest);
}

std::string Reference::repository() const { return cat(domain, '/', path); }

std::string Reference::full() const {
    return digest.empty() ? cat(repository(), ':', tag) : cat(repository(), '@', digest);
}

}  // namespace minirun
