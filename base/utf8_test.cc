#include "base/utf8.h"

#include <string_view>

#include "gtest/gtest.h"

namespace rct {
namespace {

TEST(Utf8Test, Text) {
  for (const std::string_view text :
       {"", "longitude", "H\xc3\xb6he", "\xe6\xb7\xb1", "\xf0\x9f\x8c\x8d",
        "\xc2\x80", "\xe0\xa0\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsPrintableUtf8(text)) << text;
  }
}

TEST(Utf8Test, NoText) {
  for (const std::string_view bytes :
       {std::string_view("a\0b", 3), std::string_view("a\tb"),
        std::string_view("\x7f"),
        std::string_view("H\xf6he"),           // Latin-1
        std::string_view("\xc3"),              // cut short
        std::string_view("\xe6\xb7"),          // cut short
        std::string_view("\xc0\xaf"),          // overlong
        std::string_view("\xe0\x9f\xbf"),      // overlong
        std::string_view("\xed\xa0\x80"),      // a surrogate
        std::string_view("\xf4\x90\x80\x80"),  // above U+10FFFF
        std::string_view("\x80"), std::string_view("\xff\xfe")}) {
    EXPECT_FALSE(IsPrintableUtf8(bytes)) << bytes;
  }
}

}  // namespace
}  // namespace rct
