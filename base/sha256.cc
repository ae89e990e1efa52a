#include "base/sha256.h"

// OpenSSL 3 prefers its interface for all digests, EVP, which would bring all
// of its algorithms into a program that is linked statically (4 MB). The
// functions of one hash are not deprecated in the interface of version 1.1.0.
#define OPENSSL_API_COMPAT 10100
#include <openssl/sha.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "base/check.h"

namespace rct {

void Sha256::FreeContext::operator()(SHA256state_st* context) const {
  delete context;
}

Sha256::Sha256() : context_(new SHA256_CTX) {
  RCT_CHECK(SHA256_Init(context_.get()) == 1);
}

void Sha256::Update(const void* data, std::size_t size) {
  RCT_CHECK(SHA256_Update(context_.get(), data, size) == 1);
}

std::string Sha256::HexDigest() const {
  // Finishing ends a context, so that a copy is finished instead.
  SHA256_CTX copy = *context_;
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  RCT_CHECK(SHA256_Final(reinterpret_cast<unsigned char*>(digest.data()),
                         &copy) == 1);
  return absl::BytesToHexString(digest);
}

std::string Sha256Hex(std::string_view bytes) {
  Sha256 sha256;
  sha256.Update(bytes);
  return sha256.HexDigest();
}

}  // namespace rct
