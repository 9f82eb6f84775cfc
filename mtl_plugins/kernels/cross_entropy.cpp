// Cross-entropy, with its gradient, of logits that are resized (bilinear, align_corners=False) pixel by pixel. The
// resized logits are never stored.
#include "vectors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

constexpr i64 kBand = 8;  // rows of logits per work item; fixed, so the result does not depend on the number of threads

// e^v for v <= 0 with a relative error of about 1e-7 (polynomial from Cephes); NaN stays NaN.
inline vec exponential(vec v) {
  const vec zero = {};
  v = v < zero - 87.f ? zero - 87.f : v;
  const vec shift = zero + 12582912.f;  // 1.5 * 2^23: adding it rounds to an integer
  const vec n = (v * 1.44269504f + shift) - shift;
  const vec r = v - n * 0.693359375f + n * 2.12194440e-4f;
  vec p = zero + 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.f;
  const ints exponent = (__builtin_convertvector(v == v ? n : zero, ints) + 127) << 23;
  return p * (vec)exponent;
}

inline float sum_of(vec v) {
  float total = 0;
  for (i64 k = 0; k < kVector; ++k) total += v[k];
  return total;
}
inline float largest_of(vec v) {
  float m = v[0];
  for (i64 k = 1; k < kVector; ++k) m = std::max(m, v[k]);
  return m;
}

// The two source positions of a target position and their weights, as in PyTorch's interpolation.
struct Between {
  i64 low, high;
  float upper;  // the weight of high
  Between(i64 place, i64 from, i64 to) {
    const float source = std::max(0.f, (place + 0.5f) * (static_cast<float>(from) / to) - 0.5f);
    low = std::min<i64>(static_cast<i64>(source), from - 1);
    high = std::min(low + 1, from - 1);
    upper = std::min(std::max(source - low, 0.f), 1.f);
  }
};

}  // namespace

// logits, grad: (n, h, w, classes). target: (n, height, width); an id outside 0 ... classes - 1 is void.
// weight: (classes,). loss: sums, (n, ceil(h / kBand)). spill: one row of grad for each of these bands.
extern "C" void resized_cross_entropy(const float* logits, const int64_t* target, const float* weight, double* loss,
                                      float* grad, float* spill, i64 n, i64 h, i64 w, i64 classes, i64 height,
                                      i64 width, int threads) {
  const i64 bands = (h + kBand - 1) / kBand, padded = (classes + kVector - 1) / kVector * kVector, line = w * classes;
  std::vector<Between> columns;
  for (i64 x = 0; x < width; ++x) columns.emplace_back(x, w, width);
  std::fill(grad, grad + n * h * line, 0.f);
  std::fill(spill, spill + n * bands * line, 0.f);
#pragma omp parallel num_threads(threads)
  {
    // the padding is so low that its exponentials are 0
    std::vector<float> row(w * padded, std::numeric_limits<float>::lowest()), grad_row(w * padded), values(padded);
#pragma omp for collapse(2)
    for (i64 i = 0; i < n; ++i)
      for (i64 band = 0; band < bands; ++band) {
        double total = 0;
        const i64 first = band * kBand, end = std::min(h, first + kBand);
        const float* source = logits + i * h * line;
        // target rows, starting with the first one at or below row `first`
        i64 y = first * height / h;
        while (y > 0 && Between(y - 1, h, height).low >= first) --y;
        while (y < height && Between(y, h, height).low < first) ++y;
        for (; y < height; ++y) {
          const Between rows(y, h, height);
          if (rows.low >= end) break;
          for (i64 x = 0; x < w; ++x) {
            const float *a = source + rows.low * line + x * classes, *b = source + rows.high * line + x * classes;
            for (i64 c = 0; c < classes; ++c) row[x * padded + c] = a[c] * (1 - rows.upper) + b[c] * rows.upper;
          }
          std::fill(grad_row.begin(), grad_row.end(), 0.f);
          const int64_t* labels = target + (i * height + y) * width;
          for (i64 x = 0; x < width; ++x) {
            const int64_t label = labels[x];
            if (label < 0 || label >= classes || weight[label] == 0) continue;
            const Between& at = columns[x];
            const float *a = &row[at.low * padded], *b = &row[at.high * padded], lower = 1 - at.upper;
            vec most = {};
            most += -std::numeric_limits<float>::infinity();
            for (i64 c = 0; c < padded; c += kVector) {
              const vec v = load(a + c) * lower + load(b + c) * at.upper;
              store(&values[c], v);
              most = larger(most, v);
            }
            const float top = largest_of(most), own = values[label];
            vec sums = {};
            for (i64 c = 0; c < padded; c += kVector) {
              const vec e = exponential(load(&values[c]) - top);
              store(&values[c], e);
              sums += e;
            }
            const float sum = sum_of(sums);
            total += weight[label] * (std::log(sum) - (own - top));
            const float scale = weight[label] / sum;
            float *ga = &grad_row[at.low * padded], *gb = &grad_row[at.high * padded];
            for (i64 c = 0; c < padded; c += kVector) {
              const vec g = load(&values[c]) * scale;
              store(ga + c, load(ga + c) + g * lower);
              store(gb + c, load(gb + c) + g * at.upper);
            }
            ga[label] -= weight[label] * lower;
            gb[label] -= weight[label] * at.upper;
          }
          // the row below belongs to the next band: its share goes to `spill`
          float* low = grad + (i * h + rows.low) * line;
          float* high = rows.high < end ? grad + (i * h + rows.high) * line : spill + (i * bands + band) * line;
          for (i64 x = 0; x < w; ++x)
            for (i64 c = 0; c < classes; ++c) {
              const float g = grad_row[x * padded + c];
              low[x * classes + c] += g * (1 - rows.upper);
              high[x * classes + c] += g * rows.upper;
            }
        }
        loss[i * bands + band] = total;
      }
  }
  for (i64 i = 0; i < n; ++i)
    for (i64 band = 0; band + 1 < bands; ++band) {
      float* row = grad + (i * h + (band + 1) * kBand) * line;
      const float* more = spill + (i * bands + band) * line;
      for (i64 k = 0; k < line; ++k) row[k] += more[k];
    }
}
