#include "tools/python/state.h"

#include <pybind11/pybind11.h>

#include <cstddef>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/monitor.h"
#include "index/euclidean_index.h"
#include "index/residual_index.h"
#include "tools/python/binding.h"
#include "tools/python/calls.h"
#include "tools/python/errors.h"
#include "tools/python/index_caster.h"
#include "tools/python/signature.h"

namespace rct {
namespace {

namespace py = pybind11;

constexpr char kGetStateDoc[] =
    R"(The index as bytes, and attributes of a subclass.)";

constexpr char kSetStateDoc[] =
    R"(Makes the index of what __getstate__() returned.)";

constexpr char kReduceDoc[] =
    R"(What pickle keeps: the index as save() writes it.)";

constexpr char kCopyDoc[] =
    R"(The index itself, which is immutable; of a subclass a new object.)";

// Returns the attributes that an object of a subclass has in its dictionary and
// its slots, or None where it has none.
py::object Attributes(const py::object& index) {
  py::dict attributes;
  if (py::hasattr(index, "__dict__")) {
    attributes.attr("update")(index.attr("__dict__"));
  }
  const py::object slots =
      py::module_::import("copyreg").attr("_slotnames")(py::type::of(index));
  for (const py::handle slot : slots) {
    if (py::hasattr(index, slot)) attributes[slot] = index.attr(slot);
  }
  return attributes.empty() ? py::object(py::none()) : attributes;
}

void SetAttributes(const py::object& index, const py::object& attributes) {
  if (attributes.is_none()) return;
  const py::handle object(reinterpret_cast<PyObject*>(&PyBaseObject_Type));
  const py::object set = object.attr("__setattr__");
  for (const auto& [name, value] : py::dict(attributes)) {
    set(index, name, value);
  }
}

template <class Index>
py::tuple GetState(const py::object& self) {
  const auto& index = self.cast<const Index&>();
  const std::string bytes = Value(Unlocked(
      [&](Monitor* monitor) { return index.ToBytes(/*threads=*/0, monitor); }));
  const auto contents = py::reinterpret_steal<py::object>(
      PyBytes_FromStringAndSize(bytes.data(), std::ssize(bytes)));
  if (!contents) throw py::error_already_set();
  return py::make_tuple(contents, Attributes(self));
}

// Returns the index that the first part of a state is.
template <class Index>
std::shared_ptr<Index> Restored(const py::object& source) {
  if (py::isinstance<Index>(source)) {
    source.cast<const Index&>();  // throws where it has no points
    return source.cast<std::shared_ptr<Index>>();
  }
  const std::string_view bytes(
      PyBytes_AS_STRING(source.ptr()),
      static_cast<size_t>(PyBytes_GET_SIZE(source.ptr())));
  return std::make_shared<Index>(Value(Unlocked([&](Monitor* monitor) {
    return Index::FromBytes(bytes, /*threads=*/0, monitor);
  })));
}

// Makes the object what a state says.
template <class Index>
void SetState(py::detail::value_and_holder& place, const py::object& state) {
  const bool is_pair = py::isinstance<py::tuple>(state) && py::len(state) == 2;
  py::object source = py::none();
  py::object attributes = py::none();
  if (is_pair) {
    source = state[py::int_(0)];
    attributes = state[py::int_(1)];
  }
  const bool has_index =
      py::isinstance<py::bytes>(source) || py::isinstance<Index>(source);
  if (!has_index ||
      !(attributes.is_none() || py::isinstance<py::dict>(attributes))) {
    const std::string name = py::str(py::type::of<Index>().attr("__name__"));
    Raise(PyExc_TypeError,
          absl::StrCat(name,
                       ".__setstate__(): state is not what "
                       "__getstate__() returns, bytes and a dict or "
                       "None; the pickle is damaged or of another class"));
  }
  py::detail::initimpl::construct<IndexClass<Index>>(
      place, Restored<Index>(source), /*need_alias=*/false);
  SetAttributes(py::reinterpret_borrow<py::object>(
                    reinterpret_cast<PyObject*>(place.inst)),
                attributes);
}

py::tuple Reduce(const py::object& self) {
  const py::object make = py::module_::import("copyreg").attr("__newobj__");
  return py::make_tuple(make, py::make_tuple(py::type::of(self)),
                        self.attr("__getstate__")());
}

// Returns an object of the class of `self` with its index and the attributes
// that attributes_for(object) returns.
template <class Index, class AttributesFor>
py::object Sharing(const py::object& self, AttributesFor attributes_for) {
  self.cast<const Index&>();  // throws where it has no points
  const py::object type = py::type::of<Index>();
  if (py::type::of(self).is(type)) return self;
  const py::object copy = type.attr("__new__")(py::type::of(self));
  const py::object attributes = attributes_for(copy);
  type.attr("__setstate__")(copy, py::make_tuple(self, attributes));
  return copy;
}

template <class Index>
py::object Copy(const py::object& self) {
  return Sharing<Index>(self,
                        [&](const py::object&) { return Attributes(self); });
}

template <class Index>
py::object DeepCopy(const py::object& self, const py::object& memo) {
  return Sharing<Index>(self, [&](const py::object& copy) -> py::object {
    // Attributes may refer to the object.
    const py::object id = py::module_::import("builtins").attr("id")(self);
    memo[id] = copy;
    return py::module_::import("copy").attr("deepcopy")(Attributes(self), memo);
  });
}

template <class Index>
void BindAll(IndexClass<Index>& index) {
  using py::arg;
  Method(index, "__getstate__", &GetState<Index>, kGetStateDoc);
  const Signature signature("__setstate__", arg("state"));
  index.def(
      "__setstate__",
      [signature](py::detail::value_and_holder& place,
                  const py::args& positional, const py::kwargs& named) {
        SetState<Index>(place, signature.Bind(positional, named)[0]);
      },
      signature.OfMethod("__setstate__").Documented(kSetStateDoc).c_str(),
      py::detail::is_new_style_constructor());
  Method(index, "__reduce__", &Reduce, kReduceDoc);
  Method(index, "__copy__", &Copy<Index>, kCopyDoc);
  Method(index, "__deepcopy__", &DeepCopy<Index>, kCopyDoc, arg("memo"));
}

}  // namespace

void BindState(IndexClass<ResidualIndex>& index) { BindAll(index); }
void BindState(IndexClass<EuclideanIndex>& index) { BindAll(index); }

}  // namespace rct
