#ifndef EIE_HOST_AVX2_H_
#define EIE_HOST_AVX2_H_

/// Function attribute that compiles one function for AVX2, independent of compiler flags. It is
/// undefined with compilers that cannot do that.
#if defined(__x86_64__) && defined(__GNUC__)
#define EIE_AVX2 __attribute__((target("avx2")))
#endif

namespace eie {

/// Returns whether AVX2 functions were compiled and this processor supports them.
inline bool HasAvx2() {
#ifdef EIE_AVX2
  return __builtin_cpu_supports("avx2");
#else
  return false;
#endif
}

}  // namespace eie

#endif  // EIE_HOST_AVX2_H_
