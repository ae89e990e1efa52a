#include "base/sha256.h"

#include <openssl/evp.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "base/check.h"

namespace rct {

void Sha256::FreeContext::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  RCT_CHECK(context_ != nullptr);
  RCT_CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::Update(const void* data, std::size_t size) {
  RCT_CHECK(EVP_DigestUpdate(context_.get(), data, size) == 1);
}

std::string Sha256::HexDigest() const {
  // Finishing ends a context, so that a copy is finished instead.
  const std::unique_ptr<evp_md_ctx_st, FreeContext> copy(EVP_MD_CTX_new());
  RCT_CHECK(copy != nullptr);
  RCT_CHECK(EVP_MD_CTX_copy_ex(copy.get(), context_.get()) == 1);
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  RCT_CHECK(EVP_DigestFinal_ex(copy.get(),
                               reinterpret_cast<unsigned char*>(digest.data()),
                               &size) == 1);
  digest.resize(size);
  return absl::BytesToHexString(digest);
}

std::string Sha256Hex(std::string_view bytes) {
  Sha256 sha256;
  sha256.Update(bytes);
  return sha256.HexDigest();
}

}  // namespace rct
