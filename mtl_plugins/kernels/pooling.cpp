// 5x5 max-pooling with stride 1, and chained residual pooling with depthwise 1x1 convolutions, of channels-last maps.
//
// Each work item computes all stages for a few channels of an image while they fit into the cache. Rows stream through
// the stages. A stage keeps the row maxima of its five current rows, so only the result is written to memory. The
// backward passes recompute the maxima instead of storing their positions. Of equal values, the first in reading order
// receives the gradient, as in PyTorch.
#include "vectors.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

namespace {

constexpr i64 kRadius = 2;  // of the pooling window
constexpr i64 kWindow = 2 * kRadius + 1;
constexpr float kLow = -std::numeric_limits<float>::infinity();

template <typename F>
inline void each(i64 pixels, F f) {
  for (i64 p = 0; p < pixels; ++p)
    for (i64 c = 0; c < kLane; c += kVector) f(p, c, p * kLane + c);
}

// Copies a lane (kLane channels of an image) between a map of all channels and a dense line. The pixels of a lane are too
// far apart for the hardware prefetcher, so rows are prefetched two ahead.
template <typename T>
struct Lane {
  T* data;
  i64 w, channels;
  Lane(T* map, i64 image, i64 lane, i64 h, i64 w, i64 channels)
      : data(map + image * h * w * channels + lane * kLane), w(w), channels(channels) {}
  vec take(i64 y, i64 x, i64 c) const {
    __builtin_prefetch(at(y + 2, x, c));
    return load(at(y, x, c));
  }
  void give(i64 y, i64 x, i64 c, vec v) const {
    __builtin_prefetch(at(y + 2, x, c), 1);
    store(at(y, x, c), v);
  }
  void read(i64 y, float* line) const {
    each(w, [&](i64 x, i64 c, i64 o) { store(line + o, take(y, x, c)); });
  }
  void write(i64 y, const float* line) const {
    each(w, [&](i64 x, i64 c, i64 o) { give(y, x, c, load(line + o)); });
  }

 private:
  T* at(i64 y, i64 x, i64 c) const { return data + (y * w + x) * channels + c; }
};

// Runs over all lanes of all images. `prepare` returns a function of (image, lane) with buffers for one thread.
template <typename Prepare>
void each_lane(i64 n, i64 channels, int threads, Prepare prepare) {
#pragma omp parallel num_threads(threads)
  {
    auto work = prepare();
#pragma omp for collapse(2)
    for (i64 i = 0; i < n; ++i)
      for (i64 l = 0; l < channels / kLane; ++l) work(i, l);
  }
}

// A ring buffer of the last kWindow lines of a lane; `outside` is the value of lines outside the image.
struct Ring {
  i64 h, size;
  std::vector<float> lines, beyond;

