// 5x5 max-pooling of stride 1, and chained residual pooling with depthwise 1x1 convolutions, of channels-last maps.
//
// A few channels of an image go the whole way while they lie in the cache. Rows stream through the stages: each keeps
// the row maxima of the five rows that it looks at, so that nothing but the answer goes to memory. Backward passes
// compute the maxima again instead of storing where they were. Of equal values the first in reading order has the
// gradient, as in PyTorch.
#include "vectors.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

namespace {

constexpr i64 kLane = 16;   // channels at a time: one cache line of float32
constexpr i64 kRadius = 2;  // of the window
constexpr i64 kWindow = 2 * kRadius + 1;
constexpr float kLow = -std::numeric_limits<float>::infinity();

// The way of a lane (kLane channels of an image) between a map of all channels and a dense one.
template <typename T>
struct Lane {
  T* data;
  i64 channels;
  Lane(T* map, i64 image, i64 lane, i64 h, i64 w, i64 channels)
      : data(map + image * h * w * channels + lane * kLane), channels(channels) {}
  T* at(i64 pixel, i64 c) const { return data + pixel * channels + c; }
};

template <typename F>
inline void each(i64 pixels, F f) {
  for (i64 p = 0; p < pixels; ++p)
    for (i64 c = 0; c < kLane; c += kVector) f(p, c, p * kLane + c);
}

// Maxima of five pixels in a row of w; `in` has kRadius pixels of kLow on both sides.
void row_maxima(const float* in, float* out, i64 w) {
  for (i64 k = 0; k < kLane; k += kVector) {
    const float* p = in + k;
    vec a = load(p), b = load(p + kLane), c = load(p + 2 * kLane), d = load(p + 3 * kLane);
    vec ab = larger(a, b), bc = larger(b, c), cd = larger(c, d);
    for (i64 x = 0; x < w; ++x) {
      const vec e = load(p + (x + 4) * kLane);
      store(out + x * kLane + k, larger(larger(ab, cd), e));
      ab = bc, bc = cd, cd = larger(d, e), d = e;
    }
  }
}

// A stage of pooling that rows stream through: takes row t, gives row t - kRadius of h.
struct Stage {
  std::vector<float> maxima, none;
  i64 h, w;
  const float* rows[kWindow] = {};

