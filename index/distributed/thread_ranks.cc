#include "index/distributed/thread_ranks.h"

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "base/check.h"
#include "index/distributed/communicator.h"

namespace rct {
namespace {

enum class Call { kAgree, kExchange, kGather, kEnd };

// Where all ranks meet.
class Meeting {
 public:
  explicit Meeting(int size)
      : statuses(size), exchanged(size), gathered(size), size_(size) {}

  // Waits until all ranks have made this call.
  void Wait(Call call) {
    std::unique_lock<std::mutex> lock(mutex_);
    RCT_CHECK(arrived_ == 0 || call == call_);
    call_ = call;
    if (++arrived_ == size_) {
      arrived_ = 0;
      ++round_;
      all_are_here_.notify_all();
      return;
    }
    const int64_t round = round_;
    all_are_here_.wait(lock, [&] { return round_ != round; });
  }

  // By rank. A rank writes its own before all have met, and the ranks read
  // between that and the meeting that ends the call.
  std::vector<absl::Status> statuses;
  std::vector<std::vector<std::string>> exchanged;
  std::vector<std::string> gathered;

 private:
  const int size_;
  std::mutex mutex_;
  std::condition_variable all_are_here_;
  int arrived_ = 0;
  int64_t round_ = 0;
  Call call_ = Call::kEnd;
};

class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(int rank, int size, Meeting& meeting)
      : Communicator(rank, size), meeting_(meeting) {}

  absl::Status Agree(const absl::Status& own) override {
    meeting_.statuses[rank()] = own;
    meeting_.Wait(Call::kAgree);
    absl::Status agreed;
    for (const absl::Status& status : meeting_.statuses) agreed.Update(status);
    meeting_.Wait(Call::kAgree);
    return agreed;
  }

  std::vector<std::string> Exchange(std::vector<std::string> send) override {
    RCT_CHECK(static_cast<int>(send.size()) == size());
    for (int r = 0; r < size(); ++r) {
      if (r != rank()) CountSent(static_cast<int64_t>(send[r].size()));
    }
    meeting_.exchanged[rank()] = std::move(send);
    meeting_.Wait(Call::kExchange);
    std::vector<std::string> received(size());
    for (int r = 0; r < size(); ++r) {
      received[r] = std::move(meeting_.exchanged[r][rank()]);
    }
    meeting_.Wait(Call::kExchange);
    return received;
  }

  std::vector<std::string> Gather(const std::string& own) override {
    CountSent(static_cast<int64_t>(own.size()) * (size() - 1));
    meeting_.gathered[rank()] = own;
    meeting_.Wait(Call::kGather);
    std::vector<std::string> received = meeting_.gathered;
    meeting_.Wait(Call::kGather);
    return received;
  }

  void End() { meeting_.Wait(Call::kEnd); }

 private:
  Meeting& meeting_;
};

}  // namespace

void RunThreadRanks(int size, absl::FunctionRef<void(Communicator&)> run) {
  RCT_CHECK(size >= 1);
  Meeting meeting(size);
  std::vector<std::thread> threads;
  threads.reserve(size);
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank]() noexcept {
      ThreadCommunicator communicator(rank, size, meeting);
      run(communicator);
      communicator.End();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace rct
