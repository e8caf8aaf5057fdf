#ifndef EIE_HOST_VECTOR_CLONES_H_
#define EIE_HOST_VECTOR_CLONES_H_

/// EIE_VECTOR_CLONES: attribute that compiles a function also for AVX2; the loader chooses.
///
/// EIE_INLINE: attribute of functions that must be part of every clone. If the compiler or the
/// loader does not support clones (sanitizers run before the choice), there is only the plain
/// function. Results are equal to the bit: AVX2 has no fused multiply-add, and contraction is off.
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GLIBC__) && defined(__GNUC__) && \
    !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define EIE_VECTOR_CLONES __attribute__((target_clones("avx2", "default")))
#define EIE_INLINE inline __attribute__((always_inline))
#else
#define EIE_VECTOR_CLONES
#define EIE_INLINE inline
#endif

#endif  // EIE_HOST_VECTOR_CLONES_H_
