// The C interface: calls in any order, with any arguments that C lets through.
// Arrays have the shapes that they are said to have, and pointers are to
// objects that live, or null: nothing else can be checked (index/c/rct.h).

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <limits>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "index/c/rct.h"
#include "index/c/test_handles.h"
#include "tools/fuzzing/target.h"

namespace rct {

// Indexes of a few points, and what each of up to 64 calls makes of them.
const FuzzLimits kFuzzLimits = {.per_byte = 1 << 16, .constant = 1 << 24};

namespace {

constexpr int kMostCalls = 64;
constexpr int64_t kMostRows = 24;

// Reads decisions from the bytes of an input; zeros follow their end.
class Decisions {
 public:
  explicit Decisions(std::string_view bytes) : bytes_(bytes) {}

  bool Left() const { return !bytes_.empty(); }

  uint8_t Byte() {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return byte;
  }

  // As a rule a number from -1 to `most`, and sometimes any.
  int64_t Count(int64_t most) {
    const uint8_t byte = Byte();
    if (byte < 240) return byte % (most + 2) - 1;
    constexpr int64_t kRare[] = {std::numeric_limits<int64_t>::min(),
                                 std::numeric_limits<int64_t>::max(),
                                 int64_t{1} << 62,
                                 int64_t{1} << 32,
                                 2147483639,
                                 2147483640,
                                 1 << 20,
                                 (1 << 20) + 1};
    return kRare[byte % std::size(kRare)];
  }

  double Number() {
    const uint8_t byte = Byte();
    if (byte < 160) return byte / 40.0 - 1;
    if (byte < 200) {
      uint64_t bits = 0;
      for (int i = 0; i < 8; ++i) bits = bits << 8 | Byte();
      return std::bit_cast<double>(bits);
    }
    constexpr double kRare[] = {0.0,   -0.0,     1e-320,    1e-300,
                                1e300, -1e300,   1e-12,     1e308,
                                NAN,   INFINITY, -INFINITY, 1e8};
    return kRare[byte % std::size(kRare)];
  }

  const char* Word() {
    constexpr const char* kWords[] = {
        nullptr,      "",           "residual",   "correlation",
        "euclidean",  "rbf",        "matern12",   "matern32",
        "matern52",   "random",     "kmeans++",   "kmeans",
        "cover_tree", "block",      "best_first", "level_synchronous",
        "exhaustive", "maxmin",     "coordinate", "middle_out",
        "RBF",        "\xff\xfe\n", "none"};
    return kWords[Byte() % std::size(kWords)];
  }

  const char* Path() {
    constexpr const char* kPaths[] = {nullptr, "",           "index", "index",
                                      "index", "none/index", "."};
    return kPaths[Byte() % std::size(kPaths)];
  }

 private:
  std::string_view bytes_;
};

// An array of as many elements as its shape says, or null.
template <class T>
class Array {
 public:
  Array(Decisions& decisions, int64_t n, int64_t d, T (Decisions::*next)())
      : Array(decisions, n, d) {
    for (T& value : values_) value = (decisions.*next)();
  }
  // Of zeros.
  Array(Decisions& decisions, int64_t n, int64_t d) {
    // What no array here has is null, as one that is forgotten.
    constexpr int64_t kMost = 4096;
    is_null_ = decisions.Byte() >= 248 || n > kMost || d > kMost;
    if (n > 0 && d > 0 && !is_null_) {
      is_null_ = n * d > kMost;
      if (!is_null_) values_.resize(static_cast<size_t>(n * d));
    }
    // The end of the array is that of its memory.
    values_.shrink_to_fit();
  }
  T* data() { return is_null_ ? nullptr : values_.data(); }
  const std::vector<T>& values() const { return values_; }

