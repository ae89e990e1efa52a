// Boxes of points as the far-field bound of pairs sees them: nodes, weights and
// interpolation errors, from which U_AB follows (far_field_bound.h).
//
// The points of a box may come in pieces. err, abar and bbar are maxima over
// points, and so the largest of what each piece has holds for all of them; the
// nodes, and with them the weights psi, are those of the box, which is known
// before the first piece. Boxes of any number of points are therefore made in
// the memory of one piece, and V need not be there as a whole.
//
// Cost of a piece of n points: about twice the arithmetic of its V; of a pair
// of boxes: p^(2d) m. Memory: (12 + 8 p^d) m bytes for each box.

#ifndef RCT_TRAVERSAL_BLOCK_FAR_FIELD_BOXES_H_
#define RCT_TRAVERSAL_BLOCK_FAR_FIELD_BOXES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/matrix.h"
#include "metric/kernel.h"
#include "metric/point_lanes.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/simd_routines.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/far_field_expansions.h"
#include "traversal/block/far_field_routines.h"
#include "traversal/block/inducing_bounds.h"

namespace rct {

// Calls for different boxes, and for different pairs, may run at once.
class FarFieldBoxes {
 public:
  // The scratch space of one thread, for pieces of up to `piece` points.
  struct Worker {
    Worker(const FarFieldBoxes& boxes, int64_t piece);

    int64_t piece;
    int64_t padded;
    int64_t grid_stride;
    PointLanes lanes;
    AlignedBuffer<double> k;
    AlignedBuffer<double> alpha;
    AlignedBuffer<double> psi;
    AlignedBuffer<double> k_nodes;
    std::vector<double> maxima;
    AlignedBuffer<double> squares;
    AlignedBuffer<double> values;
    AlignedBuffer<double> dots;
    AlignedBuffer<double> scratch;
    std::vector<const double*> v_rows;
    std::vector<const double*> a_rows;
    std::vector<const double*> b_rows;
  };

  // Returns the grid of nodes that suits a kernel; SideFor() of it must not be
  // 0.
  static ChebyshevGrid GridOf(const Kernel& kernel);

  // Makes room for boxes. `factor` has a valid rounding model.
  FarFieldBoxes(std::shared_ptr<const InducingFactor> factor,
                const SimdRoutines& simd, const FarFieldScale& scale,
                int64_t num_boxes);

  int64_t size() const { return num_boxes_; }
  const ChebyshevGrid& grid() const { return grid_; }
  const FarFieldSlack& slack() const { return slack_; }
  // Returns the largest |alpha| of the points of box b and of its nodes.
  double weight_length(int b) const { return lengths_[b]; }
  int64_t bytes() const;

  // Makes box b that of the points `rows`, at least one, of `points`.
  void MakeBox(int b, MatrixView<const double> points,
               absl::Span<const int32_t> rows);
  // Adds a piece of the points of box b, which is made: points `rows`, at least
  // one, of `points`, with their factors.
  void AddPoints(int b, const ResidualPoints& points,
                 absl::Span<const int32_t> rows, Worker& worker);

  // Returns what is known of box b, all of whose points were added.
  std::string PackBox(int b) const;
  // Makes box b the one that PackBox has returned, for the same factor.
  void AddBox(int b, std::string_view bytes);

  // Writes the coordinates of `point` in the cube of box b.
  void CubeCoordinates(int b, const double* point, double* x) const;
  // Return the distances between two boxes and between their centers, in
  // lengthscales.
  double Distance(int a, int b) const;
  double CenterDistance(int a, int b) const;

  // Returns U_AB in units of covariances times unit^-2, rounded up, and keeps
  // the coefficients of the pair in `expansions`. All points are added.
  float BoundPair(int a, int b, double unit, FarFieldExpansions& expansions,
                  Worker& worker) const;

  // Frees the memory of all that only the bounds of pairs need: nodes, weights
  // and errors. Coordinates and distances stay.
  void DropNodes();

 private:
  // Calls use(array, count) for the numbers of box b in each array.
  template <class Self, class Use>
  static void EachArray(Self& self, int b, Use use);

  // The steps of AddPoints: K(Z, X), K(Z, nodes) and the v of the points; err;
  // then v and alpha of the nodes, alpha of the points, abar and bbar.
  void LoadColumns(int b, const ResidualPoints& points,
                   absl::Span<const int32_t> rows, Worker& worker) const;
  void BoundErrors(int b, const ResidualPoints& points,
                   absl::Span<const int32_t> rows, Worker& worker);
  void BoundWeights(int b, int64_t padded_count, Worker& worker);
  // Returns what interpolation leaves of c between two boxes.
  double LeftBetween(int a, int b) const;

  std::shared_ptr<const InducingFactor> factor_;
  const SimdRoutines* simd_;
  const FarFieldRoutines* routines_;
  ChebyshevGrid grid_;
  FarFieldScale scale_;
  FarFieldSlack slack_;
  int64_t num_boxes_;
  int64_t stride_;  // m rounded up to whole vectors of float32
  std::vector<double> scale_of_coordinates_;
  std::vector<double> center_;  // dim each, as coordinates are
  std::vector<double> half_;    // dim each, in lengthscales
  std::vector<double> shift_;
  std::vector<double> lengths_;   // the largest |alpha| of points and nodes
  AlignedBuffer<float> weights_;  // abar of box b from b stride on
  AlignedBuffer<float> errors_;   // err, laid out as the weights
  AlignedBuffer<float> rests_;    // bbar, laid out as the weights
  Matrix<double> nodes_;          // coordinates, grid size rows a box
  Matrix<double> v_;              // of the nodes
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_FAR_FIELD_BOXES_H_
