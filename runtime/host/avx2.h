#ifndef EIE_HOST_AVX2_H_
#define EIE_HOST_AVX2_H_

/// EIE_AVX2 before a function: compiled for AVX2, whatever the others are compiled for. Compilers
/// that cannot do that leave it undefined.
#if defined(__x86_64__) && defined(__GNUC__)
#define EIE_AVX2 __attribute__((target("avx2")))
#endif

namespace eie {

/// Whether there are functions for AVX2, and this processor runs them.
inline bool HasAvx2() {
#ifdef EIE_AVX2
  return __builtin_cpu_supports("avx2");
#else
  return false;
#endif
}

}  // namespace eie

#endif  // EIE_HOST_AVX2_H_
