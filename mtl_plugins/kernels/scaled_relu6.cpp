// ReLU6 of a depthwise 1x1 convolution without bias, of channels-last maps: one pass over memory in each direction.
#include "vectors.h"

#include <algorithm>

namespace {

template <typename T>
void forward(const T* x, const float* weight, T* y, i64 pixels, i64 channels, int threads) {
#pragma omp parallel for num_threads(threads)
  for (i64 p = 0; p < pixels; ++p)
    for (i64 c = 0; c < channels; c += kVector) {
      const i64 o = p * channels + c;
      store(y + o, relu6(load(x + o) * load(weight + c)));
    }
}

// grad_weight: (parts, channels), for equal parts of the pixels, independent of the number of threads.
template <typename T>
void backward(const T* x, const float* weight, const T* grad, T* grad_x, float* grad_weight, i64 pixels, i64 channels,
              i64 parts, int threads) {
  const i64 size = (pixels + parts - 1) / parts;
#pragma omp parallel for num_threads(threads)
  for (i64 part = 0; part < parts; ++part) {
    float* sums = grad_weight + part * channels;
    std::fill(sums, sums + channels, 0.f);
    for (i64 p = part * size; p < std::min(pixels, (part + 1) * size); ++p)
      for (i64 c = 0; c < channels; c += kVector) {
        const i64 o = p * channels + c;
        const vec v = load(x + o), scale = load(weight + c), y = v * scale, zero = {};
        const vec g = (y > zero) & (y < zero + 6) ? load(grad + o) : zero;
        store(grad_x + o, g * scale);
        store(sums + c, load(sums + c) + g * v);
      }
  }
}

}  // namespace

// x, y, grad, grad_x: (pixels, channels), channels a multiple of 16; weight: (channels,) float32.
#define FOR_TYPE(T, NAME)                                                                                              \
  extern "C" void scaled_relu6_##NAME(const T* x, const float* weight, T* y, i64 pixels, i64 channels, int threads) {  \
    forward(x, weight, y, pixels, channels, threads);                                                                  \
  }                                                                                                                    \
  extern "C" void scaled_relu6_backward_##NAME(const T* x, const float* weight, const T* grad, T* grad_x,              \
                                               float* grad_weight, i64 pixels, i64 channels, i64 parts, int threads) { \
    backward(x, weight, grad, grad_x, grad_weight, pixels, channels, parts, threads);                                  \
  }

FOR_TYPE(float, float32)
FOR_TYPE(bfloat16, bfloat16)
