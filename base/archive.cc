#include "base/archive.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/check.h"
#include "base/file.h"
#include "base/memory_limit.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/quote.h"
#include "base/sha256.h"
#include "base/status_macros.h"

namespace rct {
namespace {

constexpr uint64_t kAlignment = 64;
constexpr uint64_t kDigestPiece = uint64_t{1} << 22;

struct Preamble {
  char magic[8];
  uint32_t version;
  uint32_t zero;
  uint64_t size;
  uint64_t count;
  char digest[32];
};
static_assert(sizeof(Preamble) == kAlignment);

struct TableRow {
  char name[24];
  uint64_t offset;
  uint64_t bytes;
  uint64_t rows;
  uint64_t cols;
  uint64_t stride;
};
static_assert(sizeof(TableRow) == kAlignment);

constexpr size_t kDigestOffset = offsetof(Preamble, digest);

uint64_t Aligned(uint64_t offset) {
  return (offset + kAlignment - 1) / kAlignment * kAlignment;
}

template <class T>
std::string_view BytesOf(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(T)};
}

// Returns 64 hexadecimal digits, the digest of `pieces` one after the other.
// They have no meaning if `monitor` is cancelled.
std::string Digest(absl::Span<const std::string_view> pieces, int threads,
                   Monitor* monitor) {
  uint64_t size = 0;
  for (const std::string_view piece : pieces) size += piece.size();
  std::vector<std::string> digests((size + kDigestPiece - 1) / kDigestPiece);
  ParallelFor(threads, static_cast<int64_t>(digests.size()), monitor,
              [&](int64_t task, int) {
                Sha256 sha256;
                uint64_t skip = static_cast<uint64_t>(task) * kDigestPiece;
                uint64_t left = kDigestPiece;
                for (const std::string_view piece : pieces) {
                  if (skip >= piece.size()) {
                    skip -= piece.size();
                    continue;
                  }
                  const std::string_view part = piece.substr(skip, left);
                  sha256.Update(part);
                  skip = 0;
                  left -= part.size();
                  if (left == 0) break;
                }
                digests[task] = sha256.HexDigest();
              });
  Sha256 whole;
  for (const std::string& digest : digests) whole.Update(digest);
  return whole.HexDigest();
}

// Returns the pieces of a file that its digest covers.
std::vector<std::string_view> Digested(std::string_view file) {
  return {file.substr(0, kDigestOffset), file.substr(sizeof(Preamble))};
}

}  // namespace

void ArchiveWriter::Add(std::string_view name, const void* data,
                        int64_t element_bytes, int64_t rows, int64_t cols,
                        int64_t stride) {
  RCT_CHECK(name.size() < sizeof(TableRow::name));
  for (const ArchiveEntry& entry : entries_) RCT_CHECK(entry.name != name);
  const auto bytes = static_cast<uint64_t>(rows * stride * element_bytes);
  entries_.push_back({std::string(name), 0, bytes, rows, cols, stride});
  contents_.emplace_back(static_cast<const char*>(data), bytes);
}

absl::Status ArchiveWriter::Write(const std::string& path,
                                  const ArchiveFormat& format, int threads,
                                  Monitor* monitor) const {
  return Use(format, threads, monitor,
             [&](absl::Span<const std::string_view> pieces) {
               return WriteFileAtomically(path, pieces, monitor);
             });
}

absl::StatusOr<std::string> ArchiveWriter::Contents(const ArchiveFormat& format,
                                                    int threads,
                                                    Monitor* monitor) const {
  double bytes = 0;
  for (const ArchiveEntry& entry : entries_) {
    bytes += static_cast<double>(entry.bytes);
  }
  RCT_RETURN_IF_ERROR(CheckMemory(bytes,
                                  absl::StrCat("the bytes of an ", format.name),
                                  "write it to a file instead"));
  std::string contents;
  RCT_RETURN_IF_ERROR(Use(format, threads, monitor,
                          [&](absl::Span<const std::string_view> pieces) {
                            size_t size = 0;
                            for (const std::string_view piece : pieces) {
                              size += piece.size();
                            }
                            contents.reserve(size);
                            for (const std::string_view piece : pieces) {
                              contents += piece;
                            }
                            return absl::OkStatus();
                          }));
  return contents;
}

