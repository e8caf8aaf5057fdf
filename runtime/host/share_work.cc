#include "host/share_work.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace eie {

void ShareWork(int64_t count, int64_t threads, const std::function<void(Pieces&)>& work) {
  Pieces pieces(count);
  std::mutex mutex;
  std::exception_ptr error;
  const auto guarded_work = [&] {
    try {
      work(pieces);
    } catch (...) {
      pieces.Drop();
      const std::lock_guard<std::mutex> lock(mutex);
      if (!error) error = std::current_exception();
    }
  };
  // Counting the cores takes longer than one sample of a small matrix.
  if (threads == 0 && count > 1) threads = std::thread::hardware_concurrency();
  std::vector<std::thread> others;
  try {
    while (static_cast<int64_t>(others.size()) + 1 < std::min(threads, count)) {
      others.emplace_back(guarded_work);
    }
  } catch (const std::system_error&) {
    // The system cannot create more threads; the existing ones do the work.
  }
  guarded_work();
  for (std::thread& other : others) other.join();
  if (error) std::rethrow_exception(error);
}

}  // namespace eie
