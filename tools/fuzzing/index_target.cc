// Index files, of both kinds, with the digest that they should have. What is
// accepted is searched in every way, whatever its numbers are, and written and
// read again.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "base/check.h"
#include "base/matrix.h"
#include "index/euclidean_index.h"
#include "index/residual_index.h"
#include "tools/fuzzing/archives.h"
#include "tools/fuzzing/target.h"
#include "traversal/searcher.h"

namespace rct {

const FuzzLimits kFuzzLimits = {.per_byte = 256, .constant = 1 << 22};

namespace {

int64_t DimOf(const EuclideanIndex& index) { return index.dim(); }
int64_t DimOf(const ResidualIndex& index) {
  return index.model().metric()->data().points.cols();
}

template <class Index>
void SearchEverything(const Index& index) {
  const SearchOptions options = {.k = 3, .threads = 1};
  SearchOptions predecessor = options;
  predecessor.predecessor = true;
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < index.size(); row += 1 + index.size() / 8) {
    rows.push_back(row);
  }
  RCT_CHECK(index.Search(rows, options).ok());
  RCT_CHECK(index.Search(rows, predecessor).ok());
  RCT_CHECK(index.RangeSearch(rows, 0.5, options).ok());
  // Factors from elsewhere have no projections of new points, and forged ones
  // may have none either.
  Matrix<double> points(2, DimOf(index));
  for (int64_t i = 0; i < 2; ++i) {
    for (int64_t j = 0; j < DimOf(index); ++j) {
      points(i, j) = 0.5 * static_cast<double>(i);
    }
  }
  index.SearchPoints(std::as_const(points).view(), options)
      .status()
      .IgnoreError();
}

template <class Index>
void Try(const std::string& bytes) {
  const auto index = Index::FromBytes(bytes, /*threads=*/1);
  if (!index.ok()) {
    RCT_CHECK(absl::IsInvalidArgument(index.status()) ||
              absl::IsResourceExhausted(index.status()));
    RCT_CHECK(!index.status().message().empty());
    return;
  }
  SearchEverything(*index);
  const auto again = index->ToBytes(/*threads=*/1);
  RCT_CHECK(again.ok());
  RCT_CHECK(Index::FromBytes(*again, /*threads=*/1).ok());
}

}  // namespace
}  // namespace rct

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes = rct::WithDigest(rct::InputOf(data, size));
  if (absl::StartsWith(bytes, "\x89rcteuc\n")) {
    rct::Try<rct::EuclideanIndex>(bytes);
  } else {
    rct::Try<rct::ResidualIndex>(bytes);
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned int seed) {
  return rct::MutateArchive(data, size, max_size, seed);
}
