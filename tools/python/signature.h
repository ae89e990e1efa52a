// The parameters of a Python function, as Python's own functions have them.
//
// pybind11 tries to convert all arguments of a call at once, and answers any
// mistake with a list of the C++ types that it knows. Here a function takes its
// arguments as they are, and its signature puts each in the place of its
// parameter. A call that does not fit is a TypeError in the words of Python,
// and says which names there are:
//
//     search() missing 1 required argument: 'k'
//     search() got an unexpected keyword argument 'neighbors'; it takes rows,
//     k, predecessor, exclude_self, radius, allowed, threads
//
// The same signature is the first line of the function's documentation, in the
// form in which CPython reads it (__text_signature__). So help(),
// inspect.signature(), editors and the checker of the stubs see names, kinds
// and defaults, which are therefore literals of Python.

#ifndef RCT_TOOLS_PYTHON_SIGNATURE_H_
#define RCT_TOOLS_PYTHON_SIGNATURE_H_

#include <pybind11/pybind11.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rct {

class Signature {
 public:
  // The parameters in their order: pybind11::arg(name) where an argument must
  // be given, pybind11::arg(name) = default, and pybind11::kw_only() before
  // those that are given by name. A first parameter "self" is that of a method,
  // which messages do not count.
  template <class... Parameters>
  explicit Signature(std::string name, const Parameters&... parameters)
      : name_(std::move(name)) {
    (Add(parameters), ...);
  }

  const std::string& name() const { return name_; }
  std::size_t size() const { return parameters_.size(); }

  // Returns the value of each parameter, or throws TypeError.
  std::vector<pybind11::object> Bind(const pybind11::args& positional,
                                     const pybind11::kwargs& named) const;

  // Returns the signature of a method of this name with these parameters.
  Signature OfMethod(std::string name) const;

  // Returns documentation that begins with the signature.
  std::string Documented(std::string_view text) const;

 private:
  struct Parameter {
    std::string name;
    pybind11::object value;  // null where there is no default
    bool is_named_only;
  };

  void Add(const pybind11::arg& parameter) {
    parameters_.push_back({parameter.name, pybind11::object(), is_named_only_});
  }
  void Add(const pybind11::arg_v& parameter) {
    parameters_.push_back({parameter.name, parameter.value, is_named_only_});
  }
  void Add(const pybind11::kw_only&) { is_named_only_ = true; }

  // Returns the names, without self, of parameters from a place on.
  std::vector<std::string> Names(std::size_t begin = 0) const;
  // The number of parameters that may be given by position.
  std::size_t NumPositional() const;
  // The place of the first parameter that is not self.
  std::size_t Begin() const;

  [[noreturn]] void RefuseCount(std::size_t given) const;
  [[noreturn]] void RefuseUnknown(const std::string& given) const;
  [[noreturn]] void RefuseMissing(
      const std::vector<pybind11::object>& values) const;

  std::string name_;
  std::vector<Parameter> parameters_;
  bool is_named_only_ = false;  // while parameters are added
};

// Returns "; did you mean 'kernel'?", with the one of `names` that is near to a
// name, or "" where none is.
std::string DidYouMean(const std::string& name,
                       const std::vector<std::string>& names);

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_SIGNATURE_H_
