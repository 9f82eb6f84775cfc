// A 3x3 convolution of relu6(x * scale) to few channels, with stride 1 and padding 1, of channels-last maps.
//
// Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, CVPR 2016, arXiv 1509.09308): 36 instead of 144 products for
// a tile of 16 outputs. All steps run for a few tiles at a time, which fit into the cache.
#include "multiply.h"

#include <algorithm>
#include <vector>

namespace {

constexpr i64 kOut = 4, kIn = 6, kPoints = kIn * kIn;
constexpr i64 kTiles = kRows;  // per block

// One direction of the input transform: six vectors, `step` floats apart, to six vectors, `out_step` floats apart.
inline void transform_input(const float* d, i64 step, float* out, i64 out_step) {
  const vec a = load(d), b = load(d + step), c = load(d + 2 * step), e = load(d + 3 * step), f = load(d + 4 * step);
  const vec g = load(d + 5 * step), p = f - 4 * c, q = e - 4 * b, r = f - c, s = 2 * (e - b);
  store(out, 4 * a - 5 * c + f);
  store(out + out_step, p + q);
  store(out + 2 * out_step, p - q);
  store(out + 3 * out_step, r + s);
  store(out + 4 * out_step, r - s);
  store(out + 5 * out_step, 4 * b - 5 * e + g);
}

inline void transform_output(const vec* m, i64 step, vec* out, i64 out_step) {
  const vec p = m[step] + m[2 * step], q = m[step] - m[2 * step];
  const vec r = m[3 * step] + m[4 * step], s = m[3 * step] - m[4 * step];
  out[0] = m[0] + p + r;
  out[out_step] = q + 2 * s;
  out[2 * out_step] = p + 4 * r;
  out[3 * out_step] = q + 8 * s + m[5 * step];
}

// weight: (3, 3, channels, padded) -> (36, channels, padded)
void transform_weight(const float* weight, float* out, i64 size, int threads) {
  static constexpr float g[kIn][3] = {{1.f / 4, 0, 0},           {-1.f / 6, -1.f / 6, -1.f / 6},
                                      {-1.f / 6, 1.f / 6, -1.f / 6}, {1.f / 24, 1.f / 12, 1.f / 6},
                                      {1.f / 24, -1.f / 12, 1.f / 6}, {0, 0, 1}};
#pragma omp parallel for num_threads(threads)
  for (i64 o = 0; o < size; o += kVector)
    for (i64 i = 0; i < kIn; ++i) {
      vec rows[3];
      for (i64 x = 0; x < 3; ++x) {
        rows[x] = vec{};
        for (i64 y = 0; y < 3; ++y) rows[x] += g[i][y] * load(weight + (y * 3 + x) * size + o);
      }
      for (i64 j = 0; j < kIn; ++j)
        store(out + (i * kIn + j) * size + o, g[j][0] * rows[0] + g[j][1] * rows[1] + g[j][2] * rows[2]);
    }
}

}  // namespace

extern "C" int64_t vector_size() { return kVector; }

// x: (n, h, w, channels), channels a multiple of 16; scale: (channels,); weight: (3, 3, channels, padded), its last
// dimension padded with zeros to `padded`, a multiple of kVector; bias: (padded,); y: (n, h, w, outs);
// space: (36, channels, padded).
extern "C" void winograd_conv(const float* x, const float* scale, const float* weight, const float* bias, float* y,
                              float* space, i64 n, i64 h, i64 w, i64 channels, i64 outs, i64 padded, int threads) {
  const i64 down = (h + kOut - 1) / kOut, across = (w + kOut - 1) / kOut, tiles = down * across;
  const i64 blocks = (tiles + kTiles - 1) / kTiles;
  transform_weight(weight, space, channels * padded, threads);
#pragma omp parallel num_threads(threads)
  {
    const i64 stride = kTiles * channels + kLane;  // not a power of two: 36 such rows would compete for a few cache sets
    std::vector<float> in(kPoints * stride), products(kPoints * kTiles * padded);
#pragma omp for collapse(2)
    for (i64 i = 0; i < n; ++i)
      for (i64 block = 0; block < blocks; ++block) {
        const i64 first = block * kTiles, count = std::min(kTiles, tiles - first);
        for (i64 t = 0; t < count; ++t) {
          const i64 top = (first + t) / across * kOut - 1, left = (first + t) % across * kOut - 1;
          for (i64 line = 0; line < channels; line += kLane) {
            float d[kPoints][kLane] = {};  // full cache lines: the positions of a tile would compete for cache sets
            for (i64 a = std::max<i64>(0, -top); a < std::min(kIn, h - top); ++a)
              for (i64 b = std::max<i64>(0, -left); b < std::min(kIn, w - left); ++b) {
                const float* place = x + ((i * h + top + a) * w + left + b) * channels + line;
                for (i64 c = 0; c < kLane; c += kVector)
                  store(&d[a * kIn + b][c], relu6(load(place + c) * load(scale + line + c)));
              }
            for (i64 c = 0; c < kLane; c += kVector) {
              vec rows[kPoints];
              for (i64 b = 0; b < kIn; ++b) transform_input(&d[b][c], kIn * kLane, (float*)(rows + b), kIn * kVector);
              float* to = &in[t * channels + line + c];
              for (i64 a = 0; a < kIn; ++a)
                transform_input((float*)(rows + a * kIn), kVector, to + a * kIn * stride, stride);
            }
          }
        }
        for (i64 k = 0; k < kPoints; ++k) {
          float* to = &products[k * kTiles * padded];
          multiply(&in[k * stride], space + k * channels * padded, to, channels, padded);
        }
        for (i64 t = 0; t < count; ++t) {
          const i64 top = (first + t) / across * kOut, left = (first + t) % across * kOut;
          for (i64 o = 0; o < padded; o += kVector) {
            vec m[kPoints], rows[kOut * kIn], out[kOut * kOut];
            for (i64 k = 0; k < kPoints; ++k) m[k] = load(&products[(k * kTiles + t) * padded + o]);
            for (i64 b = 0; b < kIn; ++b) transform_output(m + b, kIn, rows + b, kIn);
            for (i64 a = 0; a < kOut; ++a) transform_output(rows + a * kIn, 1, out + a * kOut, 1);
            for (i64 a = 0; a < std::min(kOut, h - top); ++a)
              for (i64 b = 0; b < std::min(kOut, w - left); ++b) {
                float* to = y + ((i * h + top + a) * w + left + b) * outs + o;
                const vec v = out[a * kOut + b] + load(bias + o);
                if (o + kVector <= outs) {
                  store(to, v);
                } else {
                  for (i64 k = 0; k < outs - o; ++k) to[k] = v[k];
                }
              }
          }
        }
      }
  }
}
