// Archives: named arrays in one file, which are used where they lie.
//
//     offset 0   magic         8 bytes
//            8   version       uint32, of the format of what is inside
//           12   0             uint32
//           16   size          uint64, of the file in bytes
//           24   count         uint64, of arrays
//           32   digest        32 bytes
//           64   table         64 bytes for each array: its name (24 bytes,
//                              padded with zeros), and offset, bytes, rows,
//                              columns and stride (uint64 each)
//          ...   arrays        in the order of the table, the first from the
//                              table's end, each other from the next multiple
//                              of 64 on, zeros between and behind
//
// Numbers are little endian and as they are in memory, rows with their padding,
// so that SIMD loads find what they expect: an array is read by pointing at it.
//
// The digest is over all bytes but its own: SHA-256 of the hexadecimal SHA-256
// of every 4 MiB of them, so that threads can share it. It shows damage, and is
// no protection against malice: whoever can write a file can write its digest.
//
// What an object keeps is listed once, in a function over either direction:
//
//     template <class Self, class Archive>
//     void Thing::Describe(Self& self, Archive& archive) {
//       archive.Value("thing.rank", self.rank_);
//       archive.Array("thing.w", self.w_);
//     }
//
// so that what is written and what is read cannot differ. A right digest proves
// nothing about what the arrays say of each other: whoever reads them asks of
// each number that an address is made of whether it is in range (Expect), and
// in the end whether nothing is left over (Finish).

#ifndef RCT_BASE_ARCHIVE_H_
#define RCT_BASE_ARCHIVE_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/monitor.h"

namespace rct {

static_assert(std::endian::native == std::endian::little,
              "archives hold numbers as they are in memory, little endian");

// What kind of file it is.
struct ArchiveFormat {
  std::string_view magic;  // 8 bytes
  uint32_t version = 1;    // of files written, and the only one that is read
  std::string_view name;   // "rct index file", in messages
  std::string_view
      remedy;  // what helps against damage: "build the index again"
};

// One array of an archive.
struct ArchiveEntry {
  std::string name;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;  // in elements
};

// Collects arrays, which must stay as they are until Write returns. Names are
// different, and of up to 23 bytes.
class ArchiveWriter {
 public:
  template <class T>
  void Array(std::string_view name, const std::vector<T>& values) {
    Add(name, values.data(), sizeof(T), static_cast<int64_t>(values.size()), 1,
        1);
  }
  template <class T>
  void Array(std::string_view name, const AlignedBuffer<T>& values) {
    Add(name, values.data(), sizeof(T), static_cast<int64_t>(values.size()), 1,
        1);
  }
  template <class T>
  void Array(std::string_view name, const Matrix<T>& values) {
    Add(name, values.data(), sizeof(T), values.rows(), values.cols(),
        values.stride());
  }

  // Copied: a number, or bytes.
  template <class T>
  void Value(std::string_view name, const T& value) {
    static_assert(std::is_arithmetic_v<T>);
    Value(name, std::string(reinterpret_cast<const char*>(&value), sizeof(T)));
  }
  void Value(std::string_view name, const std::string& bytes) {
    const std::string& kept = values_.emplace_back(bytes);
    Add(name, kept.data(), 1, static_cast<int64_t>(kept.size()), 1, 1);
  }

  // Writes the file as WriteFileAtomically does; its errors. Cancelled where
  // `monitor` is.
  absl::Status Write(const std::string& path, const ArchiveFormat& format,
                     int threads, Monitor* monitor = nullptr) const;

 private:
  void Add(std::string_view name, const void* data, int64_t element_bytes,
           int64_t rows, int64_t cols, int64_t stride);

  std::vector<ArchiveEntry> entries_;
  std::vector<std::string_view> contents_;
  std::deque<std::string> values_;
};

// An archive that was read. Large arrays point into it and keep it alive.
class ArchiveReader {
 public:
  // Reads or maps the file (see MapFile), and then all of it for its digest.
  // InvalidArgument, saying what is wrong and what helps, where it is no such
  // file, of another version, cut short, too long or damaged: no length is
  // believed before that. The same where two arrays have one name, or one does
  // not lie where it belongs, so that no two overlap. Cancelled where `monitor`
  // is.
  static absl::StatusOr<ArchiveReader> Open(const std::string& path,
                                            const ArchiveFormat& format,
                                            bool map, int threads,
                                            Monitor* monitor = nullptr);

  // Whether the file of this name starts with the magic.
  static bool Recognizes(const std::string& path, const ArchiveFormat& format);

