#include "base/archive.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/aligned_buffer.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/sha256.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr ArchiveFormat kFormat = {.magic = "\x89test\r\n\n",
                                   .version = 3,
                                   .name = "test file",
                                   .remedy = "make it again"};

// One of each kind.
struct Thing {
  template <class Self, class Archive>
  static void Describe(Self& self, Archive& archive) {
    archive.Value("thing.count", self.count);
    archive.Value("thing.on", self.on);
    archive.Value("thing.text", self.text);
    archive.Array("thing.rows", self.rows);
    archive.Array("thing.buffer", self.buffer);
    archive.Array("thing.matrix", self.matrix);
    archive.Array("thing.none", self.none);
  }

  int64_t count = 0;
  bool on = false;
  std::string text;
  std::vector<int32_t> rows;
  AlignedBuffer<float> buffer;
  Matrix<double> matrix;
  AlignedBuffer<double> none;
};

Thing MakeThing() {
  Thing thing;
  thing.count = -7;
  thing.on = true;
  thing.text = std::string("a\0b", 3);
  thing.rows = {3, 1, 2};
  // More than one piece of the digest.
  thing.buffer = AlignedBuffer<float>(3 << 20);
  for (size_t i = 0; i < thing.buffer.size(); ++i) {
    thing.buffer[i] = static_cast<float>(i);
  }
  thing.matrix = Matrix<double>::Zeros(5, 3, 8);
  thing.matrix(4, 2) = 42;
  return thing;
}

std::string PathOf(const std::string& name) {
  return testing::TempDir() + "/archive_test_" + name;
}

void Save(const Thing& thing, const std::string& path, int threads = 1) {
  ArchiveWriter archive;
  Thing::Describe(thing, archive);
  ASSERT_THAT(archive.Write(path, kFormat, threads), IsOk());
}

TEST(ArchiveTest, Example) {
  const std::vector<int32_t> rows = {3, 1, 2};
  ArchiveWriter writer;
  writer.Array("rows", rows);
  ASSERT_THAT(writer.Write(PathOf("example"), kFormat, /*threads=*/1), IsOk());
  auto reader = ArchiveReader::Open(PathOf("example"), kFormat, /*map=*/true,
                                    /*threads=*/1);
  ASSERT_THAT(reader.status(), IsOk());
  std::vector<int32_t> read;
  reader->Array("rows", read);
  EXPECT_THAT(read, ElementsAre(3, 1, 2));
  EXPECT_THAT(reader->Finish(), IsOk());
}

TEST(ArchiveTest, ReadsWhatWasWritten) {
  const Thing thing = MakeThing();
  const std::string path = PathOf("a");
  Save(thing, path);
  for (const bool map : {false, true}) {
    Thing read;
    {
      auto archive = ArchiveReader::Open(path, kFormat, map, 2);
      ASSERT_THAT(archive.status(), IsOk());
      EXPECT_TRUE(archive->Has("thing.matrix"));
      EXPECT_FALSE(archive->Has("thing"));
      Thing::Describe(read, *archive);
      EXPECT_THAT(archive->status(), IsOk());
    }
    // The archive is gone, and its memory is not.
    EXPECT_EQ(read.count, -7);
    EXPECT_EQ(read.on, true);
    EXPECT_EQ(read.text, thing.text);
    EXPECT_THAT(read.rows, ElementsAre(3, 1, 2));
    EXPECT_EQ(read.buffer.span(), thing.buffer.span());
    EXPECT_EQ(read.none.size(), 0u);
    EXPECT_EQ(read.matrix.rows(), 5);
    EXPECT_EQ(read.matrix.cols(), 3);
    EXPECT_EQ(read.matrix.stride(), 8);
    EXPECT_EQ(read.matrix(4, 2), 42);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(read.matrix.data()) % 64, 0u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(read.buffer.data()) % 64, 0u);
    const Matrix<double> moved = std::move(read.matrix);
    EXPECT_EQ(moved(4, 2), 42);
    EXPECT_EQ(moved.Clone()(4, 2), 42);
  }
}

