// Calls the program with --columns, --id_column and --lonlat, and rct unique.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/csv.h"
#include "base/csv_record.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/sphere.h"
#include "tools/test_program.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

using Arguments = std::vector<std::string>;
using Rows = std::vector<std::vector<std::string>>;

// Returns the texts of all fields.
Rows Fields(const std::string& text, char separator = ',') {
  Rows rows;
  CsvRecords records(text, separator);
  while (!records.done()) {
    EXPECT_TRUE(records.Next().ok());
    rows.emplace_back();
    for (const std::string_view field : records.fields()) {
      rows.back().push_back(CsvFieldText(field));
    }
  }
  return rows;
}

std::string Cities() { return ReadFile("tools/testdata/cities.csv").value(); }

constexpr long double kDegree = 3.14159265358979323846264338327950288L / 180;

// Returns the great-circle distance in km by the haversine formula, where each
// place is (longitude, latitude).
long double Haversine(const double* a, const double* b) {
  const auto half_sine = [](long double degrees) {
    const long double sine = std::sin(degrees * kDegree / 2);
    return sine * sine;
  };
  const long double h = half_sine(static_cast<long double>(a[1]) - b[1]) +
                        std::cos(a[1] * kDegree) * std::cos(b[1] * kDegree) *
                            half_sine(static_cast<long double>(a[0]) - b[0]);
  return 2 * static_cast<long double>(kEarthRadius) *
         std::asin(std::min(1.0L, std::sqrt(h)));
}

class CoordinatesTest : public ProgramTest {
 protected:
  CoordinatesTest() { Write("cities.csv", Cities()); }

