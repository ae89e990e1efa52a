#include "index/distributed/rank_exchange.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "index/distributed/communicator.h"
#include "index/exceptions.h"

namespace rct {
namespace {

constexpr int64_t kPieceBytes = int64_t{32} << 20;
constexpr int64_t kLeastPieceBytes = int64_t{1} << 16;

// The last byte of each message of a round: whether its sender has sent
// anything to anyone.
constexpr char kNothing = '0';
constexpr char kSomething = '1';

}  // namespace

RankExchange::RankExchange(Communicator& ranks, int64_t piece_bytes)
    : ranks_(ranks),
      piece_bytes_(piece_bytes > 0 ? piece_bytes
                                   : std::max(kPieceBytes,
                                              ranks.size() * kLeastPieceBytes)),
      sent_before_(ranks.bytes_sent()) {}

template <class Call>
auto RankExchange::Together(Call call) {
  const auto start = std::chrono::steady_clock::now();
  const int64_t sent = ranks_.bytes_sent();
  auto result = call();
  *counter_ += ranks_.bytes_sent() - sent;
  seconds_ +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  return result;
}

void RankExchange::Caught() {
  own_.Update(StatusOfException("DistributedGraph"));
}

absl::Status RankExchange::Step(absl::FunctionRef<absl::Status()> step) {
  absl::Status own = std::exchange(own_, absl::OkStatus());
  if (own.ok()) {
    try {
      own = step();
    } catch (...) {
      own = StatusOfException("DistributedGraph");
    }
  }
  return Together([&] { return ranks_.Agree(own); });
}

std::vector<std::string> RankExchange::Gather(const std::string& own) {
  return Together([&] { return ranks_.Gather(own); });
}

bool RankExchange::Round(NextPiece next, TakePiece take) {
  std::vector<std::string> send(size());
  bool something = false;
  try {
    for (int to = 0; to < size() && own_.ok(); ++to) {
      send[to] = next(to, piece_bytes_ / size());
      something = something || !send[to].empty();
    }
  } catch (...) {
    Caught();
  }
  for (std::string& message : send) {
    message.push_back(something ? kSomething : kNothing);
  }
  const std::vector<std::string> received =
      Together([&] { return ranks_.Exchange(std::move(send)); });
  try {
    for (int from = 0; from < size() && own_.ok(); ++from) {
      std::string_view piece = received[from];
      piece.remove_suffix(1);
      if (!piece.empty()) take(from, piece);
    }
  } catch (...) {
    Caught();
  }
  return std::any_of(
      received.begin(), received.end(),
      [](const std::string& message) { return message.back() == kSomething; });
}

absl::Status RankExchange::Exchange(NextPiece next, TakePiece take) {
  while (Round(next, take)) {
  }
  return Step([] { return absl::OkStatus(); });
}

absl::Status RankExchange::ExchangeWithAll(NextPiece next, TakePiece take) {
  bool any = true;
  while (any) {
    std::string own;
    try {
      if (own_.ok()) own = next(rank(), piece_bytes_ / size());
    } catch (...) {
      Caught();
      own.clear();
    }
    const std::vector<std::string> received = Gather(own);
    any = false;
    for (const std::string& piece : received) any = any || !piece.empty();
    try {
      for (int from = 0; from < size() && own_.ok(); ++from) {
        if (!received[from].empty()) take(from, received[from]);
      }
    } catch (...) {
      Caught();
    }
  }
  return Step([] { return absl::OkStatus(); });
}

}  // namespace rct
