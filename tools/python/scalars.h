// Converts arguments of Python calls that are one value: integers, flags, names
// and paths. The rules are those of arguments.h.

#ifndef RCT_TOOLS_PYTHON_SCALARS_H_
#define RCT_TOOLS_PYTHON_SCALARS_H_

#include <pybind11/pybind11.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"

namespace rct {

// Up to here floats hold every integer.
inline constexpr double kMaxWholeFloat = uint64_t{1}
                                         << std::numeric_limits<double>::digits;

// Returns whether a float is an integer without doubt.
bool IsWhole(double value);

// Returns the integer that a whole float of Python or NumPy is, or null for any
// other object.
pybind11::object WholeOfFloat(const pybind11::object& argument);

// Returns an integer of Python or NumPy, or a whole float, from `min` to `max`.
int64_t Integer(const char* name, const pybind11::object& object,
                int64_t min = INT64_MIN, int64_t max = INT64_MAX);

// Returns a boolean of Python or NumPy.
bool Boolean(const char* name, const pybind11::object& object);

// Returns a number of threads.
int Threads(const pybind11::object& object);

// Returns a seed.
uint64_t Seed(const pybind11::object& object);

// Returns the place among `names` of a text. The ValueError and the TypeError
// list all names, and say which is near.
int ChooseName(const char* name, const pybind11::object& choice,
               const std::vector<std::string>& names);

// Returns the names of the values of an enum, in lower case, but for number 0,
// which means "not given".
std::vector<std::string> NamesOf(
    const google::protobuf::EnumDescriptor& values);

// Returns the number of the value of an enum that a text names, in upper case
// or lower.
int Choose(const char* name, const pybind11::object& choice,
           const google::protobuf::EnumDescriptor& values);

// Returns the name of a file: str, bytes or os.PathLike.
std::string Path(const pybind11::object& object);

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_SCALARS_H_
