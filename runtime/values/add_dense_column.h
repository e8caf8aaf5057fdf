#ifndef EIE_VALUES_ADD_DENSE_COLUMN_H_
#define EIE_VALUES_ADD_DENSE_COLUMN_H_

#include <cstdint>

namespace eie {

/// Adds the product of each row's code to the row's sum, for whole blocks of a dense column
/// (image/dense_column.h). Requires HasAvx2().
///
/// `products` has the product of each of the 16 codes. That of code 0 must not change a sum: as a
/// float it is -0.0.
void AddDenseColumn(const uint8_t* column, int64_t blocks, const float* products, float* sums);
/// The same for integers, modulo 2^32.
void AddDenseColumn(const uint8_t* column, int64_t blocks, const int32_t* products, int32_t* sums);

}  // namespace eie

#endif  // EIE_VALUES_ADD_DENSE_COLUMN_H_