  Stage(i64 h, i64 w) : maxima(kWindow * w * kLane), none(w * kLane, kLow), h(h), w(w) {}
  float* slot(i64 row) { return &maxima[row % kWindow * w * kLane]; }
  void take(const float* padded, i64 row) { row_maxima(padded, slot(row), w); }
  void look_at(i64 row) {
    for (i64 j = 0; j < kWindow; ++j) {
      const i64 r = row + j - kRadius;
      rows[j] = r < 0 || r >= h ? none.data() : slot(r);
    }
  }
  vec maximum(i64 o) const {
    const vec ab = larger(load(rows[0] + o), load(rows[1] + o)), cd = larger(load(rows[2] + o), load(rows[3] + o));
    return larger(larger(ab, cd), load(rows[4] + o));
  }
};

template <typename T>
void pool(const T* x, T* y, i64 n, i64 h, i64 w, i64 channels, int threads) {
#pragma omp parallel num_threads(threads)
  {
    Stage stage(h, w);
    std::vector<float> padded((w + 2 * kRadius) * kLane, kLow);
    float* row = padded.data() + kRadius * kLane;
#pragma omp for collapse(2)
    for (i64 i = 0; i < n; ++i)
      for (i64 b = 0; b < channels / kLane; ++b) {
        const Lane<const T> in(x, i, b, h, w, channels);
        const Lane<T> out(y, i, b, h, w, channels);
        for (i64 t = 0; t < h + kRadius; ++t) {
          if (t < h) {
            each(w, [&](i64 q, i64 c, i64 o) { store(row + o, load(in.at(t * w + q, c))); });
            stage.take(padded.data(), t);
          }
          const i64 r = t - kRadius;
          if (r < 0) continue;
          stage.look_at(r);
          each(w, [&](i64 q, i64 c, i64 o) { store(out.at(r * w + q, c), stage.maximum(o)); });
        }
      }
  }
}

template <typename T>
void crp(const T* x, const float* weight, T* y, i64 n, i64 h, i64 w, i64 channels, i64 stages, int threads) {
  const i64 line = w * kLane, ring = kRadius * stages + 1;
#pragma omp parallel num_threads(threads)
  {
    std::vector<Stage> chain(stages, Stage(h, w));
    std::vector<float> padded((w + 2 * kRadius) * kLane, kLow), sums(ring * line);  // a row waits for all stages
    float* row = padded.data() + kRadius * kLane;
#pragma omp for collapse(2)
    for (i64 i = 0; i < n; ++i)
      for (i64 b = 0; b < channels / kLane; ++b) {
        const Lane<const T> in(x, i, b, h, w, channels);
        const Lane<T> out(y, i, b, h, w, channels);
        for (i64 t = 0; t < h + kRadius * stages; ++t) {
          if (t < h) {
            float* sum = &sums[t % ring * line];
            each(w, [&](i64 q, i64 c, i64 o) {
              const vec v = relu6(load(in.at(t * w + q, c)));
              store(row + o, v);
              store(sum + o, v);
            });
          }
          for (i64 s = 0; s < stages; ++s) {
            const i64 taken = t - kRadius * s, r = taken - kRadius;
            if (taken < 0) break;
            if (taken < h) chain[s].take(padded.data(), taken);
            if (r < 0) break;
            if (r >= h) continue;
            chain[s].look_at(r);
            float* sum = &sums[r % ring * line];
            const float* scale = weight + s * channels + b * kLane;
            const bool last = s + 1 == stages;
            each(w, [&](i64 q, i64 c, i64 o) {
              const vec v = chain[s].maximum(o) * load(scale + c), total = load(sum + o) + v;
              if (last) {
                store(out.at(r * w + q, c), total);
              } else {
                store(row + o, v);  // what the next stage takes
                store(sum + o, total);
              }
            });
          }
        }
      }
  }
}

// Pooling that remembers which of the five in its row, and which of the five rows, was the largest. Rows come from and
// go to functions of (row, line); a line has w pixels.
struct Traced {
  i64 h, w;
  std::vector<float> pooled;
  std::vector<uint8_t> column, row;  // indices 0 ... 4; columns have kRadius pixels of none on both sides
  std::vector<float> padded, ring, none;

  Traced(i64 h, i64 w)
      : h(h), w(w), pooled(h * w * kLane), column(h * (w + 2 * kRadius) * kLane, kNone), row(h * w * kLane),
        padded((w + 2 * kRadius) * kLane), ring(kWindow * w * kLane), none(w * kLane) {}

  template <typename Take>
  void forward(Take take) {
    std::fill(padded.begin(), padded.end(), kLow);
    std::fill(none.begin(), none.end(), kLow);
    for (i64 t = 0; t < h + kRadius; ++t) {
      if (t < h) {
        take(t, padded.data() + kRadius * kLane);
        uint8_t* index = columns(t) + kRadius * kLane;
        float* maxima = slot(t);
        each(w, [&](i64, i64, i64 o) {
          const float* p = padded.data() + o;
          largest({p, p + kLane, p + 2 * kLane, p + 3 * kLane, p + 4 * kLane}, maxima + o, index + o);
        });
      }
      const i64 r = t - kRadius;
      if (r < 0) continue;
      const float* rows[kWindow];
      for (i64 j = 0; j < kWindow; ++j) rows[j] = inside(r + j - kRadius) ? slot(r + j - kRadius) : none.data();
      const i64 start = r * w * kLane;
      each(w, [&](i64, i64, i64 o) {
        largest({rows[0] + o, rows[1] + o, rows[2] + o, rows[3] + o, rows[4] + o}, &pooled[start + o], &row[start + o]);
      });
    }
  }

