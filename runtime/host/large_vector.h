#ifndef EIE_HOST_LARGE_VECTOR_H_
#define EIE_HOST_LARGE_VECTOR_H_

#include <cstddef>
#include <new>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace eie {

/// Allocator on huge pages, where available, for large vectors with scattered reads.
///
/// Active columns are scattered over the matrix. With small pages, the TLB miss of a column takes
/// longer than its read.
template <typename T>
struct HugePageAllocator {
  using value_type = T;

  HugePageAllocator() = default;
  template <typename U>
  HugePageAllocator(const HugePageAllocator<U>&) {}  // NOLINT: converts, as allocators do

  T* allocate(size_t count) {
    const size_t size = count * sizeof(T);
    void* const memory = ::operator new(size, Alignment(size));
#if defined(__linux__)
    if (size >= kMinSize) madvise(memory, size, MADV_HUGEPAGE);  // a hint, which may fail
#endif
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t count) {
    ::operator delete(memory, Alignment(count * sizeof(T)));
  }

  friend bool operator==(const HugePageAllocator&, const HugePageAllocator&) { return true; }
  friend bool operator!=(const HugePageAllocator&, const HugePageAllocator&) { return false; }

 private:
  static constexpr size_t kHugePage = size_t{1} << 21;
  static constexpr size_t kMinSize = 4 * kHugePage;  // smaller vectors would waste too much
  static constexpr size_t kCacheLine = 64;

  static std::align_val_t Alignment(size_t size) {
    return std::align_val_t{size >= kMinSize ? kHugePage : kCacheLine};
  }
};

template <typename T>
using LargeVector = std::vector<T, HugePageAllocator<T>>;

}  // namespace eie

#endif  // EIE_HOST_LARGE_VECTOR_H_
