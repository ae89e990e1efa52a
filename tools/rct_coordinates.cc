#include "tools/rct_coordinates.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/csv.h"
#include "base/matrix.h"
#include "base/matrix_file.h"
#include "base/quote.h"
#include "base/status_macros.h"
#include "metric/sphere.h"
#include "tools/rct_flags.h"

namespace rct {

void CoordinateFlags::Declare(FlagSet& flags) {
  flags.Names("columns", &columns);
  flags.Switch("lonlat", &lon_lat);
}

void CoordinateFlags::DeclareIdColumn(FlagSet& flags) {
  flags.Text("id_column", &id_column);
}

ReadOptions CoordinateFlags::ForPoints(ReadOptions options) const {
  options.columns = columns;
  options.id_column = id_column;
  return options;
}

ReadOptions CoordinateFlags::ForMore(ReadOptions options,
                                     absl::Span<const std::string> names,
                                     bool ids) const {
  options.columns = columns;
  if (columns.empty() && !id_column.empty()) {
    options.columns.assign(names.begin(), names.end());
  }
  if (ids) options.id_column = id_column;
  return options;
}

absl::Status CheckLonLatNames(absl::Span<const std::string> names) {
  if (names.size() < 2) return absl::OkStatus();
  const auto begins = [](std::string_view name, std::string_view with) {
    return absl::StartsWithIgnoreCase(name, with);
  };
  if (!begins(names[0], "lat") && !begins(names[1], "lon") &&
      !begins(names[1], "lng")) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "begins with the columns ", Quote(names[0]), " and ", Quote(names[1]),
      " where --lonlat takes longitude and then latitude; name the two, and "
      "those that follow, with --columns=LONGITUDE,LATITUDE"));
}

absl::Status ConvertLonLat(Table<double>& table) {
  RCT_RETURN_IF_ERROR(CheckLonLatNames(table.names));
  RCT_ASSIGN_OR_RETURN(table.values,
                       LonLatToChord(std::as_const(table.values).view()));
  return absl::OkStatus();
}

std::vector<double> LengthscalesOf(absl::Span<const double> scales,
                                   int64_t columns, bool lon_lat) {
  std::vector<double> all(scales.begin(), scales.end());
  if (lon_lat && scales.size() > 1 &&
      static_cast<int64_t>(scales.size()) == columns - 1) {
    all.insert(all.begin(), 2, scales[0]);
  }
  return all;
}

}  // namespace rct