  // Make `values` the array of this name, a copy or a reference. What is not
  // there, or of another type or form, is left empty, and status() says so.
  template <class T>
  void Array(std::string_view name, std::vector<T>& values) {
    const absl::Span<const T> found = FindColumn<T>(name);
    values.assign(found.begin(), found.end());
  }
  template <class T>
  void Array(std::string_view name, AlignedBuffer<T>& values) {
    values = AlignedBuffer<T>::Borrow(FindColumn<T>(name), file_.owner);
  }
  template <class T>
  void Array(std::string_view name, Matrix<T>& values) {
    const absl::Span<const T> found = Find<T>(name);
    const ArchiveEntry* entry = Entry(name);
    values = entry == nullptr || found.size() != Elements(*entry)
                 ? Matrix<T>()
                 : Matrix<T>(AlignedBuffer<T>::Borrow(found, file_.owner),
                             entry->rows, entry->cols, entry->stride);
  }
  template <class T>
  void Value(std::string_view name, T& value) {
    static_assert(std::is_arithmetic_v<T>);
    std::string bytes;
    Value(name, bytes);
    value = T();
    if (!Expect(bytes.size() == sizeof(T), name, kMissing)) return;
    if constexpr (std::is_same_v<T, bool>) {
      value = bytes[0] != 0;
      Expect(static_cast<unsigned char>(bytes[0]) <= 1, name,
             "is neither true nor false");
    } else {
      std::memcpy(&value, bytes.data(), sizeof(T));
    }
  }
  void Value(std::string_view name, std::string& bytes) {
    const absl::Span<const char> found = FindColumn<char>(name);
    bytes.assign(found.begin(), found.end());
  }

  bool Has(std::string_view name) const { return Entry(name) != nullptr; }

  // InvalidArgument, of the first array that was asked for in vain or did not
  // hold what it should. It ends with what helps.
  const absl::Status& status() const { return status_; }

  // Makes status(), while it is OK, "<path>: <what>; <remedy>", and returns it.
  absl::Status Refuse(std::string_view what);
  // Refuses "array '<name>' <what>" unless `holds`. Whether status() is OK.
  bool Expect(bool holds, std::string_view name, std::string_view what);
  // Refuses the first array that nobody asked for. Returns status().
  absl::Status Finish();

  // By offset.
  absl::Span<const ArchiveEntry> entries() const { return entries_; }
  int64_t bytes() const { return static_cast<int64_t>(file_.bytes.size()); }
  // 64 hexadecimal digits.
  const std::string& digest() const { return digest_; }

 private:
  static constexpr std::string_view kMissing = "is missing or of another type";

  ArchiveReader(std::string path, std::string_view remedy, SharedBytes file)
      : path_(std::move(path)), remedy_(remedy), file_(std::move(file)) {}

  absl::Status Check(const ArchiveFormat& format, int threads,
                     Monitor* monitor);
  absl::Status ReadTable();
  const ArchiveEntry* Entry(std::string_view name) const;
  static uint64_t Elements(const ArchiveEntry& entry) {
    return static_cast<uint64_t>(entry.rows) *
           static_cast<uint64_t>(entry.stride);
  }

  template <class T>
  absl::Span<const T> Find(std::string_view name) {
    static_assert(std::is_trivially_copyable_v<T>);
    const ArchiveEntry* entry = Entry(name);
    if (!Expect(
            entry != nullptr && entry->bytes == Elements(*entry) * sizeof(T),
            name, kMissing)) {
      return {};
    }
    asked_for_[entry - entries_.data()] = true;
    return {reinterpret_cast<const T*>(file_.bytes.data() + entry->offset),
            static_cast<size_t>(Elements(*entry))};
  }

  // Of one column, without padding.
  template <class T>
  absl::Span<const T> FindColumn(std::string_view name) {
    const absl::Span<const T> found = Find<T>(name);
    const ArchiveEntry* entry = Entry(name);
    const bool column =
        entry != nullptr && entry->cols == 1 && entry->stride == 1;
    return Expect(column, name, "is no single column") ? found
                                                       : absl::Span<const T>();
  }

  std::string path_;
  std::string remedy_;
  SharedBytes file_;
  std::vector<ArchiveEntry> entries_;
  std::vector<bool> asked_for_;  // by entry
  std::string digest_;
  absl::Status status_;
};

}  // namespace rct

#endif  // RCT_BASE_ARCHIVE_H_
