#include "index/index_file.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/archive.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "index/index_file.pb.h"

namespace rct {

absl::StatusOr<IndexFileHeader> ReadIndexFileHeader(ArchiveReader& archive) {
  std::string bytes;
  archive.Value("header", bytes);
  RCT_RETURN_IF_ERROR(archive.status());
  IndexFileHeader header;
  if (!header.ParseFromString(bytes)) {
    return absl::InvalidArgumentError("the header of the file is malformed");
  }
  return header;
}

absl::StatusOr<IndexFileSummary> SummarizeIndexFile(const std::string& path) {
  RCT_ASSIGN_OR_RETURN(
      ArchiveReader archive,
      ArchiveReader::Open(path, kIndexFormat, /*map=*/true, HardwareThreads()));
  IndexFileSummary summary;
  RCT_ASSIGN_OR_RETURN(summary.header, ReadIndexFileHeader(archive));
  summary.digest = archive.digest();
  summary.bytes = archive.bytes();
  for (const ArchiveEntry& entry : archive.entries()) {
    const std::string part = entry.name.substr(0, entry.name.find('.'));
    const auto known =
        std::find_if(summary.parts.begin(), summary.parts.end(),
                     [&](const auto& other) { return other.first == part; });
    const auto bytes = static_cast<int64_t>(entry.bytes);
    if (known == summary.parts.end()) {
      summary.parts.emplace_back(part, bytes);
    } else {
      known->second += bytes;
    }
  }
  return summary;
}

bool IsIndexFile(const std::string& path) {
  return ArchiveReader::Recognizes(path, kIndexFormat);
}

}  // namespace rct
