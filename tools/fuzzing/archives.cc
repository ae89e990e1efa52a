#include "tools/fuzzing/archives.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/sha256.h"
#include "tools/fuzzing/mutate.h"

namespace rct {
namespace {

constexpr size_t kPreamble = 64;
constexpr size_t kTableRow = 64;
constexpr size_t kName = 24;
constexpr size_t kSize = 16;
constexpr size_t kDigest = 32;
constexpr size_t kPiece = size_t{1} << 22;

// An array, and its entry of the table: offset, bytes, rows, columns, stride.
struct Entry {
  std::string name;
  uint64_t numbers[5];
  std::string contents;
};

size_t Aligned(size_t offset) { return (offset + 63) / 64 * 64; }

std::optional<std::vector<Entry>> Decode(std::string_view bytes) {
  uint64_t count = 0;
  if (bytes.size() < kPreamble) return std::nullopt;
  std::memcpy(&count, bytes.data() + 24, sizeof(count));
  if (count > bytes.size() / kTableRow - 1) return std::nullopt;
  std::vector<Entry> entries(count);
  for (size_t i = 0; i < count; ++i) {
    const std::string_view row = bytes.substr((i + 1) * kTableRow, kTableRow);
    Entry& entry = entries[i];
    entry.name = row.substr(0, kName);
    std::memcpy(entry.numbers, row.data() + kName, sizeof(entry.numbers));
    const auto [offset, size, rows, columns, stride] = entry.numbers;
    if (offset > bytes.size() || size > bytes.size() - offset) {
      return std::nullopt;
    }
    entry.contents = bytes.substr(offset, size);
  }
  return entries;
}

std::string Encode(std::string_view preamble, std::vector<Entry>& entries,
                   bool settle) {
  std::string table, arrays;
  const size_t start = kPreamble + entries.size() * kTableRow;
  for (Entry& entry : entries) {
    if (settle) {
      entry.numbers[0] = start + arrays.size();
      entry.numbers[1] = entry.contents.size();
    }
    table += entry.name;
    table.append(reinterpret_cast<const char*>(entry.numbers),
                 sizeof(entry.numbers));
    arrays += entry.contents;
    arrays.resize(Aligned(start + arrays.size()) - start);
  }
  std::string bytes =
      absl::StrCat(preamble.substr(0, kPreamble), table, arrays);
  const uint64_t count = entries.size();
  std::memcpy(bytes.data() + 24, &count, sizeof(count));
  return bytes;
}

// Changes the contents of an array; if their size changes, so do its rows.
void ChangeContents(RandomStream& random, const Entry& other, Entry& entry) {
  uint64_t& rows = entry.numbers[2];
  const size_t before = entry.contents.size();
  if (random.UniformBelow(4) > 0) {
    MutateInPlace(random, entry.contents);
  } else if (rows > 0 && before % rows == 0 && random.Next64() % 2 == 0) {
    // A row more or less, or none.
    const size_t row = before / rows;
    const size_t keep[] = {0, before - row, before + row};
    entry.contents.resize(keep[random.UniformBelow(3)]);
    rows = row == 0 ? rows : entry.contents.size() / row;
  } else {
    Mutate(random, other.contents, before + 64, entry.contents);
    // A header and other bytes have as many rows as bytes.
    if (rows == before) rows = entry.contents.size();
  }
}

// Changes entries of the table.
void ChangeTable(RandomStream& random, std::vector<Entry>& entries) {
  const size_t at = random.UniformBelow(entries.size());
  const Entry other = entries[random.UniformBelow(entries.size())];
  switch (random.UniformBelow(5)) {
    case 0:
      entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(at));
      return;
    case 1:
      entries.push_back(other);
      return;
    case 2:
      entries[at].name = other.name;
      return;
    case 3:
      entries[at].contents = other.contents;
      return;
    default: {
      std::string numbers(reinterpret_cast<const char*>(entries[at].numbers),
                          sizeof(entries[at].numbers));
      MutateInPlace(random, numbers);
      std::memcpy(entries[at].numbers, numbers.data(), numbers.size());
    }
  }
}

}  // namespace

std::string WithDigest(std::string_view bytes) {
  std::string result(bytes);
  if (bytes.size() < kPreamble || bytes.size() > kPiece) return result;
  const uint64_t size = bytes.size();
  std::memcpy(result.data() + kSize, &size, sizeof(size));
  const std::string digest = Sha256Hex(Sha256Hex(
      absl::StrCat(result.substr(0, kDigest), result.substr(kPreamble))));
  result.replace(kDigest, kPreamble - kDigest, absl::HexStringToBytes(digest));
  return result;
}

size_t MutateArchive(uint8_t* data, size_t size, size_t max_size,
                     unsigned int seed) {
  RandomStream random(seed, 0);
  std::string bytes(reinterpret_cast<const char*>(data), size);
  std::optional<std::vector<Entry>> entries = Decode(bytes);
  if (!entries.has_value() || entries->empty() ||
      random.UniformBelow(16) == 0) {
    Mutate(random, bytes, max_size, bytes);
  } else {
    for (uint64_t left = 1 + random.UniformBelow(3);
         left > 0 && !entries->empty(); --left) {
      const Entry other = (*entries)[random.UniformBelow(entries->size())];
      Entry& entry = (*entries)[random.UniformBelow(entries->size())];
      if (random.UniformBelow(8) == 0) {
        ChangeTable(random, *entries);
      } else {
        ChangeContents(random, other, entry);
      }
    }
    bytes = Encode(bytes, *entries, /*settle=*/random.UniformBelow(8) > 0);
  }
  if (bytes.size() > max_size) bytes.resize(max_size);
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}

}  // namespace rct
