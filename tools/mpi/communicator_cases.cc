#include "tools/mpi/communicator_cases.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "index/distributed/communicator.h"

namespace rct {
namespace {

class Cases {
 public:
  Cases(Communicator& ranks, int64_t piece_bytes, int64_t most_bytes)
      : ranks_(ranks), piece_bytes_(piece_bytes), most_bytes_(most_bytes) {}

  int64_t failed() const { return failed_; }

  // Strings of few lengths around those at which pieces end, all bytes among
  // them, and different ones at each call.
  void Exchanges() {
    for (int round = 0; round < 12; ++round) {
      const auto text = [&](int from, int to) {
        return Text(round, from * ranks_.size() + to);
      };
      ExchangeAll(absl::StrCat("exchange ", round), text);
    }
  }

  // One rank with much for all, one that gets much from all, and nobody with
  // anything.
  void LopsidedExchanges() {
    const std::string much = Bytes(most_bytes_, 7);
    for (int one = 0; one < ranks_.size(); ++one) {
      ExchangeAll("from one", [&](int from, int) {
        return from == one ? much : std::string();
      });
      ExchangeAll("to one", [&](int, int to) {
        return to == one ? much : std::string();
      });
    }
    ExchangeAll("nothing", [](int, int) { return std::string(); });
  }

  void Gathers() {
    for (int round = 0; round < 12; ++round) {
      const int64_t before = ranks_.bytes_sent();
      const std::string own = Text(round, ranks_.rank());
      const std::vector<std::string> received = ranks_.Gather(own);
      bool right = static_cast<int>(received.size()) == ranks_.size();
      for (int r = 0; right && r < ranks_.size(); ++r) {
        right = received[r] == Text(round, r);
      }
      const int64_t sent =
          static_cast<int64_t>(own.size()) * (ranks_.size() - 1);
      Expect(right, absl::StrCat("gather ", round));
      Expect(ranks_.bytes_sent() - before == sent, "bytes of a gather");
    }
  }

  // The error of the lowest rank, with all that it says.
  void Agreements() {
    Expect(ranks_.Agree(absl::OkStatus()).ok(), "agree on OK");
    for (int lowest = 0; lowest < ranks_.size(); ++lowest) {
      const auto error = [](int rank) {
        return absl::NotFoundError(
            absl::StrCat("rank ", rank, "\n", Sentence()));
      };
      const absl::Status own =
          ranks_.rank() >= lowest ? error(ranks_.rank()) : absl::OkStatus();
      Expect(ranks_.Agree(own) == error(lowest), "agree on an error");
    }
    const absl::Status silent(absl::StatusCode::kCancelled, "");
    Expect(ranks_.Agree(silent) == silent, "agree on an error without a text");
    Expect(ranks_.Agree(absl::OkStatus()).ok(), "agree on OK again");
  }

 private:
  static std::string Sentence() { return std::string(3000, 'x'); }

  static std::string Bytes(int64_t length, uint64_t seed) {
    std::string bytes(length, '\0');
    for (int64_t i = 0; i < length; ++i) {
      bytes[i] = static_cast<char>((seed + i) * 2654435761u >> 13);
    }
    return bytes;
  }

  std::string Text(int round, int which) const {
    RandomStream random(round, which);
    const auto around = static_cast<int64_t>(random.Uniform() * 4);
    const auto off = static_cast<int64_t>(random.Uniform() * 3) - 1;
    const int64_t length =
        random.Uniform() < 0.1
            ? most_bytes_
            : std::max<int64_t>(0, around * piece_bytes_ + off);
    return Bytes(std::min(length, most_bytes_), 1000 * round + which);
  }

  // Exchanges text(from, to) between all ranks.
  template <class TextOf>
  void ExchangeAll(std::string_view name, const TextOf& text) {
    std::vector<std::string> send(ranks_.size());
    int64_t sent = ranks_.bytes_sent();
    for (int to = 0; to < ranks_.size(); ++to) {
      send[to] = text(ranks_.rank(), to);
      if (to != ranks_.rank()) sent += static_cast<int64_t>(send[to].size());
    }
    const std::vector<std::string> received = ranks_.Exchange(std::move(send));
    bool right = static_cast<int>(received.size()) == ranks_.size();
    for (int from = 0; right && from < ranks_.size(); ++from) {
      right = received[from] == text(from, ranks_.rank());
    }
    Expect(right, name);
    Expect(ranks_.bytes_sent() == sent, "bytes of an exchange");
  }

  void Expect(bool right, std::string_view name) {
    if (right) return;
    ++failed_;
    std::fprintf(stderr, "rank %d of %d: %s\n", ranks_.rank(), ranks_.size(),
                 std::string(name).c_str());
  }

  Communicator& ranks_;
  const int64_t piece_bytes_;
  const int64_t most_bytes_;
  int64_t failed_ = 0;
};

}  // namespace

int64_t FailedCommunicatorCases(Communicator& ranks, int64_t piece_bytes,
                                int64_t most_bytes) {
  Cases cases(ranks, piece_bytes, most_bytes);
  cases.Exchanges();
  cases.LopsidedExchanges();
  cases.Gathers();
  cases.Agreements();
  return cases.failed();
}

}  // namespace rct
