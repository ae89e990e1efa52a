#include "tools/rct_identifiers.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/csv_record.h"
#include "base/matrix.h"

namespace rct {
namespace {

// Append a neighbor or its distance.
void Append(const Identifiers& ids, int64_t row, CsvWriter& writer) {
  writer.Text(row < 0 ? "" : ids.points[static_cast<size_t>(row)]);
}
void Append(const Identifiers&, double distance, CsvWriter& writer) {
  writer.Number(distance);
}

template <class T>
std::string Table(const Identifiers& ids, std::string_view column,
                  MatrixView<const T> table, char separator) {
  CsvWriter writer(separator);
  writer.Text(ids.name);
  for (int64_t j = 0; j < table.cols; ++j) {
    writer.Text(absl::StrCat(column, "_", j + 1));
  }
  writer.EndRow();
  for (int64_t i = 0; i < table.rows; ++i) {
    writer.Text(ids.queries[static_cast<size_t>(i)]);
    for (int64_t j = 0; j < table.cols; ++j) Append(ids, table(i, j), writer);
    writer.EndRow();
  }
  return writer.Take();
}

template <class T>
std::string Lists(const Identifiers& ids, std::string_view column,
                  const std::vector<int64_t>& offsets,
                  const std::vector<T>& values, char separator) {
  CsvWriter writer(separator);
  writer.Text(ids.name);
  writer.Text(column);
  writer.EndRow();
  for (size_t i = 0; i < ids.queries.size(); ++i) {
    for (int64_t j = offsets[i]; j < offsets[i + 1]; ++j) {
      writer.Text(ids.queries[i]);
      Append(ids, values[static_cast<size_t>(j)], writer);
      writer.EndRow();
    }
  }
  return writer.Take();
}

}  // namespace

std::string SerializeWithIds(const Identifiers& ids, std::string_view column,
                             MatrixView<const int64_t> rows, char separator) {
  return Table(ids, column, rows, separator);
}

std::string SerializeWithIds(const Identifiers& ids, std::string_view column,
                             MatrixView<const double> distances,
                             char separator) {
  return Table(ids, column, distances, separator);
}

std::string SerializeWithIds(const Identifiers& ids, std::string_view column,
                             const std::vector<int64_t>& offsets,
                             const std::vector<int64_t>& rows, char separator) {
  return Lists(ids, column, offsets, rows, separator);
}

std::string SerializeWithIds(const Identifiers& ids, std::string_view column,
                             const std::vector<int64_t>& offsets,
                             const std::vector<double>& distances,
                             char separator) {
  return Lists(ids, column, offsets, distances, separator);
}

}  // namespace rct
