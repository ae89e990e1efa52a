#include "tools/mpi/mpi_communicator.h"

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/check.h"
#include "index/distributed/communicator.h"

namespace rct {
namespace {

constexpr int64_t kInFlight = 64;  // pieces

// The tag of all messages: those between two ranks arrive in their order.
constexpr int kTag = 1;

// Waits until all requests are through. MPI's own calls that wait take a
// processor each, which the threads of other ranks may want for their work: the
// rank that is waited for, among them, where ranks share processors.
void Await(absl::Span<MPI_Request> requests) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::microseconds kAlert(200), kNap(50);
  const Clock::time_point begin = Clock::now();
  while (true) {
    int done = 0;
    MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done,
                MPI_STATUSES_IGNORE);
    if (done != 0) return;
    if (Clock::now() - begin > kAlert) std::this_thread::sleep_for(kNap);
  }
}
void Await(MPI_Request request) { Await(absl::MakeSpan(&request, 1)); }

int RankOf(MPI_Comm communicator) {
  int rank = 0;
  MPI_Comm_rank(communicator, &rank);
  return rank;
}

int SizeOf(MPI_Comm communicator) {
  int size = 0;
  MPI_Comm_size(communicator, &size);
  return size;
}

// Bytes [first, first + sent) of the string for the target of a step, and
// [first, first + received) of the one from its source.
struct Piece {
  int step = 0;
  int64_t first = 0;
  int sent = 0;
  int received = 0;

  int64_t bytes() const { return int64_t{sent} + received; }
};

// The pieces of an exchange, in the order in which a rank takes them.
class Plan {
 public:
  Plan(int rank, absl::Span<const int64_t> to_send,
       absl::Span<const int64_t> to_receive, int64_t piece_bytes)
      : rank_(rank), size_(static_cast<int>(to_send.size())) {
    for (int step = 1; step < size_; ++step) {
      const int64_t sent = to_send[Target(step)];
      const int64_t received = to_receive[Source(step)];
      const auto part = [&](int64_t bytes, int64_t first) {
        return static_cast<int>(
            std::clamp<int64_t>(bytes - first, 0, piece_bytes));
      };
      for (int64_t first = 0; first < std::max(sent, received);
           first += piece_bytes) {
        pieces_.push_back(
            {step, first, part(sent, first), part(received, first)});
      }
    }
  }

  int Target(int step) const { return (rank_ + step) % size_; }
  int Source(int step) const { return (rank_ - step + size_) % size_; }
  const std::vector<Piece>& pieces() const { return pieces_; }

  // Returns the end of the pieces, from `begin` on, that are in flight at once.
  size_t EndOfFlight(size_t begin, int64_t most_bytes) const {
    size_t end = begin;
    for (int64_t bytes = 0; end < pieces_.size() && end - begin < kInFlight;
         ++end) {
      bytes += pieces_[end].bytes();
      if (end > begin && bytes > most_bytes) break;
    }
    return end;
  }

 private:
  int rank_;
  int size_;
  std::vector<Piece> pieces_;
};

}  // namespace

MpiSession::MpiSession() {
  int provided = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
  RCT_CHECK(provided >= MPI_THREAD_FUNNELED);
}

MpiSession::~MpiSession() { MPI_Finalize(); }

void MpiSession::Abort(int exit_code) {
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);
}

MpiCommunicator::MpiCommunicator(int64_t piece_bytes)
    : Communicator(RankOf(MPI_COMM_WORLD), SizeOf(MPI_COMM_WORLD)),
      piece_bytes_(piece_bytes) {
  RCT_CHECK(piece_bytes > 0 && piece_bytes <= kMessageBytes);
}