  // take: the gradient of what was pooled; give: that of what came in.
  template <typename Take, typename Give>
  void backward(Take take, Give give) {
    std::fill(padded.begin(), padded.end(), 0.f);
    std::fill(none.begin(), none.end(), 0.f);
    float* line = padded.data() + kRadius * kLane;
    for (i64 t = 0; t < h + kRadius; ++t) {
      if (t < h) take(t, slot(t));
      const i64 r = t - kRadius;
      if (r < 0) continue;
      // a window at offset k found this pixel the largest where its index says -k
      const float* grads[kWindow];
      const uint8_t* indices[kWindow];
      for (i64 j = 0; j < kWindow; ++j) {
        const i64 k = r + j - kRadius;
        grads[j] = inside(k) ? slot(k) : none.data();
        indices[j] = &row[(inside(k) ? k : 0) * w * kLane];
      }
      each(w, [&](i64, i64, i64 o) {
        vec total = {};
#pragma GCC unroll 5
        for (i64 j = 0; j < kWindow; ++j) total += chosen(load(grads[j] + o), indices[j] + o, kWindow - 1 - j);
        store(line + o, total);
      });
      const uint8_t* index = columns(r);
      float* out = slot(r - kRadius + kWindow);  // the oldest row, which is not looked at again
      each(w, [&](i64, i64, i64 o) {
        vec total = {};
#pragma GCC unroll 5
        for (i64 j = 0; j < kWindow; ++j) {
          const i64 at = o + j * kLane;
          total += chosen(load(padded.data() + at), index + at, kWindow - 1 - j);
        }
        store(out + o, total);
      });
      give(r, out);
    }
  }

 private:
  static constexpr uint8_t kNone = 255;
  bool inside(i64 y) const { return y >= 0 && y < h; }
  float* slot(i64 y) { return &ring[y % kWindow * w * kLane]; }
  uint8_t* columns(i64 y) { return &column[y * (w + 2 * kRadius) * kLane]; }