TEST(ArchiveTest, InMemory) {
  const Thing thing = MakeThing();
  const std::string path = PathOf("memory");
  Save(thing, path);
  ArchiveWriter writer;
  Thing::Describe(thing, writer);
  const auto contents = writer.Contents(kFormat, /*threads=*/2);
  ASSERT_THAT(contents.status(), IsOk());
  const auto file = ReadFile(path);
  ASSERT_THAT(file.status(), IsOk());
  EXPECT_TRUE(*contents == *file);
  Thing read;
  {
    // Of bytes anywhere in memory, which need not stay there.
    const std::string moved = "x" + *contents;
    auto archive = ArchiveReader::OpenContents(
        "the bytes", std::string_view(moved).substr(1), kFormat, 2);
    ASSERT_THAT(archive.status(), IsOk());
    Thing::Describe(read, *archive);
    EXPECT_THAT(archive->Finish(), IsOk());
  }
  EXPECT_EQ(read.rows, thing.rows);
  EXPECT_EQ(read.matrix(4, 2), 42);
  EXPECT_EQ(read.buffer[1000], 1000);
  std::string damaged = *contents;
  damaged[damaged.size() / 2] ^= 1;
  for (const auto& [bytes, what] :
       {std::pair<std::string, std::string>("", "the bytes: is empty"),
        {contents->substr(0, 1000), "the bytes: truncated: has 1000 bytes"},
        {*contents + "x", "1 more than it should"},
        {damaged, "the bytes: damaged: its digest differs"}}) {
    EXPECT_THAT(
        ArchiveReader::OpenContents("the bytes", bytes, kFormat, 1).status(),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what)));
  }
}

TEST(ArchiveTest, TheDigestDependsOnNothingElse) {
  Thing thing = MakeThing();
  Save(thing, PathOf("one"), 1);
  Save(thing, PathOf("two"), 2);
  const std::string one = ReadFile(PathOf("one")).value();
  EXPECT_EQ(one, ReadFile(PathOf("two")).value());
  EXPECT_EQ(one.size() % 64, 0u);
  thing.buffer[thing.buffer.size() - 1] += 1;
  Save(thing, PathOf("two"), 2);
  const std::string two = ReadFile(PathOf("two")).value();
  EXPECT_NE(one.substr(32, 32), two.substr(32, 32));
}

TEST(ArchiveTest, WhatIsNotThere) {
  const std::string path = PathOf("a");
  Save(MakeThing(), path);
  auto archive = ArchiveReader::Open(path, kFormat, false, 1);
  ASSERT_THAT(archive.status(), IsOk());
  std::vector<int64_t> rows = {1};
  archive->Array("thing.rows", rows);
  EXPECT_THAT(rows, ElementsAre());
  const auto is_named =
      StatusIs(absl::StatusCode::kInvalidArgument,
               absl::StrCat(path,
                            ": array 'thing.rows' is missing or of "
                            "another type; make it again"));
  EXPECT_THAT(archive->status(), is_named);
  AlignedBuffer<double> buffer(3);
  archive->Array("thing.other", buffer);
  EXPECT_EQ(buffer.size(), 0u);
  Matrix<double> matrix(2, 2);
  archive->Array("thing.other", matrix);
  EXPECT_EQ(matrix.rows(), 0);
  int32_t count = 5;
  archive->Value("thing.count", count);
  EXPECT_EQ(count, 0);
  // The first is named.
  EXPECT_THAT(archive->status(), is_named);
}

// The digest of an archive of one piece, from its definition.
void Sign(std::string& contents) {
  const std::string hex = Sha256Hex(
      Sha256Hex(absl::StrCat(contents.substr(0, 32), contents.substr(64))));
  contents.replace(32, 32, absl::HexStringToBytes(hex));
}

std::string SmallArchive(const std::string& path) {
  ArchiveWriter writer;
  const Matrix<double> matrix = Matrix<double>::Zeros(3, 2, 4);
  writer.Array("matrix", matrix);
  EXPECT_THAT(writer.Write(path, kFormat, 1), IsOk());
  return ReadFile(path).value();
}

