// A stand-in for index/distributed/distributed_graph.cc: all points on all
// ranks.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/status_macros.h"
#include "index/distributed/communicator.h"
#include "index/distributed/distributed_graph.h"
#include "index/residual_index.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {

RowRange SliceOf(int64_t n, int rank, int size) {
  const int64_t first = n * rank / size;
  return {first, n * (rank + 1) / size - first};
}

absl::StatusOr<DistributedReport> DistributedGraph(
    Communicator& ranks, const DistributedPoints& points,
    const DistributedOptions& options, GraphRowsWriter write,
    Monitor* /*monitor*/) {
  const int64_t d = points.slice.cols;
  std::string own;
  for (int64_t i = 0; i < points.slice.rows; ++i) {
    own.append(reinterpret_cast<const char*>(points.slice.row(i)), 8 * d);
  }
  const std::vector<std::string> all = ranks.Gather(own);
  Matrix<double> whole(points.n, d);
  double* to = whole.data();
  for (const std::string& part : all) {
    std::memcpy(to, part.data(), part.size());
    to += part.size() / 8;
  }
  const RowRange slice = SliceOf(points.n, ranks.rank(), ranks.size());
  const absl::Status own_status = [&] {
    RCT_ASSIGN_OR_RETURN(const ResidualIndex index,
                         ResidualIndex::Build(whole.view(), options.index));
    std::vector<int64_t> rows(slice.count);
    for (int64_t i = 0; i < slice.count; ++i) rows[i] = slice.first + i;
    SearchOptions search;
    search.k = options.k;
    search.predecessor = options.predecessor;
    search.exclude_self = true;
    search.threads = options.index.threads();
    RCT_ASSIGN_OR_RETURN(const SearchResult result, index.Search(rows, search));
    return write(slice.first, result.neighbors);
  }();
  RCT_RETURN_IF_ERROR(ranks.Agree(own_status));
  DistributedReport report;
  report.ranks.resize(ranks.size());
  return report;
}

}  // namespace rct
