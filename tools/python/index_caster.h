// How pybind11 holds an index and reads an argument that is one. Every file
// that binds functions of an index includes this header.

#ifndef RCT_TOOLS_PYTHON_INDEX_CASTER_H_
#define RCT_TOOLS_PYTHON_INDEX_CASTER_H_

#include <pybind11/pybind11.h>

#include <memory>
#include <string>

#include "index/euclidean_index.h"
#include "index/residual_index.h"

namespace rct {

// The Python class of an index. Objects may share an index, which is immutable.
template <class Index>
using IndexClass = pybind11::class_<Index, std::shared_ptr<Index>>;

// Refuses an index that was made by __new__ alone: it has no value, and
// pybind11 would give methods uninitialized memory.
template <class Index>
class IndexCaster : public pybind11::detail::type_caster_base<Index> {
 public:
  bool load(pybind11::handle source, bool convert) {
    if (pybind11::isinstance<Index>(source) &&
        !reinterpret_cast<pybind11::detail::instance*>(source.ptr())
             ->get_value_and_holder()
             .holder_constructed()) {
      const std::string name =
          pybind11::str(pybind11::type::of<Index>().attr("__name__"));
      throw pybind11::type_error(name + ": has no points; call its __init__()");
    }
    return pybind11::detail::type_caster_base<Index>::load(source, convert);
  }
};

}  // namespace rct

template <>
class pybind11::detail::type_caster<rct::ResidualIndex>
    : public rct::IndexCaster<rct::ResidualIndex> {};
template <>
class pybind11::detail::type_caster<rct::EuclideanIndex>
    : public rct::IndexCaster<rct::EuclideanIndex> {};

#endif  // RCT_TOOLS_PYTHON_INDEX_CASTER_H_
