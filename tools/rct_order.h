// `rct order`: orders of points for Vecchia approximations, and the orders that
// `rct graph --order` uses.

#ifndef RCT_TOOLS_RCT_ORDER_H_
#define RCT_TOOLS_RCT_ORDER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/csv.h"
#include "base/matrix.h"
#include "index/ordering.pb.h"
#include "tools/rct_coordinates.h"
#include "tools/rct_enum_names.h"
#include "tools/rct_output.h"
#include "tools/rct_watch.h"

namespace rct {

// The methods of OrderingConfig.
const EnumNames& OrderingMethods();

// A task, as flags describe it.
struct OrderTask {
  CsvHeader header = CsvHeader::kDetect;
  CoordinateFlags coordinates;
  std::string points;  // n x d
  OrderingConfig config;
  std::string column;  // a name, or a number for config; "" means not given
  OutputFile out_order;
};

// Returns the task that the arguments describe, with the errors of
// ParseSearchTask (rct_search_flags.h).
absl::StatusOr<OrderTask> ParseOrderTask(
    absl::Span<const std::string> arguments);

// Orders the points of a task, writes the order and returns a report, with the
// errors of RunSearch (rct_search.h).
absl::StatusOr<std::string> RunOrder(const OrderTask& task,
                                     const Interrupted& interrupted);

// Returns the text of --help.
std::string OrderHelp();

// Returns the order of `points` and shows on a terminal how far the work is.
// Errors name the flags of rct order.
absl::StatusOr<std::vector<int64_t>> OrderAndShow(
    MatrixView<const double> points, const OrderingConfig& config,
    const Interrupted& interrupted);

// Returns InvalidArgument, beginning with flag and path, unless `order`, which
// was read from there, holds each of n rows once.
absl::Status CheckInputOrder(std::string_view flag, const std::string& path,
                             absl::Span<const int64_t> order, int64_t n);

// Returns the file of an order.
std::string SerializeOrder(MatrixFormat format,
                           const std::vector<int64_t>& order);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_ORDER_H_