  // Runs a command. Expects success and returns what it prints.
  std::string Succeed(const Arguments& arguments) const {
    const Outcome outcome = Rct(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.out + outcome.err;
  }
  // Expects failure and returns the message.
  std::string Fail(const Arguments& arguments, int exit_code = 1) const {
    const Outcome outcome = Rct(arguments);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
    return outcome.err;
  }
};

const Arguments kCityGraph = {"graph",
                              "--points=cities.csv",
                              "--columns=longitude,latitude",
                              "--id_column=name",
                              "--lonlat",
                              "--metric=euclidean",
                              "--k=12",
                              "--out_indices=names.csv",
                              "--out_distances=km.csv"};

// Across the antimeridian and around the poles, for every city.
TEST_F(CoordinatesTest, TheNearestCitiesOnTheSphere) {
  constexpr long double kMillimetre = 1e-6;  // in km
  Succeed(kCityGraph);
  const absl::StatusOr<Table<double>> cities =
      ParseCsvTable(Cities(), {.id_column = "name"});
  ASSERT_TRUE(cities.ok());
  const Matrix<double>& places = cities->values;
  const int64_t n = places.rows();
  ASSERT_GT(n, 300);
  const Rows names = Fields(Read("names.csv"));
  const Rows distances = Fields(Read("km.csv"));
  ASSERT_EQ(names.size(), static_cast<size_t>(n) + 1);
  EXPECT_EQ(names[0][0], "name");
  EXPECT_EQ(names[0][12], "neighbor_12");
  EXPECT_EQ(distances[0][1], "distance_1");
  for (int64_t i = 0; i < n; ++i) {
    std::vector<std::pair<long double, int64_t>> exact;
    for (int64_t j = 0; j < n; ++j) {
      if (j == i) continue;
      exact.emplace_back(Haversine(places.row(i), places.row(j)), j);
    }
    std::sort(exact.begin(), exact.end());
    const auto& found = names[static_cast<size_t>(i) + 1];
    ASSERT_EQ(found[0], cities->ids[static_cast<size_t>(i)]);
    for (size_t rank = 0; rank < 12; ++rank) {
      SCOPED_TRACE(absl::StrCat(found[0], " ", rank));
      const auto [arc, row] = exact[rank];
      const double chord =
          std::atof(distances[static_cast<size_t>(i) + 1][rank + 1].c_str());
      EXPECT_NEAR(static_cast<double>(arc), ArcOfChord(chord),
                  static_cast<double>(kMillimetre));
      // McMurdo and Scott Base are equally far from the pole.
      const bool tied =
          (rank > 0 && arc - exact[rank - 1].first < kMillimetre) ||
          exact[rank + 1].first - arc < kMillimetre;
      if (!tied) {
        EXPECT_EQ(found[rank + 1], cities->ids[static_cast<size_t>(row)]);
      }
    }
  }
}

TEST_F(CoordinatesTest, AsPeopleKnowThem) {
  Succeed(kCityGraph);
  const std::string names = Read("names.csv");
  EXPECT_THAT(names, HasSubstr("\nTaveuni,Labasa,Suva,"));
  EXPECT_THAT(names, HasSubstr("\nEgvekinot,Anadyr,"));
  EXPECT_THAT(names, HasSubstr("\n\"Gambell, St. Lawrence Island\","
                               "Provideniya,Uelen,Nome,"));
  EXPECT_THAT(names,
              HasSubstr("\nAmundsen-Scott South Pole Station,Kunlun Station,"));
  // In degrees, as in a plane, they would be far apart.
  Arguments flat = kCityGraph;
  flat.erase(std::find(flat.begin(), flat.end(), "--lonlat"));
  Succeed(flat);
  EXPECT_THAT(Read("names.csv"), testing::Not(HasSubstr("\nTaveuni,Labasa,")));
}

// .npy keeps row numbers; the answer does not depend on the form of the file.
TEST_F(CoordinatesTest, OtherFormsOfTheSameFile) {
  Arguments arguments = kCityGraph;
  Succeed(arguments);
  const std::string names = Read("names.csv"), km = Read("km.csv");
  std::string tabs;
  for (const auto& row : Fields(Cities())) {
    CsvWriter writer('\t');
    for (const std::string& text : row) writer.Text(text);
    writer.EndRow();
    tabs += writer.Take();
  }
  Write("cities.tsv", tabs);
  Shell("gzip -k cities.csv; gzip -k cities.tsv");
  for (const char* file : {"cities.tsv", "cities.csv.gz", "cities.tsv.gz"}) {
    arguments[1] = absl::StrCat("--points=", file);
    Succeed(arguments);
    EXPECT_EQ(Read("names.csv"), names) << file;
    EXPECT_EQ(Read("km.csv"), km) << file;
  }
  const std::string flags =
      "--columns=longitude,latitude --id_column=name --lonlat "
      "--metric=euclidean --k=12 --out_indices=names.csv";
  for (const char* pipe :
       {"cat cities.csv", "cat cities.csv.gz", "gzip -c cities.csv"}) {
    const Outcome outcome =
        Shell(absl::StrCat(pipe, " | rct graph --points=- ", flags));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(Read("names.csv"), names) << pipe;
  }
  arguments[1] = "--points=cities.csv";
  arguments[7] = "--out_indices=names.tsv";
  arguments[8] = "--out_distances=rows.npy";
  Succeed(arguments);
  EXPECT_EQ(Fields(Read("names.tsv"), '\t'), Fields(names));
  arguments[7] = "--out_indices=rows.npy";
  arguments[8] = "--out_distances=km.csv";
  Succeed(arguments);
  const auto rows = ParseNpyIndexMatrix(Read("rows.npy"));
  ASSERT_TRUE(rows.ok());
  const Rows expected = Fields(names);
  for (int64_t i = 0; i < rows->rows(); ++i) {
    EXPECT_EQ(expected[static_cast<size_t>((*rows)(i, 0)) + 1][0],
              expected[static_cast<size_t>(i) + 1][1]);
  }
}

TEST_F(CoordinatesTest, NewPlaces) {
  Write("q.csv", "latitude,place,longitude\n-17.0,\"a, b\",-179.5\n0,c,360\n");
  Succeed({"neighbors", "--points=cities.csv", "--queries=q.csv",
           "--columns=longitude,latitude", "--lonlat", "--metric=euclidean",
           "--k=2", "--out_indices=rows.csv"});
  EXPECT_EQ(Fields(Read("rows.csv"))[1][0], "3");  // Taveuni
  // The identifiers of new places are in a column of the same name.
  EXPECT_THAT(Fail({"neighbors", "--points=cities.csv", "--queries=q.csv",
                    "--lonlat", "--id_column=name", "--metric=euclidean",
                    "--k=2", "--out_indices=names.csv"}),
              HasSubstr("--queries: q.csv: line 1: names no column 'name'; "
                        "there are 'latitude', 'place', 'longitude'"));
  Write("q.csv", "latitude,name,longitude\n-17.0,\"a, b\",-179.5\n0,c,360\n");
  Succeed({"neighbors", "--points=cities.csv", "--queries=q.csv", "--lonlat",
           "--id_column=name", "--metric=euclidean", "--k=2",
           "--out_indices=names.csv"});
  EXPECT_THAT(Read("names.csv"),
              StartsWith("name,neighbor_1,neighbor_2\n\"a, b\",Taveuni,"));
  // Rows as queries.
  Write("r.csv", "row\n3\n0\n");
  Succeed({"neighbors", "--points=cities.csv", "--query_rows=r.csv", "--lonlat",
           "--id_column=name", "--metric=euclidean", "--k=1",
           "--out_indices=names.csv"});
  EXPECT_EQ(Read("names.csv"), "name,neighbor_1\nTaveuni,Taveuni\nSuva,Suva\n");
}

TEST_F(CoordinatesTest, ListsAndMissingNeighbors) {
  Write("p.csv", "id,x\na,0\nb,1\n\"c,d\",5\n");
  Succeed({"graph", "--points=p.csv", "--id_column=id", "--metric=euclidean",
           "--radius=4.5", "--out_indices=i.csv", "--out_distances=d.csv",
           "--out_offsets=o.csv"});
  EXPECT_EQ(Read("i.csv"), "id,neighbor\na,b\nb,a\nb,\"c,d\"\n\"c,d\",b\n");
  EXPECT_EQ(Read("d.csv"), "id,distance\na,1\nb,1\nb,4\n\"c,d\",4\n");
  EXPECT_EQ(Read("o.csv"), "offset_1\n0\n1\n3\n4\n");
  Succeed({"graph", "--points=p.csv", "--id_column=id", "--metric=euclidean",
           "--k=2", "--predecessor", "--out_indices=i.csv",
           "--out_distances=d.csv"});
  EXPECT_EQ(Read("i.csv"),
            "id,neighbor_1,neighbor_2\na,,\nb,a,\n\"c,d\",b,a\n");
  EXPECT_EQ(Read("d.csv"),
            "id,distance_1,distance_2\na,inf,inf\nb,1,inf\n\"c,d\",4,5\n");
}

const Arguments kModel = {"--kernel=matern32", "--lengthscale=800",
                          "--num_inducing=40"};

Arguments Plus(Arguments arguments, const Arguments& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// An index file knows that its points were longitude and latitude.
TEST_F(CoordinatesTest, IndexFiles) {
  Write("q.csv", "lat,longitude,latitude\nx,179.5,-17.0\ny,-179.9,-16.8\n");
  Succeed(Plus({"build", "--points=cities.csv", "--index=c.rct", "--lonlat",
                "--columns=longitude,latitude"},
               kModel));
  EXPECT_THAT(
      Succeed({"info", "c.rct"}),
      AllOf(HasSubstr("396 points of 3 coordinates"),
            HasSubstr("  coordinates    longitude,latitude\n"
                      "  lonlat         the first two are longitude and "
                      "latitude, lengths are km\n")));
  const Arguments search = {"--queries=q.csv", "--columns=longitude,latitude",
                            "--k=5", "--out_indices=i.npy",
                            "--out_distances=d.npy"};
  Succeed(Plus({"neighbors", "--index=c.rct"}, search));
  const std::string rows = Read("i.npy"), distances = Read("d.npy");
  Succeed(Plus(Plus({"neighbors", "--points=cities.csv", "--lonlat"}, search),
               kModel));
  EXPECT_EQ(Read("i.npy"), rows);
  EXPECT_EQ(Read("d.npy"), distances);
  EXPECT_THAT(Fail(Plus({"neighbors", "--index=c.rct", "--lonlat"}, search), 2),
              HasSubstr("--index and --lonlat: the index in the file has its "
                        "own; leave one out"));
  EXPECT_THAT(
      Fail(Plus({"neighbors", "--index=c.rct", "--id_column=name"}, search), 2),
      HasSubstr("--index and --id_column: an index file keeps no identifiers"));
}

// Inducing points are given in the same way.
TEST_F(CoordinatesTest, InducingPoints) {
  Write("z.csv", "city,latitude,longitude\na,10,20\nb,-40,175\nc,80,0\n");
  const Arguments common = {"graph",
                            "--points=cities.csv",
                            "--lonlat",
                            "--kernel=matern12",
                            "--lengthscale=3000",
                            "--inducing_points=z.csv",
                            "--k=4",
                            "--out_indices=i.npy"};
  Succeed(Plus(common, {"--columns=longitude,latitude"}));
  const std::string rows = Read("i.npy");
  // Where identifiers are named, names say which columns are coordinates.
  Succeed(Plus(common, {"--id_column=name"}));
  EXPECT_EQ(Read("i.npy"), rows);
}

// Further columns are coordinates too, with a lengthscale of their own.
TEST_F(CoordinatesTest, LengthscalesOfSphereAndTime) {
  Write("p.csv", "lon,lat,day\n0,0,1\n1,0,2\n1,1,3\n-1,1,4\n");
  const auto search = [&](const std::string& scales) {
    Succeed({"graph", "--points=p.csv", "--lonlat", "--kernel=rbf",
             "--no_inducing", "--k=3", "--out_distances=d.npy",
             "--lengthscale=" + scales});
    return Read("d.npy");
  };
  EXPECT_EQ(search("200,5"), search("200,200,200,5"));
  EXPECT_EQ(search("200"), search("200,200,200,200"));
  EXPECT_NE(search("200"), search("200,5"));
}

TEST_F(CoordinatesTest, ASuggestionInKilometres) {
  EXPECT_THAT(
      Fail({"graph", "--points=cities.csv", "--id_column=name", "--lonlat",
            "--kernel=rbf", "--no_inducing", "--k=3", "--out_indices=i.csv"}),
      HasSubstr("stays correlated, in kilometres; to begin with, "
                "--lengthscale=3500 is the standard deviation"));
}

TEST_F(CoordinatesTest, Errors) {
  const Arguments graph = {"graph", "--metric=euclidean", "--k=3",
                           "--out_indices=i.csv"};
  const auto error = [&](const Arguments& more, int exit_code = 1) {
    return Fail(Plus(graph, more), exit_code);
  };
  EXPECT_THAT(error({"--points=cities.csv"}),
              HasSubstr("line 2, column 'name': is 'Suva'; must be a finite "
                        "number; --columns=NAME,... says which columns are "
                        "coordinates\n"));
  EXPECT_THAT(error({"--points=cities.csv", "--columns=lon,lat"}),
              HasSubstr("--points: cities.csv: line 1: names no column 'lon'; "
                        "there are 'name', 'longitude', 'latitude'"));
  EXPECT_THAT(
      error(
          {"--points=cities.csv", "--columns=latitude,longitude", "--lonlat"}),
      HasSubstr("--points: cities.csv: begins with the columns 'latitude' and "
                "'longitude' where --lonlat takes longitude and then "
                "latitude; name the two"));
  EXPECT_THAT(
      error({"--points=cities.csv", "--columns=longitude", "--lonlat"}),
      HasSubstr("--points: cities.csv: the number of columns is 1; at least "
                "two are needed"));
  EXPECT_THAT(
      error({"--points=cities.csv", "--columns=longitude,,latitude"}, 2),
      HasSubstr("is no list of names with commas between them"));
  Write("bad.csv", "x,y\n0,0\n10,95\n");
  EXPECT_THAT(error({"--points=bad.csv", "--lonlat"}),
              HasSubstr("--points: bad.csv: row 1, column 1 is 95; a latitude "
                        "must be from -90 to 90 degrees"));
  Write("twice.csv", "id,x\na,1\nb,2\na,3\n");
  EXPECT_THAT(error({"--points=twice.csv", "--id_column=id"}),
              HasSubstr("--points: twice.csv: lines 2 and 4, column 'id': are "
                        "both 'a'; identifiers must be distinct"));
  Shell("gzip -c cities.csv | head -c 2000 >cut.csv.gz");
  EXPECT_THAT(error({"--points=cut.csv.gz", "--id_column=name"}),
              HasSubstr("--points: cut.csv.gz: is a gzip'd file that was cut "
                        "short; fetch it again"));
  EXPECT_THAT(Fail({"graph", "--points=cities.csv", "--metric=euclidean",
                    "--k=3", "--out_indices=i.csv.gz"},
                   2),
              HasSubstr("--out_indices: i.csv.gz: is not compressed when it is "
                        "written; leave .gz out"));
}

TEST_F(CoordinatesTest, Info) {
  EXPECT_THAT(Succeed({"info", "--id_column=name", "--lonlat", "cities.csv"}),
              AllOf(HasSubstr("cities.csv: 396 points of 2 coordinates, all "
                              "finite; 0 lie on an earlier one\n"),
                    HasSubstr("     longitude"), HasSubstr("179.36")));
  EXPECT_THAT(Fail({"info", "cities.csv"}), HasSubstr("is 'Suva'"));
  Write("p.csv", "x,y\n180,5\n-180,5\n0,90\n70,90\n");
  EXPECT_THAT(Succeed({"info", "p.csv"}), HasSubstr("0 lie on an earlier one"));
  EXPECT_THAT(Succeed({"info", "--lonlat", "p.csv"}),
              HasSubstr("2 lie on an earlier one"));
}

TEST_F(CoordinatesTest, Unique) {
  Write("p.csv",
        "who,lon,lat\na,180,5\nb,1,2\nc,-180,5\n\"d,e\",1,2\nf,-0,90\n");
  EXPECT_THAT(
      Succeed({"unique", "--points=p.csv", "--columns=lon,lat",
               "--out_points=u.csv", "--out_inverse=i.csv",
               "--out_counts=c.csv"}),
      HasSubstr("wrote u.csv and i.csv and c.csv: 4 places of 5 points"));
  EXPECT_EQ(Read("u.csv"), "lon,lat\n180,5\n1,2\n-180,5\n-0,90\n");
  EXPECT_EQ(Read("i.csv"), "place_1\n0\n1\n2\n1\n3\n");
  EXPECT_EQ(Read("c.csv"), "count_1\n1\n2\n1\n1\n");
  Succeed({"unique", "--points=p.csv", "--id_column=who", "--lonlat",
           "--out_points=u.tsv", "--out_inverse=i.npy"});
  EXPECT_EQ(Read("u.tsv"), "who\tlon\tlat\na\t180\t5\nb\t1\t2\nf\t-0\t90\n");
  EXPECT_THAT(*ParseNpyIndices(Read("i.npy")), ElementsAre(0, 1, 0, 1, 2));
  Write("bare.csv", "1,2\n1,2\n");
  Succeed({"unique", "--points=bare.csv", "--header=no", "--out_points=u.npy"});
  EXPECT_EQ(ParseNpyMatrix(Read("u.npy"))->rows(), 1);
  EXPECT_THAT(Fail({"unique", "--points=p.csv"}, 2),
              HasSubstr("--out_points, --out_inverse or --out_counts is "
                        "missing"));
  EXPECT_THAT(Fail({"unique", "--out_points=u.csv"}, 2),
              HasSubstr("--points is missing"));
  EXPECT_THAT(Fail({"unique", "--points=p.csv", "--out_points=p.csv"}),
              HasSubstr("is the file of --points too"));
}

}  // namespace
}  // namespace rct
