// SHA-256, by OpenSSL.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace minirun {

class Sha256 {
public:
    Sha256();
    void add(std::span<const unsigned char> bytes);
    /// "sha256:" and 64 hex digits. Nothing can be added any more.
    std::string digest();

private:
    std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

/// Of a whole text.
std::string sha256_digest(std::string_view text);

/// What stands behind the colon of "sha256:…".
inline std::string hex_of(std::string_view digest) { return std::string(digest.substr(digest.find(':') + 1)); }

}  // namespace minirun
