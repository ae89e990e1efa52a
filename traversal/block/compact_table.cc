#include "traversal/block/compact_table.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <vector>

#include "metric/rounding.h"
#include "traversal/block/filter_routines.h"

namespace rct {
namespace {

constexpr int64_t kLine = 64;

// Products are tried where they take less than integers of 8 bits by this
// factor, and where C is small: others have too many.
constexpr int64_t kLess = 2;
constexpr double kLargestOfProducts = 0.5;

int64_t Lines(int64_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

// The steps come first, and then u_k and w_k for each k.
void ExpandProducts(const FilterRoutines& filter, const CompactTable& table,
                    CompactTable::Shape shape, float* c) {
  std::fill_n(c, shape.size() + CompactTable::kPadding, 0.0f);
  const auto* steps = reinterpret_cast<const float*>(table.bytes);
  const auto* u = reinterpret_cast<const int8_t*>(
      table.bytes + Lines(table.rank * static_cast<int64_t>(sizeof(float))));
  for (int k = 0; k < table.rank; ++k, u += shape.rows + shape.columns) {
    filter.add_product(u, shape.rows, u + shape.rows, shape.columns, steps[k],
                       c);
  }
}

// Completes a table whose bytes are in `storage`.
CompactTable Complete(const FilterRoutines& filter, CompactTable table,
                      const float* c, CompactTable::Shape shape,
                      std::vector<uint8_t>& storage) {
  table.bytes = storage.data();
  std::vector<float> room(shape.size() + CompactTable::kPadding);
  const float* kept = table.Expand(filter, shape, room.data());
  double squared = 0;
  for (int64_t i = 0; i < shape.size(); ++i) {
    const double off = double{c[i]} - double{kept[i]};
    squared += off * off;
  }
  table.error = FloatAbove(std::sqrt(squared) * (1 + 0x1p-20));
  return table;
}

float Largest(const float* c, int64_t size) {
  float largest = 0;
  for (int64_t i = 0; i < size; ++i) {
    largest = std::max(largest, std::abs(c[i]));
  }
  return largest;
}

// Returns a step of which no number is more than `largest`, and not so small
// that products with it lose bits.
template <class Integer>
float StepFor(float largest) {
  return FloatAbove(
      std::max(0x1p-60, double{largest} / std::numeric_limits<Integer>::max()));
}

template <class Integer>
CompactTable CompactAs(const FilterRoutines& filter, const float* c,
                       CompactTable::Shape shape,
                       std::vector<uint8_t>& storage) {
  CompactTable table;
  table.form = sizeof(Integer);
  table.step = StepFor<Integer>(Largest(c, shape.size()));
  storage.assign(CompactTable::Bytes(shape, table.form, 0), 0);
  for (int64_t i = 0; i < shape.size(); ++i) {
    const auto code = static_cast<Integer>(std::lround(c[i] / table.step));
    std::memcpy(storage.data() + i * sizeof(Integer), &code, sizeof(Integer));
  }
  return Complete(filter, table, c, shape, storage);
}

// Rounds to multiples of a step, which is returned: for numbers of up to 8
// bits.
float RoundToBytes(const std::vector<double>& numbers,
                   std::vector<int8_t>& codes) {
  double largest = 0;
  for (const double x : numbers) largest = std::max(largest, std::abs(x));
  const float step = StepFor<int8_t>(FloatAbove(largest));
  for (const double x : numbers) {
    codes.push_back(static_cast<int8_t>(std::lround(x / double{step})));
  }
  return step;
}

// A cross approximation of at most `most_products` products, each of which
// takes in what rounding left of those before it.
CompactTable CompactAsProducts(const FilterRoutines& filter, double most,
                               int64_t most_products, const float* c,
                               CompactTable::Shape shape,
                               std::vector<uint8_t>& storage) {
  const int64_t rows = shape.rows;
  const int64_t columns = shape.columns;
  std::vector<float> steps;
  std::vector<int8_t> codes;
  std::vector<char> used(rows);
  std::vector<double> row(columns);
  std::vector<double> column(rows);
  const auto by_size = [](auto a, auto b) { return std::abs(a) < std::abs(b); };
  int64_t i = (std::max_element(c, c + shape.size(), by_size) - c) / columns;
  while (std::ssize(steps) < most_products) {
    used[i] = 1;
    const auto take_in = [&](auto use) {
      const int8_t* u = codes.data();
      for (const float step : steps) {
        use(double{step}, u, u + rows);
        u += rows + columns;
      }
    };
    for (int64_t j = 0; j < columns; ++j) row[j] = double{c[i * columns + j]};
    take_in([&](double step, const int8_t* u, const int8_t* w) {
      for (int64_t j = 0; j < columns; ++j) row[j] -= step * u[i] * w[j];
    });
    const int64_t j =
        std::max_element(row.begin(), row.end(), by_size) - row.begin();
    const double pivot = row[j];
    if (pivot == 0) break;
    for (int64_t l = 0; l < rows; ++l) column[l] = double{c[l * columns + j]};
    take_in([&](double step, const int8_t* u, const int8_t* w) {
      for (int64_t l = 0; l < rows; ++l) column[l] -= step * u[l] * w[j];
    });
    double squared = 0;
    double squared_row = 0;
    for (double& x : column) {
      x /= pivot;
      squared += x * x;
    }
    for (const double x : row) squared_row += x * x;
    const float step = RoundToBytes(column, codes);
    steps.push_back(step * RoundToBytes(row, codes));
    if (std::sqrt(squared * squared_row) <= most / 3) break;
    // The next row is one of which much is left.
    int64_t next = -1;
    for (int64_t l = 0; l < rows; ++l) {
      if (!used[l] &&
          (next < 0 || std::abs(column[l]) > std::abs(column[next]))) {
        next = l;
      }
    }
    if (next < 0) break;
    i = next;
  }
  CompactTable table;
  table.form = CompactTable::kProducts;
  table.rank = static_cast<uint8_t>(steps.size());
  storage.assign(CompactTable::Bytes(shape, table.form, table.rank), 0);
  if (!steps.empty()) {
    std::memcpy(storage.data(), steps.data(), steps.size() * sizeof(float));
    std::memcpy(storage.data() + Lines(steps.size() * sizeof(float)),
                codes.data(), codes.size());
  }
  return Complete(filter, table, c, shape, storage);
}

}  // namespace

int64_t CompactTable::Bytes(Shape shape, int form, int rank) {
  return form == kProducts ? Lines(rank * static_cast<int64_t>(sizeof(float))) +
                                 Lines(rank * (shape.rows + shape.columns))
                           : Lines(shape.size() * form);
}

CompactTable CompactTable::Whole(const float* c, Shape shape,
                                 std::vector<uint8_t>& storage) {
  storage.assign(Bytes(shape, sizeof(float), 0), 0);
  std::memcpy(storage.data(), c, shape.size() * sizeof(float));
  return {.bytes = storage.data(), .form = sizeof(float)};
}

CompactTable CompactTable::Within(const FilterRoutines& filter, double most,
                                  const float* c, Shape shape, float norm,
                                  std::vector<uint8_t>& storage) {
  if (double{norm} <= most) {
    storage.clear();
    return {.form = 0, .error = norm};
  }
  const int64_t products = std::min<int64_t>(
      255, shape.size() / (kLess * (shape.rows + shape.columns)));
  CompactTable table;
  if (double{norm} <= kLargestOfProducts && products > 0) {
    table = CompactAsProducts(filter, most, products, c, shape, storage);
    if (double{table.error} <= most) return table;
  }
  table = CompactAs<int8_t>(filter, c, shape, storage);
  if (double{table.error} <= most) return table;
  return CompactAs<int16_t>(filter, c, shape, storage);
}

const float* CompactTable::Expand(const FilterRoutines& filter, Shape shape,
                                  float* room) const {
  switch (form) {
    case 0:
      std::fill_n(room, shape.size(), 0.0f);
      return room;
    case sizeof(int8_t):
      filter.expand_bytes(reinterpret_cast<const int8_t*>(bytes), step,
                          shape.size(), room);
      return room;
    case sizeof(int16_t):
      filter.expand_words(reinterpret_cast<const int16_t*>(bytes), step,
                          shape.size(), room);
      return room;
    case kProducts:
      ExpandProducts(filter, *this, shape, room);
      return room;
    default:
      return reinterpret_cast<const float*>(bytes);
  }
}

}  // namespace rct
