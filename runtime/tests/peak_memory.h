#ifndef EIE_TESTS_PEAK_MEMORY_H_
#define EIE_TESTS_PEAK_MEMORY_H_

#include <algorithm>
#include <cstddef>

// As clang's sanitizer/allocator_interface.h has them; the sanitizers of GCC come without it.
extern "C" {
int __sanitizer_install_malloc_and_free_hooks(void (*allocated)(const volatile void*, size_t),
                                              void (*freed)(const volatile void*));
size_t __sanitizer_get_allocated_size(const volatile void* data);
}

namespace eie {

/// Counts what is allocated, by the hooks of the address sanitizer; there is one for a process.
class PeakMemory {
 public:
  /// Starts to count anew: what is held now counts as nothing.
  static void Start() {
    static const int installed = __sanitizer_install_malloc_and_free_hooks(&Allocated, &Freed);
    static_cast<void>(installed);
    held_ = peak_ = 0;
  }
  /// The most bytes held at once since `Start`.
  static size_t Bytes() { return static_cast<size_t>(std::max(peak_, ptrdiff_t{0})); }

 private:
  static void Allocated(const volatile void*, size_t size) {
    held_ += static_cast<ptrdiff_t>(size);
    peak_ = std::max(peak_, held_);
  }
  static void Freed(const volatile void* data) {
    held_ -= static_cast<ptrdiff_t>(__sanitizer_get_allocated_size(data));
  }

  static inline ptrdiff_t held_ = 0;
  static inline ptrdiff_t peak_ = 0;
};

}  // namespace eie

#endif  // EIE_TESTS_PEAK_MEMORY_H_
