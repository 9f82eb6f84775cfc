// A 3x3 convolution of relu6(x * scale) to very few channels, with stride 1 and padding 1, of channels-last maps.
//
// Each pixel is multiplied once with all nine taps of all output channels, which fit into a few vectors. An output sums
// the products of its nine pixels. The map is read once.
#include "multiply.h"

#include <algorithm>
#include <vector>

namespace {

constexpr i64 kSide = 3;
constexpr i64 kBand = 8;  // output rows per work item; the two neighbouring rows are multiplied twice

// The products of a row, (w, padded), from x (w, channels).
template <typename T>
void row_products(const T* x, const float* scale, const float* weight, float* some, float* out, i64 w, i64 channels,
                  i64 padded) {
  for (i64 first = 0; first < w; first += kRows) {
    for (i64 p = 0; p < std::min(kRows, w - first); ++p)
      for (i64 c = 0; c < channels; c += kVector)
        store(some + p * channels + c, relu6(load(x + (first + p) * channels + c) * load(scale + c)));
    multiply(some, weight, out + first * padded, channels, padded);
  }
}

template <typename T>
void taps_conv(const T* x, const float* scale, const float* weight, const float* bias, float* y, i64 n, i64 h,
               i64 w, i64 channels, i64 outs, i64 padded, int threads) {
  const i64 bands = (h + kBand - 1) / kBand, line = (w + kRows) * padded;
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> some(kRows * channels), ring(kSide * line);
#pragma omp for collapse(2)
    for (i64 i = 0; i < n; ++i)
      for (i64 band = 0; band < bands; ++band) {
        const i64 first = band * kBand, end = std::min(h, first + kBand);
        for (i64 r = std::max<i64>(0, first - 1); r < std::min(h, end + 1); ++r) {
          row_products(x + (i * h + r) * w * channels, scale, weight, some.data(), &ring[r % kSide * line], w, channels,
                       padded);
          // now the row above is complete; the last row needs only its own products
          for (i64 q = std::max(first, r - 1); q < std::min(end, r + 1 < h ? r : h); ++q)
            for (i64 p = 0; p < w; ++p)
              for (i64 o = 0; o < outs; ++o) {
                float sum = bias[o];
                for (i64 a = std::max<i64>(0, 1 - q); a < std::min(kSide, h + 1 - q); ++a)
                  for (i64 b = std::max<i64>(0, 1 - p); b < std::min(kSide, w + 1 - p); ++b)
                    sum += ring[(q + a - 1) % kSide * line + (p + b - 1) * padded + (a * kSide + b) * outs + o];
                y[((i * h + q) * w + p) * outs + o] = sum;
              }
        }
      }
  }
}

}  // namespace

// x: (n, h, w, channels), channels a multiple of 16; scale: (channels,); weight: (channels, padded), (3, 3, outs) with
// zeros up to a multiple of kVector; bias: (outs,); y: (n, h, w, outs) float32.
#define FOR_TYPE(T, NAME)                                                                                              \
  extern "C" void taps_conv_##NAME(const T* x, const float* scale, const float* weight, const float* bias, float* y,   \
                                   i64 n, i64 h, i64 w, i64 channels, i64 outs, i64 padded, int threads) {             \
    taps_conv(x, scale, weight, bias, y, n, h, w, channels, outs, padded, threads);                                    \
  }

FOR_TYPE(float, float32)
FOR_TYPE(bfloat16, bfloat16)
