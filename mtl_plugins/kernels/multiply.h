// The product of a few rows with a matrix, both small enough to fit into the cache.
#pragma once
#include "vectors.h"

namespace {

constexpr i64 kRows = 16;  // of the left matrix

// V vectors of columns and R rows at a time: enough independent sums to hide the latency of multiply-add.
template <i64 V, i64 R>
inline void multiply_columns(const float* in, const float* weight, float* out, i64 channels, i64 padded) {
  for (i64 t = 0; t < kRows; t += R) {
    vec sums[R][V] = {};
    const float* rows = in + t * channels;
    for (i64 c = 0; c < channels; ++c) {
      vec w[V];
      for (i64 v = 0; v < V; ++v) w[v] = load(weight + c * padded + v * kVector);
      for (i64 r = 0; r < R; ++r) {
        const vec one = splat(rows[r * channels + c]);
        for (i64 v = 0; v < V; ++v) sums[r][v] = fused(one, w[v], sums[r][v]);
      }
    }
    for (i64 r = 0; r < R; ++r)
      for (i64 v = 0; v < V; ++v) store(out + (t + r) * padded + v * kVector, sums[r][v]);
  }
}

// out (kRows, padded) = in (kRows, channels) x weight (channels, padded); padded is a multiple of kVector.
inline void multiply(const float* in, const float* weight, float* out, i64 channels, i64 padded) {
  i64 o = 0;
  for (; o + 3 * kVector <= padded; o += 3 * kVector)
    multiply_columns<3, 4>(in, weight + o, out + o, channels, padded);
  for (; o + 2 * kVector <= padded; o += 2 * kVector)
    multiply_columns<2, 4>(in, weight + o, out + o, channels, padded);
  for (; o < padded; o += kVector) multiply_columns<1, 8>(in, weight + o, out + o, channels, padded);
}

}  // namespace
