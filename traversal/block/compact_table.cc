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

// Products end when what is left is within this part of what may be off: the
// rest is for the rounding of their sum.
constexpr double kEnough = 0.999;

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

// Returns a bound on |C - C'|_F, or on |C|_F where `kept` is null. `largest` is
// that of C. Differences are scaled so that it is near 1: squares that
// underflow then hide less than 2^-60 each, and a chain of size / 16 fused
// multiply-adds is off by as many roundings.
float ErrorOf(const FilterRoutines& filter, const float* c, const float* kept,
              int64_t size, float largest) {
  if (largest == 0) return 0;
  if (!std::isfinite(largest)) return largest;
  const double unit =
      std::max(0x1p-100, std::ldexp(1.0, std::ilogb(largest) + 1));
  const auto numbers = static_cast<double>(size);
  const double squared = double{
      filter.squared_difference(c, kept, static_cast<float>(1 / unit), size)};
  const double roundings = (numbers / kPanel + 2 * kPanel) * 0x1p-24;
  return FloatAbove(unit *
                    (std::sqrt(squared) * (1 + roundings) + numbers * 0x1p-60));
}

// Completes a table whose bytes are in `storage`. `room` is for C'.
CompactTable Complete(const FilterRoutines& filter, CompactTable table,
                      const float* c, float largest, CompactTable::Shape shape,
                      std::vector<float>& room,
                      const std::vector<uint8_t>& storage) {
  table.bytes = storage.data();
  table.error = ErrorOf(filter, c, table.Expand(filter, shape, room.data()),
                        shape.size(), largest);
  return table;
}

// Returns a step of which no number is more than `largest`, and not so small
// that products with it lose bits.
template <class Integer>
float StepFor(float largest) {
  return FloatAbove(
      std::max(0x1p-60, double{largest} / std::numeric_limits<Integer>::max()));
}

void RoundTo(const FilterRoutines& filter, const float* from, float step,
             int64_t count, int8_t* to) {
  filter.round_bytes(from, 1 / step, count, to);
}
void RoundTo(const FilterRoutines& filter, const float* from, float step,
             int64_t count, int16_t* to) {
  filter.round_words(from, 1 / step, count, to);
}

template <class Integer>
CompactTable CompactAs(const FilterRoutines& filter, const float* c,
                       float largest, CompactTable::Shape shape,
                       std::vector<float>& room,
                       std::vector<uint8_t>& storage) {
  CompactTable table;
  table.form = sizeof(Integer);
  table.step = StepFor<Integer>(largest);
  storage.assign(CompactTable::Bytes(shape, table.form, 0), 0);
  RoundTo(filter, c, table.step, shape.size(),
          reinterpret_cast<Integer*>(storage.data()));
  return Complete(filter, table, c, largest, shape, room, storage);
}

// A cross approximation of at most `most_products` products, each of which
// takes in what rounding left of those before it. `room` holds what is left.
CompactTable CompactAsProducts(const FilterRoutines& filter, double most,
                               int64_t most_products, const float* c,
                               float largest, CompactTable::Shape shape,
                               std::vector<float>& room,
                               std::vector<uint8_t>& storage) {
  const int64_t rows = shape.rows;
  const int64_t columns = shape.columns;
  std::vector<float> steps;
  std::vector<int8_t> codes;
  std::vector<char> used(rows);
  std::vector<float> column(rows);
  std::copy_n(c, shape.size(), room.data());
  const auto by_size = [](float a, float b) {
    return std::abs(a) < std::abs(b);
  };
  // The first row has the largest number of all.
  int64_t i = 0;
  while (i + 1 < rows && filter.largest(c + i * columns, columns) < largest) {
    ++i;
  }
  while (std::ssize(steps) < most_products) {
    used[i] = 1;
    const float* row = room.data() + i * columns;
    const int64_t j = std::max_element(row, row + columns, by_size) - row;
    const float pivot = row[j];
    if (pivot == 0) break;
    for (int64_t l = 0; l < rows; ++l) {
      column[l] = room[l * columns + j] / pivot;
    }
    codes.resize(codes.size() + rows + columns);
    int8_t* u = codes.data() + codes.size() - rows - columns;
    const float u_step = StepFor<int8_t>(filter.largest(column.data(), rows));
    const float w_step = StepFor<int8_t>(std::abs(pivot));
    RoundTo(filter, column.data(), u_step, rows, u);
    RoundTo(filter, row, w_step, columns, u + rows);
    steps.push_back(u_step * w_step);
    filter.add_product(u, rows, u + rows, columns, -steps.back(), room.data());
    const float left =
        ErrorOf(filter, room.data(), nullptr, shape.size(), largest);
    if (double{left} <= kEnough * most) break;
    // The next row is one of which much was left.
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
  return Complete(filter, table, c, largest, shape, room, storage);
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
  const float largest = filter.largest(c, shape.size());
  std::vector<float> room(shape.size() + kPadding);
  CompactTable table;
  if (double{norm} <= kLargestOfProducts && products > 0) {
    table = CompactAsProducts(filter, most, products, c, largest, shape, room,
                              storage);
    if (double{table.error} <= most) return table;
  }
  table = CompactAs<int8_t>(filter, c, largest, shape, room, storage);
  if (double{table.error} <= most) return table;
  return CompactAs<int16_t>(filter, c, largest, shape, room, storage);
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