absl::Status MpiCommunicator::Agree(const absl::Status& own) {
  int lowest = own.ok() ? size() : rank();
  MPI_Request request;
  MPI_Iallreduce(MPI_IN_PLACE, &lowest, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD,
                 &request);
  Await(request);
  if (lowest == size()) return absl::OkStatus();
  // A message is a sentence; one that is not is cut.
  constexpr size_t kMostBytes = size_t{1} << 20;
  std::string message(own.message().substr(0, kMostBytes));
  int header[] = {own.raw_code(), static_cast<int>(message.size())};
  MPI_Ibcast(header, 2, MPI_INT, lowest, MPI_COMM_WORLD, &request);
  Await(request);
  message.resize(header[1]);
  MPI_Ibcast(message.data(), header[1], MPI_CHAR, lowest, MPI_COMM_WORLD,
             &request);
  Await(request);
  return absl::Status(static_cast<absl::StatusCode>(header[0]), message);
}

std::vector<std::string> MpiCommunicator::Exchange(
    std::vector<std::string> send) {
  RCT_CHECK(static_cast<int>(send.size()) == size());
  std::vector<int64_t> to_send(size()), to_receive(size());
  for (int r = 0; r < size(); ++r) {
    to_send[r] = static_cast<int64_t>(send[r].size());
    if (r != rank()) CountSent(to_send[r]);
  }
  MPI_Request sizes;
  MPI_Ialltoall(to_send.data(), 1, MPI_INT64_T, to_receive.data(), 1,
                MPI_INT64_T, MPI_COMM_WORLD, &sizes);
  Await(sizes);
  std::vector<std::string> received(size());
  received[rank()] = std::move(send[rank()]);

  const Plan plan(rank(), to_send, to_receive, piece_bytes_);
  std::vector<MPI_Request> requests;
  for (size_t begin = 0; begin < plan.pieces().size();) {
    const size_t end = plan.EndOfFlight(begin, 2 * piece_bytes_);
    requests.clear();
    for (size_t i = begin; i < end; ++i) {
      const Piece& piece = plan.pieces()[i];
      const int to = plan.Target(piece.step);
      const int from = plan.Source(piece.step);
      if (piece.received > 0) {
        received[from].resize(to_receive[from]);
        MPI_Irecv(received[from].data() + piece.first, piece.received, MPI_CHAR,
                  from, kTag, MPI_COMM_WORLD, &requests.emplace_back());
      }
      if (piece.sent > 0) {
        MPI_Isend(send[to].data() + piece.first, piece.sent, MPI_CHAR, to, kTag,
                  MPI_COMM_WORLD, &requests.emplace_back());
      }
    }
    Await(absl::MakeSpan(requests));
    for (; begin < end; ++begin) {
      const Piece& piece = plan.pieces()[begin];
      const int to = plan.Target(piece.step);
      if (piece.first + piece.sent == to_send[to]) send[to] = std::string();
    }
  }
  return received;
}

std::vector<std::string> MpiCommunicator::Gather(const std::string& own) {
  const auto own_bytes = static_cast<int64_t>(own.size());
  CountSent(own_bytes * (size() - 1));
  std::vector<int64_t> bytes(size());
  MPI_Request request;
  MPI_Iallgather(&own_bytes, 1, MPI_INT64_T, bytes.data(), 1, MPI_INT64_T,
                 MPI_COMM_WORLD, &request);
  Await(request);
  std::vector<std::string> received(size());
  for (int r = 0; r < size(); ++r) received[r].reserve(bytes[r]);
  const int64_t longest = *std::max_element(bytes.begin(), bytes.end());
  const int64_t share = std::max<int64_t>(1, piece_bytes_ / size());
  std::string round;
  std::vector<int> counts(size()), offsets(size());
  for (int64_t first = 0; first < longest; first += share) {
    int total = 0;
    for (int r = 0; r < size(); ++r) {
      offsets[r] = total;
      counts[r] =
          static_cast<int>(std::clamp<int64_t>(bytes[r] - first, 0, share));
      total += counts[r];
    }
    round.resize(total);
    MPI_Iallgatherv(own.data() + std::min(first, own_bytes), counts[rank()],
                    MPI_CHAR, round.data(), counts.data(), offsets.data(),
                    MPI_CHAR, MPI_COMM_WORLD, &request);
    Await(request);
    for (int r = 0; r < size(); ++r) {
      received[r].append(round, offsets[r], counts[r]);
    }
  }
  return received;
}

}  // namespace rct