absl::Status ArchiveWriter::Use(
    const ArchiveFormat& format, int threads, Monitor* monitor,
    absl::FunctionRef<absl::Status(absl::Span<const std::string_view>)> use)
    const {
  const Monitor::Part whole(monitor);
  RCT_CHECK(format.magic.size() == sizeof(Preamble::magic));
  static constexpr char kZeros[kAlignment] = {};
  Preamble preamble = {};
  std::memcpy(preamble.magic, format.magic.data(), sizeof(preamble.magic));
  preamble.version = format.version;
  preamble.count = entries_.size();
  uint64_t offset = sizeof(Preamble) + entries_.size() * sizeof(TableRow);
  std::string table;
  std::vector<std::string_view> arrays;
  for (size_t i = 0; i < entries_.size(); ++i) {
    const ArchiveEntry& entry = entries_[i];
    TableRow row = {{},
                    offset,
                    entry.bytes,
                    static_cast<uint64_t>(entry.rows),
                    static_cast<uint64_t>(entry.cols),
                    static_cast<uint64_t>(entry.stride)};
    std::memcpy(row.name, entry.name.data(), entry.name.size());
    table += BytesOf(row);
    arrays.push_back(contents_[i]);
    offset += entry.bytes;
    arrays.emplace_back(kZeros, Aligned(offset) - offset);
    offset = Aligned(offset);
  }
  preamble.size = offset;

  std::vector<std::string_view> pieces = {
      BytesOf(preamble).substr(0, kDigestOffset), table};
  pieces.insert(pieces.end(), arrays.begin(), arrays.end());
  std::optional<Monitor::Part> part(std::in_place, monitor, /*share=*/0.5);
  const std::string digest =
      absl::HexStringToBytes(Digest(pieces, threads, monitor));
  part.reset();
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  std::memcpy(preamble.digest, digest.data(), sizeof(preamble.digest));
  pieces[0] = BytesOf(preamble);
  return use(pieces);
}

absl::StatusOr<ArchiveReader> ArchiveReader::Open(const std::string& path,
                                                  const ArchiveFormat& format,
                                                  bool map, int threads,
                                                  Monitor* monitor) {
  const Monitor::Part whole(monitor);
  std::optional<Monitor::Part> part(std::in_place, monitor, /*share=*/0.5);
  RCT_ASSIGN_OR_RETURN(SharedBytes file,
                       map ? MapFile(path) : ReadFileAligned(path, monitor));
  part.reset();
  return OpenBytes(path, std::move(file), format, threads, monitor);
}

absl::StatusOr<ArchiveReader> ArchiveReader::OpenContents(
    const std::string& name, std::string_view contents,
    const ArchiveFormat& format, int threads, Monitor* monitor) {
  const Monitor::Part whole(monitor);
  RCT_RETURN_IF_ERROR(
      CheckMemory(static_cast<double>(contents.size()),
                  absl::StrCat(name, ", a copy of them"),
                  "write them to a file, and open that in place"));
  const auto memory = std::make_shared<AlignedBuffer<char>>(contents.size());
  std::copy(contents.begin(), contents.end(), memory->data());
  return OpenBytes(name, {{memory->data(), contents.size()}, memory}, format,
                   threads, monitor);
}

absl::StatusOr<ArchiveReader> ArchiveReader::OpenBytes(
    const std::string& path, SharedBytes file, const ArchiveFormat& format,
    int threads, Monitor* monitor) {
  ArchiveReader reader(path, format.remedy, std::move(file));
  RCT_RETURN_IF_ERROR(Annotate(reader.Check(format, threads, monitor), path));
  RCT_RETURN_IF_ERROR(reader.ReadTable());
  return reader;
}

bool ArchiveReader::Recognizes(const std::string& path,
                               const ArchiveFormat& format) {
  const absl::StatusOr<SharedBytes> file = MapFile(path);
  return file.ok() && absl::StartsWith(file->bytes, format.magic);
}