// No table, whatever its numbers are, leads outside the file.
TEST(ArchiveTest, TablesThatLie) {
  const std::string path = PathOf("lie");
  const std::string good = SmallArchive(path);
  std::string same = good;
  Sign(same);
  EXPECT_EQ(same, good);
  for (const uint64_t value : {uint64_t{1}, uint64_t{64}, uint64_t{1} << 40,
                               uint64_t{1} << 62, ~uint64_t{0}}) {
    // Offset, bytes, rows, columns and stride; and the number of arrays.
    for (const int place : {88, 96, 104, 112, 120, 24}) {
      SCOPED_TRACE(absl::StrCat(place, ": ", value));
      std::string contents = good;
      contents.replace(place, 8, reinterpret_cast<const char*>(&value), 8);
      Sign(contents);
      ASSERT_THAT(WriteFileAtomically(path, contents), IsOk());
      auto archive = ArchiveReader::Open(path, kFormat, true, 1);
      if (!archive.ok()) {
        EXPECT_THAT(
            std::string(archive.status().message()),
            AllOf(StartsWith(path + ": "), EndsWith("; make it again")));
        continue;
      }
      Matrix<double> read;
      archive->Array("matrix", read);
      EXPECT_LE(read.rows() * read.stride(), 12);
    }
  }
}

TEST(ArchiveTest, NamesAreThereOnce) {
  const std::string path = PathOf("names");
  ArchiveWriter writer;
  const std::vector<int32_t> rows(16, 1);
  writer.Array("a", rows);
  writer.Array("b", rows);
  ASSERT_THAT(writer.Write(path, kFormat, 1), IsOk());
  const std::string good = ReadFile(path).value();
  const auto status_with_name = [&](const std::string& name) {
    std::string contents = good;
    contents.replace(128, name.size(), name);
    Sign(contents);
    EXPECT_THAT(WriteFileAtomically(path, contents), IsOk());
    return ArchiveReader::Open(path, kFormat, true, 1).status();
  };
  const auto invalid = [&](const std::string& what) {
    return StatusIs(absl::StatusCode::kInvalidArgument,
                    absl::StrCat(path, ": ", what, "; make it again"));
  };
  EXPECT_THAT(status_with_name("c"), IsOk());
  EXPECT_THAT(status_with_name("a"), invalid("array 'a' is there twice"));
  EXPECT_THAT(status_with_name(std::string(1, '\0')),
              invalid("array 1 has no proper name"));
  EXPECT_THAT(status_with_name(std::string(24, 'x')),
              invalid("array 1 has no proper name"));
  EXPECT_THAT(status_with_name(std::string("b\0x", 3)),
              invalid("array 1 has no proper name"));
}

TEST(ArchiveTest, WhatReadersFind) {
  const std::string path = PathOf("find");
  ArchiveWriter writer;
  writer.Value("on", uint8_t{2});
  writer.Value("count", 1);
  ASSERT_THAT(writer.Write(path, kFormat, 1), IsOk());
  const auto open = [&] {
    return *ArchiveReader::Open(path, kFormat, false, 1);
  };
  const auto invalid = [&](const std::string& what) {
    return StatusIs(absl::StatusCode::kInvalidArgument,
                    absl::StrCat(path, ": ", what, "; make it again"));
  };
  int count = 0;
  {
    ArchiveReader archive = open();
    archive.Value("count", count);
    EXPECT_THAT(archive.Finish(),
                invalid("array 'on' is of no use to the others"));
  }
  {
    ArchiveReader archive = open();
    bool on = false;
    archive.Value("on", on);
    EXPECT_THAT(archive.status(),
                invalid("array 'on' is neither true nor false"));
  }
  ArchiveReader archive = open();
  uint8_t on = 0;
  archive.Value("on", on);
  archive.Value("count", count);
  EXPECT_TRUE(archive.Expect(count == 1, "count", "is not 1"));
  EXPECT_THAT(archive.Finish(), IsOk());
  EXPECT_FALSE(archive.Expect(count == 2, "count", "is not 2"));
  // The first is kept.
  EXPECT_FALSE(archive.Expect(count == 3, "count", "is not 3"));
  EXPECT_THAT(archive.Refuse("has a flaw"), invalid("array 'count' is not 2"));
}

}  // namespace
}  // namespace rct
