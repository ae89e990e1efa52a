// Tables with commas and tabs, under each meaning of their first line, as
// numbers and as row numbers, whole and by columns. What is read is finite, and
// is read again as the same numbers.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/csv.h"
#include "base/matrix.h"
#include "tools/fuzzing/target.h"

namespace rct {

const FuzzLimits kFuzzLimits = {.per_byte = 256, .constant = 1 << 16};

namespace {

void CheckTable(const Table<double>& table, char separator) {
  const Matrix<double>& values = table.values;
  RCT_CHECK(table.names.empty() ||
            static_cast<int64_t>(table.names.size()) == values.cols());
  const Table<double> again =
      ParseCsvTable(SerializeCsv("x", values.view(), separator),
                    {.header = CsvHeader::kPresent, .separator = separator})
          .value();
  RCT_CHECK(again.values.rows() == values.rows() &&
            again.values.cols() == values.cols());
  for (int64_t row = 0; row < values.rows(); ++row) {
    for (int64_t column = 0; column < values.cols(); ++column) {
      RCT_CHECK(std::isfinite(values(row, column)));
      RCT_CHECK(again.values(row, column) == values(row, column));
    }
  }
}

void Try(std::string_view bytes) {
  for (const char separator : {',', '\t'}) {
    for (const CsvHeader header :
         {CsvHeader::kDetect, CsvHeader::kPresent, CsvHeader::kAbsent}) {
      const CsvOptions options = {.header = header, .separator = separator};
      const auto table = ParseCsvTable(bytes, options);
      if (table.ok() && table->values.cols() > 0) {
        CheckTable(*table, separator);
      }
      ParseCsvIndexTable(bytes, options).status().IgnoreError();
    }
    const CsvOptions chosen = {
        .separator = separator, .columns = {"y", "x"}, .id_column = "id"};
    if (const auto table = ParseCsvTable(bytes, chosen); table.ok()) {
      RCT_CHECK(table->values.cols() == 2);
      RCT_CHECK(static_cast<int64_t>(table->ids.size()) ==
                table->values.rows());
    }
    ParseCsvTable(bytes, {.header = CsvHeader::kAbsent,
                          .separator = separator,
                          .columns = {"1"}})
        .status()
        .IgnoreError();
  }
}

}  // namespace
}  // namespace rct

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  rct::Try(rct::InputOf(data, size));
  return 0;
}
