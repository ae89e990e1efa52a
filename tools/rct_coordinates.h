// Which columns of a file are coordinates, and what they mean: the flags
// --columns, --id_column and --lonlat, which all commands share.

#ifndef RCT_TOOLS_RCT_COORDINATES_H_
#define RCT_TOOLS_RCT_COORDINATES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/csv.h"
#include "base/matrix.h"
#include "base/matrix_file.h"
#include "tools/rct_flags.h"

namespace rct {

// The values of the flags.
struct CoordinateFlags {
  std::vector<std::string> columns;  // none means all
  std::string id_column;             // "" means none
  // Whether the first two columns are longitude and latitude in degrees.
  bool lon_lat = false;

  // Declares the flags but --id_column, and that one as well.
  void Declare(FlagSet& flags);
  void DeclareIdColumn(FlagSet& flags);

  // Returns `options` for a file of points.
  ReadOptions ForPoints(ReadOptions options) const;
  // Returns `options` for a file of further points, as queries, whose
  // coordinates have the `names` of those of the points, where they have names.
  // Where --id_column says that files hold more than coordinates, the names say
  // which columns are. Identifiers are read if `ids` says so.
  ReadOptions ForMore(ReadOptions options, absl::Span<const std::string> names,
                      bool ids) const;
};

// Returns InvalidArgument where the names of columns show that the first two
// are not longitude and latitude in this order.
absl::Status CheckLonLatNames(absl::Span<const std::string> names);

// Makes chord coordinates of the columns of `table` (metric/sphere.h), whose
// names stay what they are. Returns InvalidArgument, naming row and column or
// names, where the first two columns are not longitude and latitude.
absl::Status ConvertLonLat(Table<double>& table);

// Returns the lengthscales of all coordinates of points that a file of
// `columns` columns holds: with longitude and latitude, which become three
// coordinates, the first of several `scales` is that of all three.
std::vector<double> LengthscalesOf(absl::Span<const double> scales,
                                   int64_t columns, bool lon_lat);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_COORDINATES_H_
