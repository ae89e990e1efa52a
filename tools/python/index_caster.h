// How pybind11 reads an argument of type rct.ResidualIndex. Every file that
// binds functions of an index includes this header.

#ifndef RCT_TOOLS_PYTHON_INDEX_CASTER_H_
#define RCT_TOOLS_PYTHON_INDEX_CASTER_H_

#include <pybind11/pybind11.h>

#include "index/residual_index.h"

// Refuses an index that was made by __new__ alone: it has no value, and
// pybind11 would give methods uninitialized memory.
template <>
class pybind11::detail::type_caster<rct::ResidualIndex>
    : public type_caster_base<rct::ResidualIndex> {
 public:
  bool load(handle source, bool convert) {
    if (isinstance<rct::ResidualIndex>(source) &&
        !reinterpret_cast<instance*>(source.ptr())
             ->get_value_and_holder()
             .holder_constructed()) {
      throw type_error("ResidualIndex: has no points; call its __init__()");
    }
    return type_caster_base<rct::ResidualIndex>::load(source, convert);
  }
};

#endif  // RCT_TOOLS_PYTHON_INDEX_CASTER_H_
