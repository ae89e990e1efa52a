// Archives: named arrays in one file, which are read without copying them.
//
//     offset 0   magic         8 bytes
//            8   version       uint32, of the format of the contents
//           12   0             uint32
//           16   size          uint64, of the file in bytes
//           24   count         uint64, of arrays
//           32   digest        32 bytes
//           64   table         64 bytes for each array: its name (24 bytes,
//                              padded with zeros), and offset, bytes, rows,
//                              columns and stride (uint64 each)
//          ...   arrays        in the order of the table: the first begins at
//                              the end of the table, each other one at the
//                              next multiple of 64; zeros fill the gaps and
//                              follow the last one
//
// Numbers are little endian, as they are in memory, and rows keep their
// padding, so that SIMD loads work on the file's own bytes: an array is read by
// pointing at it.
//
// The digest covers all bytes but its own. It is the SHA-256 of the hexadecimal
// SHA-256 of every 4 MiB of them, so that threads can share the work. It
// reveals damage and does not protect against malice: whoever can write a file
// can write its digest.
//
// The arrays of an object are listed once, in a function for both directions:
//
//     template <class Self, class Archive>
//     void Thing::Describe(Self& self, Archive& archive) {
//       archive.Value("thing.rank", self.rank_);
//       archive.Array("thing.w", self.w_);
//     }
//
// so that the arrays written and the arrays read cannot differ. A correct
// digest does not prove that the arrays fit each other. Their reader therefore
// checks every number from which an address is computed (Expect), and at the
// end that no array is left over (Finish).

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

#include "absl/functional/function_ref.h"
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

// A kind of file.
struct ArchiveFormat {
  // The first 8 bytes of every such file.
  std::string_view magic;
  // The version of files written, and the only one that is read.
  uint32_t version = 1;
  // The kind's name in messages: "rct index file".
  std::string_view name;
  // The advice at the end of messages about damage: "build the index again".
  std::string_view remedy;
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

// Collects arrays and writes them. The arrays must not change until Write
// returns. Names are distinct and have up to 23 bytes.
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

  // Adds a copy of `value`: a number, or bytes.
  template <class T>
  void Value(std::string_view name, const T& value) {
    static_assert(std::is_arithmetic_v<T>);
    Value(name, std::string(reinterpret_cast<const char*>(&value), sizeof(T)));
  }
  void Value(std::string_view name, const std::string& bytes) {
    const std::string& kept = values_.emplace_back(bytes);
    Add(name, kept.data(), 1, static_cast<int64_t>(kept.size()), 1, 1);
  }

  // Returns a new T that lives as long as the writer: for arrays that are made
  // to be written.
  template <class T>
  T& Own() {
    auto object = std::make_shared<T>();
    T& value = *object;
    owned_.push_back(std::move(object));
    return value;
  }

  // Writes the file as WriteFileAtomically does, and returns its errors.
  // Cancelled if `monitor` is.
  absl::Status Write(const std::string& path, const ArchiveFormat& format,
                     int threads, Monitor* monitor = nullptr) const;

  // Returns the bytes of the file that Write would write, or ResourceExhausted
  // where they do not fit into the memory that there is.
  absl::StatusOr<std::string> Contents(const ArchiveFormat& format, int threads,
                                       Monitor* monitor = nullptr) const;

 private:
  // Returns use(pieces) of all bytes of the file, one piece after the other.
  absl::Status Use(
      const ArchiveFormat& format, int threads, Monitor* monitor,
      absl::FunctionRef<absl::Status(absl::Span<const std::string_view>)> use)
      const;
  void Add(std::string_view name, const void* data, int64_t element_bytes,
           int64_t rows, int64_t cols, int64_t stride);

  std::vector<ArchiveEntry> entries_;
  std::vector<std::string_view> contents_;
  std::deque<std::string> values_;
  std::vector<std::shared_ptr<void>> owned_;
};

// An archive that was read. Large arrays point into its memory and keep it
// alive.
class ArchiveReader {
 public:
  // Reads the file, or maps it (see MapFile) if `map` is true, and verifies its
  // digest. Returns InvalidArgument, with the fault and the remedy, if the file
  // is of another kind or version, cut short, too long or damaged; no length in
  // it is believed before that. The same error follows if two arrays have one
  // name or one is not in its place, so that arrays never overlap. Cancelled if
  // `monitor` is.
  static absl::StatusOr<ArchiveReader> Open(const std::string& path,
                                            const ArchiveFormat& format,
                                            bool map, int threads,
                                            Monitor* monitor = nullptr);

  // Does the same for the contents of a file, which messages call `name`, and
  // of which the archive keeps a copy. ResourceExhausted where that does not
  // fit into the memory that there is.
  static absl::StatusOr<ArchiveReader> OpenContents(const std::string& name,
                                                    std::string_view contents,
                                                    const ArchiveFormat& format,
                                                    int threads,
                                                    Monitor* monitor = nullptr);

  // Returns true if the file at `path` starts with the magic of `format`.
  static bool Recognizes(const std::string& path, const ArchiveFormat& format);

  // Makes `values` the array of this name: a copy for std::vector, a reference
  // otherwise. If the array is missing or has another type or form, `values`
  // becomes empty and status() an error.
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

  // The error of the first array that was missing or failed a check, or OK.
  const absl::Status& status() const { return status_; }

  // Sets status(), if it is OK, to InvalidArgument "<path>: <what>; <remedy>",
  // and returns it.
  absl::Status Refuse(std::string_view what);
  // Refuses "array '<name>' <what>" unless `holds`. Returns true if status() is
  // OK.
  bool Expect(bool holds, std::string_view name, std::string_view what);
  // Refuses the first array that nobody has read. Returns status().
  absl::Status Finish();

  // All arrays in the order of their offsets.
  absl::Span<const ArchiveEntry> entries() const { return entries_; }
  int64_t bytes() const { return static_cast<int64_t>(file_.bytes.size()); }
  // 64 hexadecimal digits.
  const std::string& digest() const { return digest_; }

 private:
  static constexpr std::string_view kMissing = "is missing or of another type";

  ArchiveReader(std::string path, std::string_view remedy, SharedBytes file)
      : path_(std::move(path)), remedy_(remedy), file_(std::move(file)) {}

  // Returns a reader of bytes whose digest and table are right.
  static absl::StatusOr<ArchiveReader> OpenBytes(const std::string& path,
                                                 SharedBytes file,
                                                 const ArchiveFormat& format,
                                                 int threads, Monitor* monitor);
  absl::Status Check(const ArchiveFormat& format, int threads,
                     Monitor* monitor);
  absl::Status ReadTable();
  const ArchiveEntry* Entry(std::string_view name) const;
  static uint64_t Elements(const ArchiveEntry& entry) {
    return static_cast<uint64_t>(entry.rows) *
           static_cast<uint64_t>(entry.stride);
  }

  // Returns all elements of the array of this name, padding included.
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

  // Returns the array of this name, which must have one column and no padding.
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
