#ifndef EIE_HOST_LARGE_VECTOR_H_
#define EIE_HOST_LARGE_VECTOR_H_

#include <cstddef>
#include <new>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace eie {

/// Memory for vectors that are read here and there, on huge pages where the system offers them.
///
/// Active columns are scattered over a matrix of many small pages: to find a page takes longer than
/// to read the column.
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
  static constexpr size_t kMinSize = 4 * kHugePage;  // less would waste too large a part
  static constexpr size_t kCacheLine = 64;

  static std::align_val_t Alignment(size_t size) {
    return std::align_val_t{size >= kMinSize ? kHugePage : kCacheLine};
  }
};

template <typename T>
using LargeVector = std::vector<T, HugePageAllocator<T>>;

}  // namespace eie

#endif  // EIE_HOST_LARGE_VECTOR_H_
