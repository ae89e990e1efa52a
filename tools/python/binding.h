// Gives functions of C++ to Python.
//
//     Method(index, "append", &Append, kAppendDoc, arg("points"),
//            pybind11::kw_only(), arg("threads") = 0);
//
// All public functions of the module are bound here, so that all of them say in
// one way what is wrong with a call, and have signatures (signature.h).
//
// A function takes its arguments as they are, each a const pybind11::object&;
// arguments.h converts them, and names the argument in its messages. The first
// parameter of a method or a property is the object, as a reference to its
// class or as pybind11::object.

#ifndef RCT_TOOLS_PYTHON_BINDING_H_
#define RCT_TOOLS_PYTHON_BINDING_H_

#include <pybind11/pybind11.h>

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tools/python/signature.h"

namespace rct {

namespace internal_binding {

// Throws TypeError, as Python does, unless `self` is an object of the class.
void CheckSelf(const std::string& name, pybind11::handle type,
               const pybind11::object& self);

// Throws at import, where a function and its signature do not fit.
void CheckSize(const Signature& signature, std::size_t size);

template <class T>
decltype(auto) As(const pybind11::object& value) {
  using Plain = std::remove_cv_t<std::remove_reference_t<T>>;
  if constexpr (std::is_same_v<Plain, pybind11::object>) {
    return (value);
  } else {
    return value.cast<const Plain&>();
  }
}

template <class Result, class... Parameters>
Result Call(Result (*function)(Parameters...),
            const std::vector<pybind11::object>& values) {
  return [&]<std::size_t... i>(std::index_sequence<i...>)->Result {
    return function(As<Parameters>(values[i])...);
  }
  (std::index_sequence_for<Parameters...>());
}

// Returns `function` as one that takes whatever it is given.
template <class Result, class... Parameters>
auto Bound(const Signature& signature, Result (*function)(Parameters...)) {
  CheckSize(signature, sizeof...(Parameters));
  return [signature, function](const pybind11::args& positional,
                               const pybind11::kwargs& named) -> Result {
    return Call(function, signature.Bind(positional, named));
  };
}

// Returns likewise a function of an object of a class. The class lives as long
// as its functions.
template <class Result, class... Parameters>
auto BoundMethod(const Signature& signature, pybind11::handle type,
                 Result (*function)(Parameters...)) {
  CheckSize(signature, sizeof...(Parameters));
  return [signature, type, function](const pybind11::args& positional,
                                     const pybind11::kwargs& named) -> Result {
    const std::vector<pybind11::object> values =
        signature.Bind(positional, named);
    CheckSelf(signature.name(), type, values[0]);
    return Call(function, values);
  };
}

}  // namespace internal_binding

// Adds a function to a module.
template <class Result, class... Arguments, class... Parameters>
void Function(pybind11::module_& module, const char* name,
              Result (*function)(Arguments...), const char* text,
              const Parameters&... parameters) {
  const Signature signature(name, parameters...);
  module.def(name, internal_binding::Bound(signature, function),
             signature.Documented(text).c_str());
}

// Adds a method to a class.
template <class Class, class... Options, class Result, class... Arguments,
          class... Parameters>
void Method(pybind11::class_<Class, Options...>& type, const char* name,
            Result (*function)(Arguments...), const char* text,
            const Parameters&... parameters) {
  const Signature signature(name, pybind11::arg("self"), parameters...);
  type.def(name, internal_binding::BoundMethod(signature, type, function),
           signature.Documented(text).c_str());
}

// Adds a method without an object.
template <class Class, class... Options, class Result, class... Arguments,
          class... Parameters>
void StaticMethod(pybind11::class_<Class, Options...>& type, const char* name,
                  Result (*function)(Arguments...), const char* text,
                  const Parameters&... parameters) {
  const Signature signature(name, parameters...);
  type.def_static(name, internal_binding::Bound(signature, function),
                  signature.Documented(text).c_str());
}

// Adds a property that cannot be set.
template <class Class, class... Options, class Result, class Self>
void Property(pybind11::class_<Class, Options...>& type, const char* name,
              Result (*function)(Self), const char* text) {
  const Signature signature(name, pybind11::arg("self"));
  const pybind11::cpp_function get(
      internal_binding::BoundMethod(signature, type, function),
      pybind11::name(name), signature.Documented(text).c_str());
  const pybind11::handle property(
      reinterpret_cast<PyObject*>(&PyProperty_Type));
  type.attr(name) =
      property(get, pybind11::none(), pybind11::none(), pybind11::str(text));
}

// Adds the constructor, whose `signature` has the name of the class and which
// returns the object.
template <class Class, class... Options, class Result, class... Arguments>
void Constructor(pybind11::class_<Class, Options...>& type,
                 const Signature& signature, Result (*function)(Arguments...),
                 const char* text) {
  type.def(pybind11::init(internal_binding::Bound(signature, function)),
           signature.OfMethod("__init__").Documented(text).c_str());
}

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_BINDING_H_
