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
#include "traversal/traversal.pb.h"

namespace rct {

// Add the calls to a class.
void BindSharedCalls(pybind11::class_<ResidualIndex>& index);
void BindSharedCalls(pybind11::class_<EuclideanIndex>& index);

// Returns the strategy of a name, or throws ValueError.
Strategy StrategyNamed(const std::string& name);

// Returns the lengthscale of each of `dim` coordinates, of which none, one or
// all are given.
pybind11::array_t<double> LengthscaleArray(
    const google::protobuf::RepeatedField<double>& given, int64_t dim);

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_SHARED_CALLS_H_
