#include "archive/sha256.hpp"

#include <openssl/evp.h>

#include <string_view>

#include "minirun/error.hpp"

namespace minirun {
namespace {

void must(int result) {
    if (result != 1) throw Error(ErrorKind::system, "OpenSSL cannot make a SHA-256 digest");
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    must(context_ != nullptr ? EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) : 0);
}

void Sha256::add(std::span<const unsigned char> bytes) {
    must(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

std::string Sha256::digest() {
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    must(EVP_DigestFinal_ex(context_.get(), raw, &size));
    std::string text = "sha256:";
    for (const auto byte : std::span(raw, size)) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

std::string sha256_digest(std::string_view text) {
    Sha256 hash;
    hash.add({reinterpret_cast<const unsigned char*>(text.data()), text.size()});
    return hash.digest();
}

}  // namespace minirun
