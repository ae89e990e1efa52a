// The calls that indexes of all metrics share: searches, append, and what an
// index is. Each is one template over the class of the index.
//
// Answers are views of the library's own tables, which live as long as the
// arrays.

#ifndef RCT_TOOLS_PYTHON_SHARED_CALLS_H_
#define RCT_TOOLS_PYTHON_SHARED_CALLS_H_

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>

#include "google/protobuf/repeated_field.h"
#include "index/euclidean_index.h"
#include "index/residual_index.h"
#include "tools/python/index_caster.h"
#include "traversal/traversal.pb.h"

namespace rct {

// Add the calls to a class.
void BindSharedCalls(IndexClass<ResidualIndex>& index);
void BindSharedCalls(IndexClass<EuclideanIndex>& index);

// Returns the strategy of a name, or throws ValueError; and the other way
// round.
Strategy StrategyNamed(const pybind11::object& name);
std::string StrategyName(Strategy strategy);

// Returns the lengthscale of each of `dim` coordinates, of which none, one or
// all are given.
pybind11::array_t<double> LengthscaleArray(
    const google::protobuf::RepeatedField<double>& given, int64_t dim);

// The documentation of __repr__() of all indexes, and its parts: a number, and
// lengthscales, as one where they are equal and without most where they are
// many.
inline constexpr char kReprDoc[] = R"(What the index is of.)";
std::string NumberText(double number);
std::string LengthscaleText(const pybind11::array_t<double>& lengthscale);

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_SHARED_CALLS_H_
