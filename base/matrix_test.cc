#include "base/matrix.h"

#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

static_assert(
    std::is_convertible_v<MatrixView<double>, MatrixView<const double>>);
static_assert(
    !std::is_convertible_v<MatrixView<const double>, MatrixView<double>>);
static_assert(
    !std::is_convertible_v<MatrixView<float>, MatrixView<const double>>);
static_assert(!std::is_copy_constructible_v<Matrix<double>>);
static_assert(std::is_nothrow_move_constructible_v<Matrix<double>>);

template <class T>
std::vector<std::remove_const_t<T>> Elements(MatrixView<T> view) {
  std::vector<std::remove_const_t<T>> elements;
  for (int64_t i = 0; i < view.rows; ++i) {
    for (int64_t j = 0; j < view.cols; ++j) elements.push_back(view(i, j));
  }
  return elements;
}

TEST(MatrixViewTest, IsRowMajor) {
  int data[] = {1, 2, 3, 4, 5, 6};
  const MatrixView<int> view(data, 2, 3);
  EXPECT_EQ(view.stride, 3);
  EXPECT_THAT(Elements(view), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(view.row(1), data + 3);
  view(1, 2) = 60;
  EXPECT_EQ(data[5], 60);
}

TEST(MatrixViewTest, SkipsPadding) {
  const int data[] = {1, 2, -1, 3, 4, -1};
  EXPECT_THAT(Elements(MatrixView<const int>(data, 2, 2, 3)),
              ElementsAre(1, 2, 3, 4));
}

TEST(MatrixViewTest, ConvertsToConst) {
  int data[] = {1, -1, 2, -1};
  const MatrixView<const int> view = MatrixView<int>(data, 2, 1, 2);
  EXPECT_EQ(view.data, data);
  EXPECT_THAT(Elements(view), ElementsAre(1, 2));
}

TEST(MatrixTest, EmptyShapes) {
  EXPECT_EQ(Matrix<double>().rows(), 0);
  EXPECT_EQ(Matrix<double>(0, 3).cols(), 3);
  EXPECT_EQ(Matrix<double>(3, 0).rows(), 3);
  EXPECT_EQ(Matrix<double>(3, 0).Clone().rows(), 3);
  EXPECT_EQ(Matrix<double>::Zeros(0, 0).view().data, nullptr);
}

TEST(MatrixTest, ZerosWithPadding) {
  Matrix<double> matrix = Matrix<double>::Zeros(3, 2, 8);
  EXPECT_EQ(matrix.stride(), 8);
  EXPECT_THAT(Elements(matrix.view()), ElementsAre(0, 0, 0, 0, 0, 0));
  EXPECT_EQ(matrix.row(2)[7], 0);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(matrix.row(1)) % 64, 0u);
}

TEST(MatrixTest, CloneIsSeparate) {
  Matrix<int> matrix = Matrix<int>::Zeros(2, 2, 3);
  matrix(1, 0) = 5;
  Matrix<int> clone = matrix.Clone();
  matrix(1, 0) = 6;
  const Matrix<int>& read = clone;
  EXPECT_EQ(read(1, 0), 5);
  EXPECT_EQ(read.stride(), 3);
  EXPECT_THAT(Elements(read.view()), ElementsAre(0, 0, 5, 0));
}

TEST(MatrixTest, ACopyHasNoPadding) {
  Matrix<int> matrix = Matrix<int>::Zeros(2, 2, 3);
  matrix(1, 0) = 5;
  const Matrix<int> copy = Matrix<int>::Copy(matrix.view());
  matrix(1, 0) = 6;
  EXPECT_EQ(copy.stride(), 2);
  EXPECT_THAT(Elements(copy.view()), ElementsAre(0, 0, 5, 0));
}

TEST(MatrixTest, SharedElementsAreTheSame) {
  Matrix<int> shared;
  {
    Matrix<int> matrix = Matrix<int>::Zeros(2, 2, 3);
    matrix(1, 0) = 5;
    shared = matrix.Share();
    EXPECT_EQ(shared.data(), matrix.data());
  }
  EXPECT_EQ(shared.stride(), 3);
  EXPECT_THAT(Elements(std::as_const(shared).view()), ElementsAre(0, 0, 5, 0));
}

TEST(MatrixTest, OfElementsInABuffer) {
  AlignedBuffer<int> buffer(6);
  for (int i = 0; i < 6; ++i) buffer[i] = i;
  const int* const data = buffer.data();
  const Matrix<int> matrix(std::move(buffer), 2, 2, 3);
  EXPECT_EQ(matrix.data(), data);
  EXPECT_THAT(Elements(matrix.view()), ElementsAre(0, 1, 3, 4));
  EXPECT_DEATH(Matrix<int>(AlignedBuffer<int>(5), 2, 2, 3), "check failed");
}

TEST(MatrixTest, MovesLeaveEmpty) {
  Matrix<int> first = Matrix<int>::Zeros(2, 3);
  const int* const data = first.data();
  Matrix<int> second(std::move(first));
  EXPECT_EQ(second.data(), data);
  EXPECT_EQ(first.rows(), 0);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(first.data(), nullptr);

  Matrix<int> third(1, 1);
  third = std::move(second);
  EXPECT_THAT(Elements(third.view()), ElementsAreArray(std::vector<int>(6)));
  EXPECT_EQ(second.cols(), 0);  // NOLINT(bugprone-use-after-move)
}

TEST(MatrixDeathTest, ShapesAreChecked) {
  EXPECT_DEATH(Matrix<int>(-1, 2), "check failed: rows >= 0");
  EXPECT_DEATH(Matrix<int>(2, 3, 2), "stride >= cols");
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  EXPECT_DEATH(Matrix<int>(kMax / 2, 3), "check failed");
}

}  // namespace
}  // namespace rct
