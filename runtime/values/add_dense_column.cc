#include "values/add_dense_column.h"

#include <stdexcept>

#include "host/avx2.h"
#include "image/dense_column.h"

#ifdef EIE_AVX2
#include <immintrin.h>
#endif

namespace eie {

#ifdef EIE_AVX2

namespace {

using dense_column::kBlockBytes;
using dense_column::kBlockRows;

/// 16 words of 4 bytes as vectors of bytes: `bytes[k]` has byte k of each word, in both halves.
EIE_AVX2 inline void SplitBytes(const void* words, __m256i* bytes) {
  const __m128i* const in = static_cast<const __m128i*>(words);
  const __m128i by_byte = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m128i a = _mm_shuffle_epi8(_mm_loadu_si128(in), by_byte);
  const __m128i b = _mm_shuffle_epi8(_mm_loadu_si128(in + 1), by_byte);
  const __m128i c = _mm_shuffle_epi8(_mm_loadu_si128(in + 2), by_byte);
  const __m128i d = _mm_shuffle_epi8(_mm_loadu_si128(in + 3), by_byte);
  const __m128i ab01 = _mm_unpacklo_epi32(a, b);
  const __m128i ab23 = _mm_unpackhi_epi32(a, b);
  const __m128i cd01 = _mm_unpacklo_epi32(c, d);
  const __m128i cd23 = _mm_unpackhi_epi32(c, d);
  bytes[0] = _mm256_broadcastsi128_si256(_mm_unpacklo_epi64(ab01, cd01));
  bytes[1] = _mm256_broadcastsi128_si256(_mm_unpackhi_epi64(ab01, cd01));
  bytes[2] = _mm256_broadcastsi128_si256(_mm_unpacklo_epi64(ab23, cd23));
  bytes[3] = _mm256_broadcastsi128_si256(_mm_unpackhi_epi64(ab23, cd23));
}

EIE_AVX2 inline void AddEight(__m256i products, float* sums) {
  _mm256_storeu_ps(sums, _mm256_add_ps(_mm256_loadu_ps(sums), _mm256_castsi256_ps(products)));
}

EIE_AVX2 inline void AddEight(__m256i products, int32_t* sums) {
  __m256i* const at = reinterpret_cast<__m256i*>(sums);
  _mm256_storeu_si256(at, _mm256_add_epi32(_mm256_loadu_si256(at), products));
}

template <typename Word>
EIE_AVX2 inline void AddBlocks(const uint8_t* column, int64_t blocks, const Word* products,
                               Word* sums) {
  __m256i bytes[4];
  SplitBytes(products, bytes);
  const __m256i shifts = _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4);
  const __m256i code_mask = _mm256_set1_epi8(15);
  for (; blocks > 0; --blocks, column += kBlockBytes, sums += kBlockRows) {
    const __m128i packed = _mm_loadu_si128(reinterpret_cast<const __m128i*>(column));
    const __m256i both = _mm256_srlv_epi32(_mm256_broadcastsi128_si256(packed), shifts);
    const __m256i codes = _mm256_and_si256(both, code_mask);
    // Look up each byte of the 32 products, then interleave the bytes to products.
    const __m256i byte0 = _mm256_shuffle_epi8(bytes[0], codes);
    const __m256i byte1 = _mm256_shuffle_epi8(bytes[1], codes);
    const __m256i byte2 = _mm256_shuffle_epi8(bytes[2], codes);
    const __m256i byte3 = _mm256_shuffle_epi8(bytes[3], codes);
    const __m256i low01 = _mm256_unpacklo_epi8(byte0, byte1);
    const __m256i high01 = _mm256_unpackhi_epi8(byte0, byte1);
    const __m256i low23 = _mm256_unpacklo_epi8(byte2, byte3);
    const __m256i high23 = _mm256_unpackhi_epi8(byte2, byte3);
    AddEight(_mm256_unpacklo_epi16(low01, low23), sums);
    AddEight(_mm256_unpackhi_epi16(low01, low23), sums + 8);
    AddEight(_mm256_unpacklo_epi16(high01, high23), sums + 16);
    AddEight(_mm256_unpackhi_epi16(high01, high23), sums + 24);
  }
}

}  // namespace

EIE_AVX2 void AddDenseColumn(const uint8_t* column, int64_t blocks, const float* products,
                             float* sums) {
  AddBlocks(column, blocks, products, sums);
}

EIE_AVX2 void AddDenseColumn(const uint8_t* column, int64_t blocks, const int32_t* products,
                             int32_t* sums) {
  AddBlocks(column, blocks, products, sums);
}

#else

void AddDenseColumn(const uint8_t*, int64_t, const float*, float*) {
  throw std::logic_error("eie: dense columns on a processor without AVX2");
}

void AddDenseColumn(const uint8_t*, int64_t, const int32_t*, int32_t*) {
  throw std::logic_error("eie: dense columns on a processor without AVX2");
}

#endif

}  // namespace eie
