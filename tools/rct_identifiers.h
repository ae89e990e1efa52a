// Answers with the identifiers of points in place of row numbers.
//
//     city,neighbor_1,neighbor_2
//     Suva,Nadi,Apia
//
// The first column says whose neighbors a row holds. A neighbor that is not
// there is an empty field. Of all neighbors within a radius, each is a row:
//
//     city,neighbor
//     Suva,Nadi
//     Suva,Apia

#ifndef RCT_TOOLS_RCT_IDENTIFIERS_H_
#define RCT_TOOLS_RCT_IDENTIFIERS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/matrix.h"

namespace rct {

struct Identifiers {
  std::string name;                  // of their column; "" where there are none
  std::vector<std::string> points;   // by row
  std::vector<std::string> queries;  // by query
};

// Return the text of a table of q x k row numbers, -1 where there is none, or
// of distances. `column` is the name of the columns, to which a number is
// added, and `separator` a comma or a tab.
std::string SerializeWithIds(const Identifiers& ids, std::string_view column,
                             MatrixView<const int64_t> rows, char separator);
std::string SerializeWithIds(const Identifiers& ids, std::string_view column,
                             MatrixView<const double> distances,
                             char separator);

// Return the text of lists that begin at `offsets`, one for each query and one
// more: of row numbers, or of distances.
std::string SerializeWithIds(const Identifiers& ids, std::string_view column,
                             const std::vector<int64_t>& offsets,
                             const std::vector<int64_t>& rows, char separator);
std::string SerializeWithIds(const Identifiers& ids, std::string_view column,
                             const std::vector<int64_t>& offsets,
                             const std::vector<double>& distances,
                             char separator);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_IDENTIFIERS_H_