 private:
  bool is_null_ = false;
  std::vector<T> values_;
};

int32_t Progress(double done, void* user) {
  RCT_CHECK(done >= 0 && done <= 1);
  int& left = *static_cast<int*>(user);
  return --left < 0 ? 1 : 0;
}

// All objects, and one call at a time.
class Session {
 public:
  explicit Session(std::string_view bytes) : decisions_(bytes) {
    rct_run_set_threads(run_.get(), 1, nullptr);
  }
  ~Session() { std::remove("index"); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void Run() {
    // As a rule there are an index and a model to begin with.
    if (const uint8_t kind = decisions_.Byte(); kind % 4 > 0) Begin(kind % 4);
    for (int calls = 0; calls < kMostCalls && decisions_.Left(); ++calls) {
      Call();
    }
  }

 private:
  // Most pointers are to an object.
  template <class Handle>
  auto* Maybe(const Handle& handle) {
    return decisions_.Byte() >= 250 ? nullptr : handle.get();
  }

  // Makes a call and checks its error.
  template <class Function>
  int32_t Check(Function call) {
    rct_error* error = reinterpret_cast<rct_error*>(this);  // is overwritten
    const int32_t code = call(&error);
    RCT_CHECK(rct_error_code(error) == code);
    RCT_CHECK((code == RCT_OK) == (error == nullptr));
    RCT_CHECK(code != RCT_INTERNAL && code != RCT_UNKNOWN);
    RCT_CHECK((code == RCT_OK) == (*rct_error_message(error) == '\0'));
    rct_error_free(error);
    return code;
  }

  // Makes an object in the place of `handle` where the call does.
  template <class Handle, class Function>
  void Make(Handle& handle, Function call) {
    typename Handle::pointer made = nullptr;
    const int32_t code =
        Check([&](rct_error** error) { return call(&made, error); });
    RCT_CHECK((code == RCT_OK) == (made != nullptr));
    if (made != nullptr) handle.reset(made);
  }

  void Begin(int kind);
  void Call();
  void SetConfig();
  void SetOthers();
  void MakeIndex();
  void Search();
  void Order();
  void Model();

  Decisions decisions_;
  const CConfig config_{rct_config_new()};
  const CRun run_{rct_run_new()};
  const CFilter filter_{rct_filter_new()};
  const COrdering ordering_{rct_ordering_new()};
  CIndex index_;
  CModel model_;
  CRanges ranges_;
  int progress_left_ = 1 << 30;
};

void Session::Begin(int kind) {
  rct_config_set_kernel(config_.get(), "matern32", nullptr);
  if (kind == 1) {
    rct_config_set_inducing(config_.get(), "random", 3, 1, nullptr);
  } else {
    rct_config_set_metric(config_.get(), "correlation", nullptr);
  }
  const CConfig euclidean(rct_config_new());
  rct_config_set_metric(euclidean.get(), "euclidean", nullptr);
  constexpr int64_t kRows = 20;
  std::vector<double> points(2 * kRows);
  for (size_t i = 0; i < points.size(); ++i) {
    points[i] = static_cast<double>(i * 37 % 101) / 101;
  }
  Make(index_, [&](rct_index** made, rct_error** error) {
    return rct_index_build(points.data(), kRows, 2,
                           kind == 3 ? euclidean.get() : config_.get(),
                           run_.get(), made, error);
  });
  if (kind == 3) return;
  Make(model_, [&](rct_model** made, rct_error** error) {
    return rct_model_new(index_.get(), 3, 0.1, nullptr, 0, run_.get(), made,
                         error);
  });
}

void Session::Call() {
  switch (decisions_.Byte() % 10) {
    case 0:
    case 1:
    case 2:
      return SetConfig();
    case 3:
      return SetOthers();
    case 4:
    case 5:
      return MakeIndex();
    case 6:
    case 7:
      return Search();
    case 8:
      return Order();
    default:
      return Model();
  }
}

void Session::SetConfig() {
  rct_config* const config = Maybe(config_);
  Check([&](rct_error** error) {
    switch (decisions_.Byte() % 9) {
      case 0:
        return rct_config_set_metric(config, decisions_.Word(), error);
      case 1:
        return rct_config_set_kernel(config, decisions_.Word(), error);
      case 2: {
        const int64_t n = decisions_.Count(4);
        Array<double> values(decisions_, n, 1, &Decisions::Number);
        return rct_config_set_lengthscales(config, values.data(), n, error);
      }
      case 3:
        return rct_config_set_variance(config, decisions_.Number(), error);
      case 4: {
        const char* method = decisions_.Word();
        const int64_t m = decisions_.Count(6);
        return rct_config_set_inducing(config, method, m, decisions_.Byte(),
                                       error);
      }
      case 5: {
        const int64_t m = decisions_.Count(6);
        Array<int64_t> rows(decisions_, m, 1);
        for (int64_t i = 0; rows.data() != nullptr && i < m; ++i) {
          rows.data()[i] = decisions_.Count(kMostRows);
        }
        return rct_config_set_inducing_rows(config, rows.data(), m, error);
      }
      case 6: {
        const int64_t m = decisions_.Count(6), d = decisions_.Count(3);
        Array<double> points(decisions_, m, d, &Decisions::Number);
        return rct_config_set_inducing_points(config, points.data(), m, d,
                                              error);
      }
      case 7:
        return rct_config_set_jitter(config, decisions_.Number(), error);
      default:
        return rct_config_set_strategy(config, decisions_.Word(), error);
    }
  });
}

void Session::SetOthers() {
  Check([&](rct_error** error) {
    switch (decisions_.Byte() % 10) {
      case 0:
        return rct_filter_set_predecessor(Maybe(filter_), decisions_.Byte() % 2,
                                          error);
      case 1:
        return rct_filter_set_exclude_self(Maybe(filter_),
                                           decisions_.Byte() % 2, error);
      case 2:
        return rct_filter_set_radius(Maybe(filter_), decisions_.Number(),
                                     error);
      case 3: {
        const int64_t n = decisions_.Count(kMostRows);
        Array<uint8_t> flags(decisions_, n, 1, &Decisions::Byte);
        return rct_filter_set_allowed(Maybe(filter_), flags.data(), n, error);
      }
      case 4:
        return rct_ordering_set_method(Maybe(ordering_), decisions_.Word(),
                                       error);
      case 5: {
        const int64_t n = decisions_.Count(4);
        Array<double> values(decisions_, n, 1, &Decisions::Number);
        return rct_ordering_set_lengthscales(Maybe(ordering_), values.data(), n,
                                             error);
      }
      case 6:
        return rct_ordering_set_column(Maybe(ordering_), decisions_.Count(3),
                                       error);
      case 7:
        return rct_ordering_set_num_first(Maybe(ordering_),
                                          decisions_.Count(kMostRows), error);
      case 8: {
        // More threads than one only in error: their memory is no matter here.
        const int32_t code = rct_run_set_threads(
            Maybe(run_), -static_cast<int32_t>(decisions_.Byte() % 2), error);
        return code == RCT_OK ? rct_run_set_threads(run_.get(), 1, error)
                              : code;
      }
      default:
        progress_left_ = decisions_.Byte() % 16;
        return rct_run_set_progress(Maybe(run_), Progress, &progress_left_,
                                    error);
    }
  });
}

void Session::MakeIndex() {
  const uint8_t kind = decisions_.Byte() % 8;
  if (kind == 4) {
    const char* path = decisions_.Path();
    Check([&](rct_error** error) {
      return rct_index_save(Maybe(index_), path, Maybe(run_), error);
    });
    return;
  }
  const int64_t n = decisions_.Count(kMostRows), d = decisions_.Count(3);
  Array<double> points(decisions_, n, d, &Decisions::Number);
  Make(index_, [&](rct_index** made, rct_error** error) {
    switch (kind) {
      case 0:
        return rct_index_rebuild(Maybe(index_), Maybe(config_), Maybe(run_),
                                 made, error);
      case 1:
        return rct_index_append(Maybe(index_), points.data(), n, d, Maybe(run_),
                                made, error);
      case 5:
        return rct_index_load(decisions_.Path(), decisions_.Byte() % 2,
                              Maybe(run_), made, error);
      default:
        return rct_index_build(points.data(), n, d, Maybe(config_), Maybe(run_),
                               made, error);
    }
  });
}

void Session::Search() {
  const int64_t q = decisions_.Count(6), d = decisions_.Count(3);
  const int64_t k = decisions_.Count(8);
  const int64_t graph_q = rct_index_size(index_.get());
  Array<double> points(decisions_, q, d, &Decisions::Number);
  Array<int64_t> rows(decisions_, q, 1);
  for (int64_t i = 0; rows.data() != nullptr && i < q; ++i) {
    rows.data()[i] = decisions_.Count(kMostRows);
  }
  const uint8_t kind = decisions_.Byte() % 5;
  const int64_t answers = kind == 2 ? graph_q : q;
  // Outputs of their shape, which a call that cannot fill them must refuse.
  Array<int64_t> neighbors(decisions_, answers, k);
  Array<double> distances(decisions_, answers, k);
  const rct_filter* filter = Maybe(filter_);
  if (kind >= 3) {
    Make(ranges_, [&](rct_ranges** made, rct_error** error) {
      const double radius = decisions_.Number();
      return kind == 3 ? rct_index_range(Maybe(index_), rows.data(), q, radius,
                                         filter, Maybe(run_), made, error)
                       : rct_index_range_points(Maybe(index_), points.data(), q,
                                                d, radius, filter, Maybe(run_),
                                                made, error);
    });
    RCT_CHECK(rct_ranges_num_queries(ranges_.get()) >= -1);
    return;
  }
  const int32_t code = Check([&](rct_error** error) {
    switch (kind) {
      case 0:
        return rct_index_search(Maybe(index_), rows.data(), q, k, filter,
                                Maybe(run_), neighbors.data(), distances.data(),
                                error);
      case 1:
        return rct_index_search_points(Maybe(index_), points.data(), q, d, k,
                                       filter, Maybe(run_), neighbors.data(),
                                       distances.data(), error);
      default:
        return rct_index_graph(Maybe(index_), k, nullptr, 0, filter,
                               Maybe(run_), neighbors.data(), distances.data(),
                               error);
    }
  });
  if (code != RCT_OK) return;
  for (const int64_t row : neighbors.values()) {
    RCT_CHECK(row >= -1 && row < graph_q);
  }
}

void Session::Order() {
  const int64_t n = decisions_.Count(kMostRows), d = decisions_.Count(3);
  Array<double> points(decisions_, n, d, &Decisions::Number);
  if (decisions_.Byte() % 2 == 0) {
    Array<double> chords(decisions_, n, std::min<int64_t>(d, 1 << 20) + 1);
    Check([&](rct_error** error) {
      return rct_lon_lat(points.data(), n, d, chords.data(), error);
    });
    return;
  }
  Array<int64_t> order(decisions_, n, 1);
  const int32_t code = Check([&](rct_error** error) {
    return rct_order(points.data(), n, d, Maybe(ordering_), Maybe(run_),
                     order.data(), error);
  });
  if (code != RCT_OK) return;
  std::vector<int64_t> sorted = order.values();
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) {
    RCT_CHECK(sorted[i] == static_cast<int64_t>(i));
  }
}

void Session::Model() {
  const int64_t n = rct_model_size(model_.get());
  const uint8_t kind = decisions_.Byte() % 5;
  if (kind <= 1) {
    const int64_t k = decisions_.Count(6);
    const double noise = decisions_.Number();
    const int64_t count = decisions_.Count(kMostRows);
    Array<int64_t> order(decisions_, count, 1);
    for (int64_t i = 0; order.data() != nullptr && i < count; ++i) {
      order.data()[i] = kind == 0 ? i : decisions_.Count(kMostRows);
    }
    Make(model_, [&](rct_model** made, rct_error** error) {
      return rct_model_new(Maybe(index_), k, noise, order.data(), count,
                           Maybe(run_), made, error);
    });
    return;
  }
  // Of the right size as a rule.
  const int64_t size = decisions_.Byte() < 200 ? n : decisions_.Count(4);
  Array<double> y(decisions_, size, 1, &Decisions::Number);
  const int64_t q = decisions_.Count(6);
  const int64_t d = decisions_.Byte() < 200 ? rct_model_dim(model_.get())
                                            : decisions_.Count(3);
  Array<double> points(decisions_, q, d, &Decisions::Number);
  Array<double> solution(decisions_, kind == 3 ? size : q, 1);
  Array<double> variance(decisions_, q, 1);
  Check([&](rct_error** error) {
    double likelihood = 0;
    switch (kind) {
      case 2:
        return rct_model_log_likelihood(
            Maybe(model_), y.data(), size,
            decisions_.Byte() >= 250 ? nullptr : &likelihood, error);
      case 3:
        return rct_model_solve(Maybe(model_), y.data(), size, solution.data(),
                               error);
      default:
        return rct_model_predict(Maybe(model_), points.data(), q, d, y.data(),
                                 size, Maybe(run_), solution.data(),
                                 variance.data(), error);
    }
  });
}

}  // namespace
}  // namespace rct

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  rct::Session(rct::InputOf(data, size)).Run();
  return 0;
}