absl::Status ArchiveReader::Check(const ArchiveFormat& format, int threads,
                                  Monitor* monitor) {
  const std::string_view bytes = file_.bytes;
  const auto error = [](const auto&... what) {
    return absl::InvalidArgumentError(absl::StrCat(what...));
  };
  if (bytes.empty()) return error("is empty, and no ", format.name);
  const std::string_view start = bytes.substr(0, format.magic.size());
  if (!absl::StartsWith(format.magic, start)) {
    return error("is no ", format.name, ": starts with ", Quote(start));
  }
  if (bytes.size() < sizeof(Preamble)) {
    return error("truncated: has ", bytes.size(), " bytes, its start alone ",
                 sizeof(Preamble), "; ", format.remedy);
  }
  Preamble preamble;
  std::memcpy(&preamble, bytes.data(), sizeof(preamble));
  if (preamble.version != format.version) {
    return error(
        "has version ", preamble.version, " of the format, ",
        preamble.version > format.version ? "from a newer program" : "too old",
        "; this one reads version ", format.version, ": ", format.remedy);
  }
  if (bytes.size() < preamble.size) {
    return error("truncated: has ", bytes.size(), " bytes of ", preamble.size,
                 "; ", format.remedy);
  }
  if (bytes.size() > preamble.size) {
    return error("has ", bytes.size(), " bytes, ", bytes.size() - preamble.size,
                 " more than it should; ", format.remedy);
  }
  digest_ = Digest(Digested(bytes), threads, monitor);
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  if (absl::HexStringToBytes(digest_) !=
      std::string_view(preamble.digest, sizeof(preamble.digest))) {
    return error("damaged: its digest differs from the one that was written; ",
                 format.remedy);
  }
  return absl::OkStatus();
}

absl::Status ArchiveReader::ReadTable() {
  const std::string_view bytes = file_.bytes;
  Preamble preamble;
  std::memcpy(&preamble, bytes.data(), sizeof(preamble));
  if (preamble.count > bytes.size() / sizeof(TableRow) - 1) {
    return Refuse("its table is longer than the file");
  }
  uint64_t end = (preamble.count + 1) * sizeof(TableRow);
  for (uint64_t i = 0; i < preamble.count; ++i) {
    TableRow row;
    std::memcpy(&row, bytes.data() + (i + 1) * sizeof(TableRow), sizeof(row));
    const std::string name(row.name, strnlen(row.name, sizeof(row.name)));
    const bool named = !name.empty() && name.size() < sizeof(row.name) &&
                       std::all_of(row.name + name.size(), std::end(row.name),
                                   [](char c) { return c == 0; });
    if (!named) return Refuse(absl::StrCat("array ", i, " has no proper name"));
    if (!Expect(!Has(name), name, "is there twice")) return status_;
    // No element is smaller than a byte, and in bytes nothing overflows.
    const bool lies_there =
        row.offset == end && row.bytes <= bytes.size() - end &&
        row.stride >= row.cols && row.stride <= bytes.size() &&
        (row.stride == 0 || row.rows <= row.bytes / row.stride) &&
        row.rows <= INT64_MAX;
    if (!Expect(lies_there, name, "does not lie in the file as it should")) {
      return status_;
    }
    entries_.push_back(
        {name, row.offset, row.bytes, static_cast<int64_t>(row.rows),
         static_cast<int64_t>(row.cols), static_cast<int64_t>(row.stride)});
    end = Aligned(row.offset + row.bytes);
    // The file ends where an array does, padding included.
    if (!Expect(end <= bytes.size(), name, "ends with the file too early")) {
      return status_;
    }
  }
  if (end != bytes.size()) return Refuse("has bytes behind its last array");
  asked_for_.resize(entries_.size());
  return status_;
}

const ArchiveEntry* ArchiveReader::Entry(std::string_view name) const {
  const auto found = std::find_if(
      entries_.begin(), entries_.end(),
      [&](const ArchiveEntry& entry) { return entry.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

absl::Status ArchiveReader::Refuse(std::string_view what) {
  status_.Update(absl::InvalidArgumentError(
      absl::StrCat(path_, ": ", what, "; ", remedy_)));
  return status_;
}

bool ArchiveReader::Expect(bool holds, std::string_view name,
                           std::string_view what) {
  if (!holds) {
    Refuse(absl::StrCat("array ", Quote(name), " ", what)).IgnoreError();
  }
  return status_.ok();
}

absl::Status ArchiveReader::Finish() {
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (!Expect(asked_for_[i], entries_[i].name,
                "is of no use to the others")) {
      break;
    }
  }
  return status_;
}

}  // namespace rct
