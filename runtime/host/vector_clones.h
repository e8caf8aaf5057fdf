#ifndef EIE_HOST_VECTOR_CLONES_H_
#define EIE_HOST_VECTOR_CLONES_H_

/// EIE_VECTOR_CLONES before a function: compiled for AVX2 as well, chosen when the library loads.
///
/// EIE_INLINE: functions that are to be part of every clone. Where the compiler or the loader
/// cannot (sanitizers run before the choice), there is the plain function alone. Results are the
/// same bits: AVX2 brings no fused multiply-add, and contraction is off.
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GLIBC__) && defined(__GNUC__) && \
    !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define EIE_VECTOR_CLONES __attribute__((target_clones("avx2", "default")))
#define EIE_INLINE inline __attribute__((always_inline))
#else
#define EIE_VECTOR_CLONES
#define EIE_INLINE inline
#endif

#endif  // EIE_HOST_VECTOR_CLONES_H_
