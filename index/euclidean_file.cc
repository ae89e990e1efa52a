// EuclideanIndex::Save and Load, in files and in memory.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/archive.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "index/euclidean_index.h"
#include "index/exceptions.h"
#include "index/index_file.pb.h"
#include "index/validation.h"
#include "metric/inducing_points.h"

namespace rct {
namespace {

constexpr ArchiveFormat kFormat = {.magic = "\x89rcteuc\n",
                                   .version = 1,
                                   .name = "rct Euclidean index file",
                                   .remedy = "build the index again"};

// Reads the header. archive.status() is an error unless it has all that Save
// writes and only fields that this program knows.
EuclideanFileHeader ReadHeader(ArchiveReader& archive) {
  std::string bytes;
  archive.Value("header", bytes);
  EuclideanFileHeader header;
  if (!archive.status().ok()) return header;
  archive.Expect(header.ParseFromString(bytes), "header", "is malformed");
  EuclideanFileHeader known = header;
  known.DiscardUnknownFields();
  archive.Expect(known.ByteSizeLong() == header.ByteSizeLong(), "header",
                 "has fields or choices that this program does not know");
  archive.Expect(header.options().has_strategy(), "header",
                 "has no options.strategy");
  const absl::Status valid = ValidateEuclideanIndexOptions(header.options());
  archive.Expect(valid.ok(), "header", valid.message());
  return header;
}

}  // namespace

ArchiveWriter EuclideanIndex::ToArchive(const Matrix<double>& points) const {
  EuclideanFileHeader header;
  *header.mutable_options() = options_;
  header.set_num_points(size());
  header.set_dim(dim());
  ArchiveWriter archive;
  archive.Value("header", header.SerializeAsString());
  archive.Array("points", points);
  return archive;
}

absl::StatusOr<EuclideanIndex> EuclideanIndex::FromArchive(
    ArchiveReader& archive, int threads, Monitor* monitor) {
  const EuclideanFileHeader header = ReadHeader(archive);
  RCT_RETURN_IF_ERROR(archive.status());
  Matrix<double> points;
  archive.Array("points", points);
  archive.Expect(
      header.num_points() == points.rows() && header.dim() == points.cols(),
      "header", "has another shape than points");
  RCT_RETURN_IF_ERROR(archive.status());
  const MatrixView<const double> view = std::as_const(points).view();
  for (const absl::Status& status :
       {ValidateFinite("points", view),
        ValidateForCoordinates(header.options(), points.cols())}) {
    archive.Expect(status.ok(), "points", status.message());
  }
  RCT_RETURN_IF_ERROR(archive.Finish());
  absl::StatusOr<EuclideanIndex> index =
      Compose(Matrix<double>::Copy(view), header.options(), threads, monitor);
  if (absl::IsInvalidArgument(index.status())) {
    return archive.Refuse(index.status().message());
  }
  return index;
}

absl::Status EuclideanIndex::Save(const std::string& path, int threads,
                                  Monitor* monitor) const try {
  RCT_RETURN_IF_ERROR(ValidateThreads(threads));
  const Matrix<double> points = ScaledPoints();
  return ToArchive(points).Write(path, kFormat, ResolveThreads(threads),
                                 monitor);
} catch (...) {
  return StatusOfException("Save");
}

absl::StatusOr<std::string> EuclideanIndex::ToBytes(int threads,
                                                    Monitor* monitor) const
    try {
  RCT_RETURN_IF_ERROR(ValidateThreads(threads));
  const Matrix<double> points = ScaledPoints();
  return ToArchive(points).Contents(kFormat, ResolveThreads(threads), monitor);
} catch (...) {
  return StatusOfException("ToBytes");
}

absl::StatusOr<EuclideanIndex> EuclideanIndex::Load(const std::string& path,
                                                    int threads,
                                                    Monitor* monitor) try {
  RCT_RETURN_IF_ERROR(ValidateThreads(threads));
  RCT_ASSIGN_OR_RETURN(ArchiveReader archive,
                       ArchiveReader::Open(path, kFormat, /*map=*/false,
                                           ResolveThreads(threads), monitor));
  return FromArchive(archive, threads, monitor);
} catch (...) {
  return StatusOfException("Load");
}

absl::StatusOr<EuclideanIndex> EuclideanIndex::FromBytes(std::string_view bytes,
                                                         int threads,
                                                         Monitor* monitor) try {
  RCT_RETURN_IF_ERROR(ValidateThreads(threads));
  RCT_ASSIGN_OR_RETURN(
      ArchiveReader archive,
      ArchiveReader::OpenContents("the bytes of an index", bytes, kFormat,
                                  ResolveThreads(threads), monitor));
  return FromArchive(archive, threads, monitor);
} catch (...) {
  return StatusOfException("FromBytes");
}

bool EuclideanIndex::IsFile(const std::string& path) {
  return ArchiveReader::Recognizes(path, kFormat);
}

}  // namespace rct