  Ring(i64 h, i64 w, float outside) : h(h), size(w * kLane), lines(kWindow * size), beyond(size, outside) {}
  bool inside(i64 y) const { return y >= 0 && y < h; }
  float* slot(i64 y) { return &lines[y % kWindow * size]; }
  std::array<const float*, kWindow> around(i64 y) {
    std::array<const float*, kWindow> found;
    for (i64 j = 0; j < kWindow; ++j) {
      const i64 r = y + j - kRadius;
      found[j] = inside(r) ? slot(r) : beyond.data();
    }
    return found;
  }
};

// A line of w pixels with kRadius constant pixels on both sides.
struct Padded {
  std::vector<float> data;
  Padded(i64 w, float outside) : data((w + 2 * kRadius) * kLane, outside) {}
  float* line() { return data.data() + kRadius * kLane; }
};

// Maxima of five adjacent pixels in a row of w; `in` has kRadius pixels of kLow on both sides.
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

// The maximum of five lines at each position.
inline vec maximum(const std::array<const float*, kWindow>& rows, i64 o) {
  const vec ab = larger(load(rows[0] + o), load(rows[1] + o)), cd = larger(load(rows[2] + o), load(rows[3] + o));
  return larger(larger(ab, cd), load(rows[4] + o));
}

template <typename T>
void pool(const T* x, T* y, i64 n, i64 h, i64 w, i64 channels, int threads) {
  each_lane(n, channels, threads, [=] {
    return [=, maxima = Ring(h, w, kLow), row = Padded(w, kLow)](i64 i, i64 l) mutable {
      const Lane<const T> in(x, i, l, h, w, channels);
      const Lane<T> out(y, i, l, h, w, channels);
      for (i64 t = 0; t < h + kRadius; ++t) {
        if (t < h) {
          in.read(t, row.line());
          row_maxima(row.data.data(), maxima.slot(t), w);
        }
        const i64 r = t - kRadius;
        if (r < 0) continue;
        const auto rows = maxima.around(r);
        each(w, [&](i64 q, i64 c, i64 o) { out.give(r, q, c, maximum(rows, o)); });
      }
    };
  });
}

template <typename T>
void crp(const T* x, const float* weight, T* y, i64 n, i64 h, i64 w, i64 channels, i64 stages, int threads) {
  const i64 line = w * kLane, waiting = kRadius * stages + 1;  // a line of the sum has to wait for all stages
  each_lane(n, channels, threads, [=] {
    return [=, maxima = std::vector<Ring>(stages, Ring(h, w, kLow)), row = Padded(w, kLow),
            sums = std::vector<float>(waiting * line)](i64 i, i64 l) mutable {
      const Lane<const T> in(x, i, l, h, w, channels);
      const Lane<T> out(y, i, l, h, w, channels);
      float* top = row.line();  // the input of the next stage
      for (i64 t = 0; t < h + kRadius * stages; ++t) {
        if (t < h) {
          float* sum = &sums[t % waiting * line];
          each(w, [&](i64 q, i64 c, i64 o) {
            const vec v = relu6(in.take(t, q, c));
            store(top + o, v);
            store(sum + o, v);
          });
        }
        for (i64 s = 0; s < stages; ++s) {
          const i64 taken = t - kRadius * s, r = taken - kRadius;
          if (taken < 0) break;
          if (taken < h) row_maxima(row.data.data(), maxima[s].slot(taken), w);
          if (r < 0) break;
          if (r >= h) continue;
          const auto rows = maxima[s].around(r);
          float* sum = &sums[r % waiting * line];
          const float* scale = weight + s * channels + l * kLane;
          const bool last = s + 1 == stages;
          each(w, [&](i64 q, i64 c, i64 o) {
            const vec v = maximum(rows, o) * load(scale + c), total = load(sum + o) + v;
            if (last) {
              out.give(r, q, c, total);
            } else {
              store(top + o, v);
              store(sum + o, total);
            }
          });
        }
      }
    };
  });
}

// Pooling that records the column and the row of each maximum. Rows are read and written by functions of (row, line);
// a line has w pixels.
struct Traced {
  i64 h, w;
  std::vector<float> pooled;
  std::vector<uint8_t> column, row;  // indices 0 ... 4; columns have kRadius invalid pixels on both sides
  Ring maxima, grads;
  Padded in, grad;

  Traced(i64 h, i64 w)
      : h(h), w(w), pooled(h * w * kLane), column(h * (w + 2 * kRadius) * kLane, kNone), row(h * w * kLane),
        maxima(h, w, kLow), grads(h, w, 0), in(w, kLow), grad(w, 0) {}

  template <typename Take>
  void forward(Take take) {
    for (i64 t = 0; t < h + kRadius; ++t) {
      if (t < h) {
        take(t, in.line());
        uint8_t* index = columns(t) + kRadius * kLane;
        float* to = maxima.slot(t);
        each(w, [&](i64, i64, i64 o) {
          const float* p = in.data.data() + o;
          largest({p, p + kLane, p + 2 * kLane, p + 3 * kLane, p + 4 * kLane}, to + o, index + o);
        });
      }
      const i64 r = t - kRadius;
      if (r < 0) continue;
      const auto rows = maxima.around(r);
      const i64 start = r * w * kLane;
      each(w, [&](i64, i64, i64 o) {
        largest({rows[0] + o, rows[1] + o, rows[2] + o, rows[3] + o, rows[4] + o}, &pooled[start + o], &row[start + o]);
      });
    }
  }