  static vec chosen(vec grad, const uint8_t* index, int32_t place) { return load(index) == place ? grad : vec{}; }
  static void largest(std::array<const float*, kWindow> from, float* value, uint8_t* index) {
    vec best = load(from[0]);
    ints where = {};
#pragma GCC unroll 4
    for (i64 j = 1; j < kWindow; ++j) {
      const vec v = load(from[j]);
      const ints more = v > best;
      best = more ? v : best;
      where = more ? ints{} + static_cast<int32_t>(j) : where;
    }
    store(value, best);
    store(index, where);
  }
};

template <typename T>
void pool_backward(const T* x, const T* grad, T* grad_x, i64 n, i64 h, i64 w, i64 channels, int threads) {
#pragma omp parallel num_threads(threads)
  {
    Traced traced(h, w);
#pragma omp for collapse(2)
    for (i64 i = 0; i < n; ++i)
      for (i64 l = 0; l < channels / kLane; ++l) {
        const Lane<const T> in(x, i, l, h, w, channels), g(grad, i, l, h, w, channels);
        const Lane<T> out(grad_x, i, l, h, w, channels);
        traced.forward([&](i64 y, float* line) {
          each(w, [&](i64 q, i64 c, i64 o) { store(line + o, load(in.at(y * w + q, c))); });
        });
        traced.backward(
            [&](i64 y, float* line) {
              each(w, [&](i64 q, i64 c, i64 o) { store(line + o, load(g.at(y * w + q, c))); });
            },
            [&](i64 y, const float* line) {
              each(w, [&](i64 q, i64 c, i64 o) { store(out.at(y * w + q, c), load(line + o)); });
            });
      }
  }
}

// grad_weight: (n, stages, channels), of each image.
template <typename T>
void crp_backward(const T* x, const float* weight, const T* grad, T* grad_x, float* grad_weight, i64 n, i64 h, i64 w,
                  i64 channels, i64 stages, int threads) {
#pragma omp parallel num_threads(threads)
  {
    std::vector<Traced> chain(stages, Traced(h, w));
    std::vector<float> a(h * w * kLane);  // the gradient of a stage's result
#pragma omp for collapse(2)
    for (i64 i = 0; i < n; ++i)
      for (i64 l = 0; l < channels / kLane; ++l) {
        const Lane<const T> in(x, i, l, h, w, channels), g(grad, i, l, h, w, channels);
        const Lane<T> out(grad_x, i, l, h, w, channels);
        chain[0].forward([&](i64 y, float* line) {
          each(w, [&](i64 q, i64 c, i64 o) { store(line + o, relu6(load(in.at(y * w + q, c)))); });
        });
        for (i64 s = 1; s < stages; ++s)
          chain[s].forward([&](i64 y, float* line) {
            const float *before = &chain[s - 1].pooled[y * w * kLane], *scale = weight + (s - 1) * channels + l * kLane;
            each(w, [&](i64, i64 c, i64 o) { store(line + o, load(before + o) * load(scale + c)); });
          });
        for (i64 s = stages - 1; s >= 0; --s) {
          const float* scale = weight + s * channels + l * kLane;
          float* sums = grad_weight + (i * stages + s) * channels + l * kLane;
          std::fill(sums, sums + kLane, 0.f);
          chain[s].backward(
              [&](i64 y, float* line) {
                const float *pooled = &chain[s].pooled[y * w * kLane], *result = &a[y * w * kLane];
                for (i64 c = 0; c < kLane; c += kVector) {
                  vec part = {};  // a sum of rows' sums loses less to rounding
                  for (i64 q = 0; q < w; ++q) {
                    const i64 o = q * kLane + c;
                    const vec v = s + 1 == stages ? load(g.at(y * w + q, c)) : load(result + o);
                    part += v * load(pooled + o);
                    store(line + o, v * load(scale + c));
                  }
                  store(sums + c, load(sums + c) + part);
                }
              },
              [&](i64 y, const float* line) {
                each(w, [&](i64 q, i64 c, i64 o) {
                  const vec total = load(g.at(y * w + q, c)) + load(line + o);
                  if (s > 0) {
                    store(&a[y * w * kLane + o], total);
                  } else {
                    const vec v = load(in.at(y * w + q, c)), zero = {};
                    store(out.at(y * w + q, c), (v > zero) & (v < zero + 6) ? total : zero);
                  }
                });
              });
        }
      }
  }
}

}  // namespace

// x, y, grad, grad_x: (n, h, w, channels), channels a multiple of 16; weight: (stages, channels) float32.
#define FOR_TYPE(T, NAME)                                                                                             \
  extern "C" void pool_##NAME(const T* x, T* y, i64 n, i64 h, i64 w, i64 channels, int threads) {                     \
    pool(x, y, n, h, w, channels, threads);                                                                           \
  }                                                                                                                   \
  extern "C" void pool_backward_##NAME(const T* x, const T* grad, T* grad_x, i64 n, i64 h, i64 w, i64 channels,       \
                                       int threads) {                                                                 \
    pool_backward(x, grad, grad_x, n, h, w, channels, threads);                                                       \
  }                                                                                                                   \
  extern "C" void crp_##NAME(const T* x, const float* weight, T* y, i64 n, i64 h, i64 w, i64 channels, i64 stages,    \
                             int threads) {                                                                           \
    crp(x, weight, y, n, h, w, channels, stages, threads);                                                            \
  }                                                                                                                   \
  extern "C" void crp_backward_##NAME(const T* x, const float* weight, const T* grad, T* grad_x, float* grad_weight,  \
                                      i64 n, i64 h, i64 w, i64 channels, i64 stages, int threads) {                   \
    crp_backward(x, weight, grad, grad_x, grad_weight, n, h, w, channels, stages, threads);                           \
  }

FOR_TYPE(float, float32)
FOR_TYPE(bfloat16, bfloat16)
