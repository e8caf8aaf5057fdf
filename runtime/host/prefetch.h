#ifndef EIE_HOST_PREFETCH_H_
#define EIE_HOST_PREFETCH_H_

#include <cstddef>

#include "host/vector_clones.h"

namespace eie {

constexpr size_t kCacheLineBytes = 64;

/// Asks for `size` values that will be read soon: a hint, which may do nothing.
///
/// Active columns are scattered over a matrix larger than the cache, so that processors do not
/// foresee them; we do. Inline, since GCC takes a function that only asks for one without effect.
template <typename T>
EIE_INLINE void Prefetch(const T* first, size_t size) {
#if defined(__GNUC__)
  const char* const bytes = reinterpret_cast<const char*>(first);
  const size_t end = size * sizeof(T);
  for (size_t i = 0; i < end; i += kCacheLineBytes) __builtin_prefetch(bytes + i);
  if (end > 0) __builtin_prefetch(bytes + end - 1);  // the bytes need not start a line
#else
  (void)first;
  (void)size;
#endif
}

}  // namespace eie

#endif  // EIE_HOST_PREFETCH_H_
