#include "index/index_file.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/archive.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "heuristics/composition/composition.h"
#include "index/index_file.pb.h"
#include "index/index_memory.h"
#include "index/index_options.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "traversal/build_phase.h"

namespace rct {
namespace {

// Makes the tables by which Protocol Buffers knows the messages of a file of
// definitions, and of those that it imports.
void MakeTables(const google::protobuf::FileDescriptor& file) {
  for (int i = 0; i < file.dependency_count(); ++i) {
    MakeTables(*file.dependency(i));
  }
  if (file.message_type_count() == 0) return;
  google::protobuf::MessageFactory::generated_factory()
      ->GetPrototype(file.message_type(0))
      ->GetReflection();
}

// They are made when the program is loaded, and not at the first header that is
// read: where memory runs out in the middle of that, the process ends.
[[maybe_unused]] const bool made_at_start = [] {
  MakeTables(*IndexFileHeader::descriptor()->file());
  return true;
}();

// Reads the header. Returns InvalidArgument unless it has all that Save writes
// and only fields that this program knows.
absl::StatusOr<IndexFileHeader> ReadHeader(ArchiveReader& archive) {
  std::string bytes;
  archive.Value("header", bytes);
  RCT_RETURN_IF_ERROR(archive.status());
  IndexFileHeader header;
  archive.Expect(header.ParseFromString(bytes), "header", "is malformed");
  // An enum's value that this program does not know is such a field as well.
  IndexFileHeader known = header;
  known.DiscardUnknownFields();
  archive.Expect(known.ByteSizeLong() == header.ByteSizeLong(), "header",
                 "has fields or choices that this program does not know");
  archive.Expect(header.options().has_strategy(), "header",
                 "has no options.strategy");
  RCT_RETURN_IF_ERROR(archive.status());
  const absl::Status valid = ValidateIndexOptions(header.options());
  archive.Expect(valid.ok(), "header", valid.message());
  RCT_RETURN_IF_ERROR(archive.status());
  return header;
}

}  // namespace

absl::StatusOr<IndexFileContents> ReadIndexFile(ArchiveReader& archive,
                                                int threads, PhaseClock& clock,
                                                Monitor* monitor,
                                                double memory_left) {
  IndexFileContents contents;
  RCT_ASSIGN_OR_RETURN(contents.header, ReadHeader(archive));
  const IndexFileHeader& header = contents.header;
  const ResidualConfig& config = header.options().residual();
  ResidualPoints data(archive);
  archive.Expect(header.num_points() == data.size() &&
                     header.dim() == data.points.cols() &&
                     header.num_inducing() == data.v.cols(),
                 "header", "has another shape than points and V");
  const absl::Status coordinates =
      ValidateCoordinates(header.options(), header.dim());
  archive.Expect(coordinates.ok(), "header", coordinates.message());
  RCT_RETURN_IF_ERROR(archive.status());
  absl::StatusOr<Kernel> kernel =
      Kernel::Create(config.kernel(), data.points.cols());
  archive.Expect(kernel.ok(), "header", kernel.status().message());
  RCT_RETURN_IF_ERROR(archive.status());
  if (config.has_inducing()) {
    RCT_ASSIGN_OR_RETURN(InducingFactor factor,
                         InducingFactor::Restore(
                             *kernel, config, std::as_const(data.points).view(),
                             threads, archive, monitor));
    contents.factor = std::make_shared<const InducingFactor>(std::move(factor));
  }
  CheckResidualPoints(data, contents.factor.get(), threads, archive);
  RCT_RETURN_IF_ERROR(archive.status());
  const int64_t v_bytes =
      data.v.rows() * data.v.stride() * static_cast<int64_t>(sizeof(double));
  contents.metric =
      contents.factor != nullptr
          ? std::make_shared<const ResidualCorrelation>(
                *std::move(kernel), std::move(data), contents.factor)
          : std::make_shared<const ResidualCorrelation>(
                *std::move(kernel), std::move(data), std::nullopt);
  clock.End("load", 0, v_bytes);
  RCT_ASSIGN_OR_RETURN(
      contents.restored,
      RestoreSearcher(contents.metric,
                      Within(memory_left, CompositionOf(header.options())),
                      archive));
  RCT_RETURN_IF_ERROR(archive.Finish());
  return contents;
}

absl::StatusOr<IndexFileSummary> SummarizeIndexFile(const std::string& path) {
  RCT_ASSIGN_OR_RETURN(
      ArchiveReader archive,
      ArchiveReader::Open(path, kIndexFormat, /*map=*/true, HardwareThreads()));
  PhaseClock clock;
  RCT_ASSIGN_OR_RETURN(
      IndexFileContents contents,
      ReadIndexFile(archive, HardwareThreads(), clock, nullptr));
  IndexFileSummary summary;
  summary.header = std::move(contents.header);
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
