#include "base/gzip.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/monitor.h"
#include "base/status_macros.h"
#include "zlib.h"

namespace rct {
namespace {

constexpr std::string_view kMagic = "\x1f\x8b";
constexpr int kGzipWindow = 15 + 16;  // the largest window, gzip's header only
constexpr size_t kStep = size_t{1} << 20;  // bytes between looks at the monitor

absl::Status Error(std::string_view problem) {
  return absl::InvalidArgumentError(problem);
}

// Appends the contents of the member with which `stream` begins to `contents`.
absl::Status InflateMember(z_stream& stream, std::string_view& bytes,
                           std::string& contents, Monitor* monitor) {
  const auto buffer = std::make_unique<char[]>(kStep);
  int result = Z_OK;
  while (result != Z_STREAM_END) {
    if (!Monitor::Go(monitor)) return Monitor::Check(monitor);
    const auto most = std::numeric_limits<uInt>::max();
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(std::min<size_t>(bytes.size(), most));
    const uInt given = stream.avail_in;
    stream.next_out = reinterpret_cast<Bytef*>(buffer.get());
    stream.avail_out = kStep;
    result = inflate(&stream, Z_NO_FLUSH);
    bytes.remove_prefix(given - stream.avail_in);
    contents.append(buffer.get(), kStep - stream.avail_out);
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    // Without progress there is no more to read.
    if (result == Z_BUF_ERROR) {
      return Error("is a gzip'd file that was cut short; fetch it again");
    }
    if (result != Z_OK && result != Z_STREAM_END) {
      return Error(absl::StrCat(
          "is a gzip'd file that is damaged",
          stream.msg == nullptr ? "" : absl::StrCat(" (", stream.msg, ")"),
          "; fetch it again"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool IsGzip(std::string_view bytes) { return absl::StartsWith(bytes, kMagic); }

absl::StatusOr<std::string> Gunzip(std::string_view bytes, Monitor* monitor) {
  if (!IsGzip(bytes))
    return Error("is no gzip'd file; leave .gz out of its name");
  z_stream stream = {};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) throw std::bad_alloc();
  const auto end = absl::MakeCleanup([&stream] { inflateEnd(&stream); });
  std::string contents;
  while (!bytes.empty()) {
    if (!IsGzip(bytes)) {
      return Error(absl::StrCat("is a gzip'd file with ", bytes.size(),
                                " bytes of something else at its end; "
                                "fetch it again"));
    }
    RCT_RETURN_IF_ERROR(InflateMember(stream, bytes, contents, monitor));
    inflateReset(&stream);
  }
  return contents;
}

}  // namespace rct