  // take: reads the gradient of the output; give: writes the gradient of the input.
  template <typename Take, typename Give>
  void backward(Take take, Give give) {
    for (i64 t = 0; t < h + kRadius; ++t) {
      if (t < h) take(t, grads.slot(t));
      const i64 r = t - kRadius;
      if (r < 0) continue;
      // this pixel is the maximum of the window at offset k if that window's index is -k
      const auto from = grads.around(r);
      const uint8_t* indices[kWindow];  // outside the map any index works: the gradient is 0
      for (i64 j = 0; j < kWindow; ++j) {
        const i64 k = r + j - kRadius;
        indices[j] = &row[(grads.inside(k) ? k : 0) * w * kLane];
      }
      each(w, [&](i64, i64, i64 o) {
        vec total = {};
#pragma GCC unroll 5
        for (i64 j = 0; j < kWindow; ++j) total += chosen(load(from[j] + o), indices[j] + o, kWindow - 1 - j);
        store(grad.line() + o, total);
      });
      const uint8_t* index = columns(r);
      float* out = grads.slot(r - kRadius + kWindow);  // the oldest line, which is not needed any more
      each(w, [&](i64, i64, i64 o) {
        vec total = {};
#pragma GCC unroll 5
        for (i64 j = 0; j < kWindow; ++j) {
          const i64 at = o + j * kLane;
          total += chosen(load(grad.data.data() + at), index + at, kWindow - 1 - j);
        }
        store(out + o, total);
      });
      give(r, out);
    }
  }

 private:
  static constexpr uint8_t kNone = 255;
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
  each_lane(n, channels, threads, [=] {
    return [=, traced = Traced(h, w)](i64 i, i64 l) mutable {
      const Lane<const T> in(x, i, l, h, w, channels), g(grad, i, l, h, w, channels);
      const Lane<T> out(grad_x, i, l, h, w, channels);
      traced.forward([&](i64 y, float* line) { in.read(y, line); });
      traced.backward([&](i64 y, float* line) { g.read(y, line); },
                      [&](i64 y, const float* line) { out.write(y, line); });
    };
  });
}

// grad_weight: (n, stages, channels), one per image.
template <typename T>
void crp_backward(const T* x, const float* weight, const T* grad, T* grad_x, float* grad_weight, i64 n, i64 h, i64 w,
                  i64 channels, i64 stages, int threads) {
  each_lane(n, channels, threads, [=] {
    // a: the gradient of a stage's output
    return [=, chain = std::vector<Traced>(stages, Traced(h, w)), a = std::vector<float>(h * w * kLane)](
               i64 i, i64 l) mutable {
      const Lane<const T> in(x, i, l, h, w, channels), g(grad, i, l, h, w, channels);
      const Lane<T> out(grad_x, i, l, h, w, channels);
      chain[0].forward([&](i64 y, float* line) {
        each(w, [&](i64 q, i64 c, i64 o) { store(line + o, relu6(in.take(y, q, c))); });
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
                vec part = {};  // summing per row first reduces the rounding error
                for (i64 q = 0; q < w; ++q) {
                  const i64 o = q * kLane + c;
                  const vec v = s + 1 == stages ? g.take(y, q, c) : load(result + o);
                  part += v * load(pooled + o);
                  store(line + o, v * load(scale + c));
                }
                store(sums + c, load(sums + c) + part);
              }
            },
            [&](i64 y, const float* line) {
              each(w, [&](i64 q, i64 c, i64 o) {
                const vec total = g.take(y, q, c) + load(line + o);
                if (s > 0) {
                  store(&a[y * w * kLane + o], total);
                } else {
                  const vec v = in.take(y, q, c), zero = {};
                  out.give(y, q, c, (v > zero) & (v < zero + 6) ? total : zero);
                }
              });
            });
      }
    };
  });
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
