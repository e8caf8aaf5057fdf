#ifndef EIE_HOST_PREFETCH_H_
#define EIE_HOST_PREFETCH_H_

#include <cstddef>

#include "host/vector_clones.h"

namespace eie {

constexpr size_t kCacheLineBytes = 64;

/// Prefetches `size` values that will be read soon; a hint, which may have no effect.
///
/// Active columns are scattered over a matrix larger than the cache, so hardware cannot predict
/// them, but the columns are known. The function is inline, because GCC removes calls of a function
/// that only prefetches.
template <typename T>
EIE_INLINE void Prefetch(const T* first, size_t size) {
#if defined(__GNUC__)
  const char* const bytes = reinterpret_cast<const char*>(first);
  const size_t end = size * sizeof(T);
  for (size_t i = 0; i < end; i += kCacheLineBytes) __builtin_prefetch(bytes + i);
  if (end > 0) __builtin_prefetch(bytes + end - 1);  // the bytes may span one more cache line
#else
  (void)first;
  (void)size;
#endif
}

}  // namespace eie

#endif  // EIE_HOST_PREFETCH_H_
