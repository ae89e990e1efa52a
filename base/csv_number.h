// Numbers in the fields of a table of text, and what is none.
//
// Decimals are those of the C locale, with or without blanks around them.

#ifndef RCT_BASE_CSV_NUMBER_H_
#define RCT_BASE_CSV_NUMBER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace rct {

// Parse a field into the nearest double, which is finite, or into an integer:
// decimals that are integers below 2^53 ("1e+05", "7.0") are accepted there.
// Return InvalidArgument, which quotes the field and says what is wrong with
// it, for anything else, and for integers that float64 cannot hold.
// `separator`, a comma or a tab, is what separates fields.
absl::Status ParseCsvNumber(std::string_view field, char separator,
                            double* value);
absl::Status ParseCsvNumber(std::string_view field, char separator,
                            int64_t* value);

// Returns true if `text` is a number, which may be infinite.
bool IsCsvNumber(std::string_view text);

// Returns true unless `text` is a number, begins like one or is a word that
// programs write for a missing value.
bool LooksLikeName(std::string_view text);

// Returns a sentence without its end about what separates fields.
std::string HowToSeparate(char separator);

}  // namespace rct

#endif  // RCT_BASE_CSV_NUMBER_H_
