#include "traversal/block/compact_table.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <set>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "metric/isa.h"
#include "traversal/block/filter_routines.h"

namespace rct {
namespace {

const FilterRoutines& Filter() { return *FilterRoutinesFor(Isa::kScalar); }

// Normal numbers times `scale`.
std::vector<float> Numbers(int64_t size, double scale, uint64_t seed) {
  RandomStream random(seed, /*stream=*/0);
  std::vector<float> c(size);
  for (float& x : c) x = static_cast<float>(scale * random.Normal());
  return c;
}

double Norm(const std::vector<float>& c) {
  double squared = 0;
  for (const float x : c) squared += double{x} * x;
  return std::sqrt(squared);
}

double Off(const std::vector<float>& c, const float* kept) {
  double squared = 0;
  for (size_t i = 0; i < c.size(); ++i) {
    const double off = double{c[i]} - double{kept[i]};
    squared += off * off;
  }
  return std::sqrt(squared);
}

// The sum of `rank` products of vectors of normal numbers, times `scale`.
std::vector<float> Products(CompactTable::Shape shape, int rank, double scale,
                            uint64_t seed) {
  std::vector<float> c(shape.size(), 0.0f);
  for (int k = 0; k < rank; ++k) {
    const std::vector<float> u = Numbers(shape.rows, scale, seed + 2 * k);
    const std::vector<float> w = Numbers(shape.columns, 1, seed + 2 * k + 1);
    for (int64_t i = 0; i < shape.rows; ++i) {
      for (int64_t j = 0; j < shape.columns; ++j) {
        c[i * shape.columns + j] += u[i] * w[j];
      }
    }
  }
  return c;
}

CompactTable Compact(double most, const std::vector<float>& c,
                     CompactTable::Shape shape, std::vector<uint8_t>& storage) {
  return CompactTable::Within(Filter(), most, c.data(), shape,
                              static_cast<float>(Norm(c) * (1 + 1e-6)),
                              storage);
}

TEST(CompactTableTest, IsOffByNoMoreThanItSays) {
  std::set<int> forms;
  for (const double scale : {1e-30, 1e-6, 1e-4, 1e-3, 1e-2, 1.0, 1e3}) {
    for (const CompactTable::Shape shape :
         {CompactTable::Shape{1, 1}, {3, 5}, {16, 16}, {17, 40}, {40, 33}}) {
      for (const int rank : {0, 1, 3}) {
        const std::vector<float> c =
            rank == 0 ? Numbers(shape.size(), scale, shape.size())
                      : Products(shape, rank, scale, shape.size());
        for (const double most : {0.0, 0x1p-9, 0x1p-6}) {
          std::vector<uint8_t> storage;
          const CompactTable table = Compact(most, c, shape, storage);
          EXPECT_EQ(std::ssize(storage),
                    CompactTable::Bytes(shape, table.form, table.rank));
          std::vector<float> room(shape.size() + CompactTable::kPadding);
          const float* kept = table.Expand(Filter(), shape, room.data());
          EXPECT_LE(Off(c, kept), table.error);
          if (table.form != sizeof(int16_t)) {
            EXPECT_LE(table.error, most);
          }
          forms.insert(table.form);
        }
      }
    }
  }
  EXPECT_EQ(forms, (std::set<int>{0, 1, 2, CompactTable::kProducts}));
}

// The error is that of C', neither more nor less.
TEST(CompactTableTest, TheErrorIsComputed) {
  const CompactTable::Shape shape = {20, 20};
  const std::vector<float> c = Numbers(400, 0.01, 1);
  std::vector<uint8_t> storage;
  const CompactTable table = Compact(0x1p-6, c, shape, storage);
  EXPECT_EQ(table.form, 1);
  std::vector<float> room(400 + CompactTable::kPadding);
  EXPECT_NEAR(table.error, Off(c, table.Expand(Filter(), shape, room.data())),
              1e-5 * table.error);
}

TEST(CompactTableTest, TakesFewBitsWhereTheyAreEnough) {
  const CompactTable::Shape shape = {40, 40};
  std::vector<uint8_t> storage;
  const auto form = [&](const std::vector<float>& c) {
    return static_cast<int>(Compact(0x1p-6, c, shape, storage).form);
  };
  EXPECT_EQ(form(Numbers(1600, 1e-4, 1)), 0);
  EXPECT_EQ(form(Numbers(1600, 1e-2, 1)), 1);
  EXPECT_EQ(form(Numbers(1600, 1, 1)), 2);
  EXPECT_EQ(form(Products(shape, 2, 2e-3, 1)), CompactTable::kProducts);
  EXPECT_LT(storage.size(), 1600 / 2);
}

TEST(CompactTableTest, WholeTablesAreThemselves) {
  const CompactTable::Shape shape = {7, 11};
  const std::vector<float> c = Numbers(77, 1, 3);
  std::vector<uint8_t> storage;
  const CompactTable table = CompactTable::Whole(c.data(), shape, storage);
  EXPECT_EQ(table.error, 0);
  EXPECT_EQ(Off(c, table.Expand(Filter(), shape, nullptr)), 0);
}

TEST(CompactTableTest, EveryInstructionSetHasTheSameBits) {
  const CompactTable::Shape shape = {37, 41};
  for (const std::vector<float>& c :
       {Numbers(shape.size(), 1e-2, 1), Numbers(shape.size(), 1, 1),
        Products(shape, 3, 2e-3, 1)}) {
    std::vector<uint8_t> storage;
    const CompactTable table = Compact(0x1p-6, c, shape, storage);
    std::vector<float> plain(shape.size() + CompactTable::kPadding);
    table.Expand(Filter(), shape, plain.data());
    for (const Isa isa : AvailableIsas()) {
      const FilterRoutines* filter = FilterRoutinesFor(isa);
      if (filter == nullptr) continue;
      std::vector<uint8_t> same;
      const CompactTable made =
          CompactTable::Within(*filter, 0x1p-6, c.data(), shape,
                               static_cast<float>(Norm(c) * (1 + 1e-6)), same);
      EXPECT_EQ(same, storage) << IsaName(isa);
      EXPECT_EQ(made.form, table.form);
      EXPECT_EQ(made.error, table.error);
      std::vector<float> room(shape.size() + CompactTable::kPadding);
      table.Expand(*filter, shape, room.data());
      EXPECT_TRUE(
          std::equal(room.begin(), room.begin() + shape.size(), plain.begin()))
          << IsaName(isa);
    }
  }
}

// Numbers that are none, or too far apart, end in some form, and in an error
// that lets nothing be dismissed or is true.
TEST(CompactTableTest, AnyNumbersAreKept) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const CompactTable::Shape shape = {16, 24};
  for (const float odd :
       {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN(), 1e-45f,
        1e-38f, 3e38f}) {
    for (const int64_t at : {int64_t{0}, int64_t{100}, shape.size() - 1}) {
      std::vector<float> c(shape.size(), 0.0f);
      c[at] = odd;
      c[(at + 7) % shape.size()] = 1e-3f;
      std::vector<uint8_t> storage;
      const CompactTable table = CompactTable::Within(
          Filter(), 0x1p-6, c.data(), shape, /*norm=*/0.25f, storage);
      std::vector<float> room(shape.size() + CompactTable::kPadding);
      const double off = Off(c, table.Expand(Filter(), shape, room.data()));
      EXPECT_TRUE(!(off > table.error)) << odd << " " << at;
    }
  }
}

TEST(CompactTableTest, ZerosAreZeros) {
  const CompactTable::Shape shape = {8, 5};
  const std::vector<float> c(40, 0.0f);
  std::vector<uint8_t> storage;
  const CompactTable table =
      CompactTable::Within(Filter(), /*most=*/-1, c.data(), shape, 0, storage);
  std::vector<float> room(40 + CompactTable::kPadding);
  EXPECT_EQ(Off(c, table.Expand(Filter(), shape, room.data())), 0);
  EXPECT_EQ(table.error, 0);
}

}  // namespace
}  // namespace rct
