#include "tools/python/signature.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/python/errors.h"

namespace rct {
namespace {

namespace py = pybind11;

// Returns a literal of Python.
std::string Literal(const py::object& value) {
  return value.is(py::ellipsis()) ? "..." : std::string(py::repr(value));
}

// Returns "'a', 'b' and 'c'".
std::string Enumerate(const std::vector<std::string>& names) {
  const auto quote = [](std::string* out, const std::string& name) {
    absl::StrAppend(out, "'", name, "'");
  };
  std::string all = absl::StrJoin(names.begin(), names.end() - 1, ", ", quote);
  if (!all.empty()) all += " and ";
  quote(&all, names.back());
  return all;
}

}  // namespace

std::vector<py::object> Signature::Bind(const py::args& positional,
                                        const py::kwargs& named) const {
  if (positional.size() > NumPositional()) RefuseCount(positional.size());
  std::vector<py::object> values(parameters_.size());
  for (std::size_t i = 0; i < positional.size(); ++i) values[i] = positional[i];
  for (const auto& [key, value] : named) {
    const std::string name = py::str(key);
    const auto found =
        std::find_if(parameters_.begin(), parameters_.end(),
                     [&](const Parameter& p) { return p.name == name; });
    if (found == parameters_.end()) RefuseUnknown(name);
    py::object& place = values[found - parameters_.begin()];
    if (place) {
      Raise(PyExc_TypeError,
            absl::StrCat(name_, "() got multiple values for argument '", name,
                         "'"));
    }
    place = py::reinterpret_borrow<py::object>(value);
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) values[i] = parameters_[i].value;
    if (!values[i]) RefuseMissing(values);
  }
  return values;
}

Signature Signature::OfMethod(std::string name) const {
  Signature method(std::move(name), py::arg("self"));
  method.parameters_.insert(method.parameters_.end(), parameters_.begin(),
                            parameters_.end());
  return method;
}

std::string Signature::Documented(std::string_view text) const {
  std::string parameters;
  bool named = false;
  for (const Parameter& parameter : parameters_) {
    if (!parameters.empty()) parameters += ", ";
    if (parameter.is_named_only && !named) parameters += "*, ";
    named = parameter.is_named_only;
    parameters += parameter.name;
    if (parameter.value) {
      absl::StrAppend(&parameters, "=", Literal(parameter.value));
    }
  }
  return absl::StrCat(name_, "(", parameters, ")\n--\n\n", text);
}

std::size_t Signature::Begin() const {
  return !parameters_.empty() && parameters_[0].name == "self" ? 1 : 0;
}

std::vector<std::string> Signature::Names(std::size_t begin) const {
  std::vector<std::string> names;
  for (std::size_t i = std::max(begin, Begin()); i < parameters_.size(); ++i) {
    names.push_back(parameters_[i].name);
  }
  return names;
}

std::size_t Signature::NumPositional() const {
  return std::count_if(parameters_.begin(), parameters_.end(),
                       [](const Parameter& p) { return !p.is_named_only; });
}

void Signature::RefuseCount(std::size_t given) const {
  const std::size_t most = NumPositional() - Begin();
  const std::vector<std::string> all = Names();
  const std::vector<std::string> others = Names(NumPositional());
  given -= Begin();
  Raise(
      PyExc_TypeError,
      absl::StrCat(
          name_, "() takes ", most == 0 ? "no" : absl::StrCat("at most ", most),
          " positional argument", most == 1 ? "" : "s",
          most == 0
              ? ""
              : absl::StrCat(
                    " (", absl::StrJoin(all.begin(), all.begin() + most, ", "),
                    ")"),
          " but ", given, given == 1 ? " was given" : " were given",
          others.empty() ? ""
                         : absl::StrCat("; give others by name: ",
                                        absl::StrJoin(others, ", "))));
}

void Signature::RefuseUnknown(const std::string& given) const {
  const std::vector<std::string> names = Names();
  const std::string near = DidYouMean(given, names);
  Raise(PyExc_TypeError,
        absl::StrCat(name_, "() got an unexpected keyword argument '", given,
                     "'", near.empty() ? "; it takes " : near + " It takes ",
                     names.empty() ? "none" : absl::StrJoin(names, ", ")));
}

void Signature::RefuseMissing(const std::vector<py::object>& values) const {
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i] && !parameters_[i].value) {
      missing.push_back(parameters_[i].name);
    }
  }
  Raise(PyExc_TypeError,
        absl::StrCat(name_, "() missing ", missing.size(), " required argument",
                     missing.size() == 1 ? "" : "s", ": ", Enumerate(missing)));
}

std::string DidYouMean(const std::string& name,
                       const std::vector<std::string>& names) {
  const py::list near =
      py::module_::import("difflib").attr("get_close_matches")(name, names, 1);
  if (near.empty()) return "";
  return absl::StrCat("; did you mean '", std::string(py::str(near[0])), "'?");
}

}  // namespace rct
