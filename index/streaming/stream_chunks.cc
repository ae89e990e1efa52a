#include "index/streaming/stream_chunks.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/archive.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "index/streaming/unit_search.h"

namespace rct {
namespace {

constexpr ArchiveFormat kFormat = {.magic = "rctchunk",
                                   .version = 1,
                                   .name = "chunk of a streamed search",
                                   .remedy = "remove the file, and resume"};
constexpr std::string_view kEnding = ".rctchunk";

std::string PathOf(const std::string& folder, std::string_view what,
                   int64_t unit) {
  return absl::StrFormat("%s/%s-%05d%s", folder, what, unit, kEnding);
}

// Returns the archive at `path`, which has this stamp.
absl::StatusOr<ArchiveReader> Open(const std::string& path,
                                   const std::string& stamp, bool map,
                                   int threads) {
  RCT_ASSIGN_OR_RETURN(ArchiveReader archive,
                       ArchiveReader::Open(path, kFormat, map, threads));
  std::string found;
  archive.Value("stamp", found);
  RCT_RETURN_IF_ERROR(archive.status());
  if (found != stamp) {
    return absl::FailedPreconditionError(absl::StrCat(
        path,
        ": is of a search of other points or with other options; name "
        "another folder, or remove this one"));
  }
  return archive;
}

// Returns InvalidArgument unless parts of one chunk are of one size.
absl::Status CheckSizes(const std::string& path, bool same) {
  if (same) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": contradicts itself; remove the file, and resume"));
}

}  // namespace

absl::Status StreamChunks::Open(bool resume) const {
  RCT_RETURN_IF_ERROR(MakeDirectories(folder_));
  if (resume) return absl::OkStatus();
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(folder_, error)) {
    if (!absl::EndsWith(entry.path().string(), kEnding)) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(folder_,
                     ": has chunks of a search that was stopped; resume it, or "
                     "name another folder"));
  }
  return absl::OkStatus();
}

std::string StreamChunks::AnswersPath(int64_t unit) const {
  return PathOf(folder_, "answers", unit);
}
std::string StreamChunks::DeferredPath(int64_t unit) const {
  return PathOf(folder_, "deferred", unit);
}
std::string StreamChunks::FoundPath(int64_t unit) const {
  return PathOf(folder_, "found", unit);
}

absl::StatusOr<bool> StreamChunks::Has(const std::string& path) const {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return false;
  RCT_RETURN_IF_ERROR(rct::Open(path, stamp_, /*map=*/true, threads_).status());
  return true;
}

absl::StatusOr<bool> StreamChunks::HasAnswers(int64_t unit) const {
  RCT_ASSIGN_OR_RETURN(const bool deferred, Has(DeferredPath(unit)));
  return deferred ? Has(AnswersPath(unit)) : false;
}

absl::StatusOr<bool> StreamChunks::HasFound(int64_t unit) const {
  return Has(FoundPath(unit));
}

absl::Status StreamChunks::WriteAnswer(int64_t unit,
                                       const UnitAnswer& answer) const {
  std::vector<int32_t> cell, row;
  std::vector<double> distance;
  for (const DeferredQuery& query : answer.deferred) {
    cell.push_back(query.cell);
    row.push_back(query.row);
    distance.push_back(query.distance);
  }
  ArchiveWriter deferred;
  deferred.Value("stamp", stamp_);
  deferred.Array("cell", cell);
  deferred.Array("row", row);
  deferred.Array("distance", distance);
  RCT_RETURN_IF_ERROR(deferred.Write(DeferredPath(unit), kFormat, threads_));
  ArchiveWriter archive;
  archive.Value("stamp", stamp_);
  archive.Value("own", answer.own_points);
  archive.Value("fetched", answer.fetched_points);
  archive.Array("rows", answer.rows);
  archive.Array("neighbors", answer.neighbors);
  archive.Array("distances", answer.distances);
  return archive.Write(AnswersPath(unit), kFormat, threads_);
}

absl::Status StreamChunks::WriteFound(int64_t unit,
                                      const FoundNeighbors& found) const {
  ArchiveWriter archive;
  archive.Value("stamp", stamp_);
  archive.Array("query", found.query);
  archive.Array("row", found.row);
  archive.Array("distance", found.distance);
  return archive.Write(FoundPath(unit), kFormat, threads_);
}

absl::StatusOr<UnitAnswer> StreamChunks::ReadAnswer(int64_t unit) const {
  const std::string path = AnswersPath(unit);
  RCT_ASSIGN_OR_RETURN(ArchiveReader archive,
                       rct::Open(path, stamp_, /*map=*/true, threads_));
  UnitAnswer answer;
  archive.Value("own", answer.own_points);
  archive.Value("fetched", answer.fetched_points);
  archive.Array("rows", answer.rows);
  archive.Array("neighbors", answer.neighbors);
  archive.Array("distances", answer.distances);
  RCT_RETURN_IF_ERROR(archive.status());
  const int64_t count = std::ssize(answer.rows);
  RCT_RETURN_IF_ERROR(
      CheckSizes(path, answer.neighbors.rows() == count &&
                           answer.distances.rows() == count &&
                           answer.neighbors.cols() == answer.distances.cols()));
  return answer;
}

absl::StatusOr<std::vector<DeferredQuery>> StreamChunks::ReadDeferred(
    int64_t unit) const {
  const std::string path = DeferredPath(unit);
  RCT_ASSIGN_OR_RETURN(ArchiveReader archive,
                       rct::Open(path, stamp_, /*map=*/true, threads_));
  std::vector<int32_t> cell, row;
  std::vector<double> distance;
  archive.Array("cell", cell);
  archive.Array("row", row);
  archive.Array("distance", distance);
  RCT_RETURN_IF_ERROR(archive.status());
  RCT_RETURN_IF_ERROR(CheckSizes(
      path, cell.size() == row.size() && cell.size() == distance.size()));
  std::vector<DeferredQuery> deferred;
  deferred.reserve(cell.size());
  for (size_t i = 0; i < cell.size(); ++i) {
    deferred.push_back({cell[i], row[i], distance[i]});
  }
  return deferred;
}

absl::StatusOr<FoundNeighbors> StreamChunks::ReadFound(int64_t unit) const {
  const std::string path = FoundPath(unit);
  RCT_ASSIGN_OR_RETURN(ArchiveReader archive,
                       rct::Open(path, stamp_, /*map=*/true, threads_));
  FoundNeighbors found;
  archive.Array("query", found.query);
  archive.Array("row", found.row);
  archive.Array("distance", found.distance);
  RCT_RETURN_IF_ERROR(archive.status());
  RCT_RETURN_IF_ERROR(
      CheckSizes(path, found.query.size() == found.row.size() &&
                           found.query.size() == found.distance.size()));
  return found;
}

void StreamChunks::Remove(const std::string& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (absl::EndsWith(entry.path().string(), kEnding)) {
      paths.push_back(entry.path());
    }
  }
  for (const auto& path : paths) std::filesystem::remove(path, error);
  std::filesystem::remove(folder, error);  // fails where it is not empty
}

}  // namespace rct
