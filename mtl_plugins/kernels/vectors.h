// Vectors of floats with the vector extensions of GCC and Clang; bfloat16 is computed in float32.
#pragma once
#include <cstdint>

#if defined(__AVX2__) || defined(__FMA__)
#include <immintrin.h>
#endif

namespace {

using i64 = int64_t;

constexpr i64 kLane = 16;  // floats in a cache line and in the widest vector; channels must be a multiple of it

#ifdef __AVX512F__
constexpr i64 kVector = 16;
#else
constexpr i64 kVector = 8;
#endif
typedef float vec __attribute__((vector_size(kVector * 4), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(kVector * 4), aligned(4), may_alias));
typedef uint16_t halves __attribute__((vector_size(kVector * 2), aligned(2), may_alias));
typedef uint8_t bytes __attribute__((vector_size(kVector), aligned(1), may_alias));

// GCC 12 converts element by element although the processor has an instruction for it.
#if defined(__AVX512F__)
inline ints widened(const uint8_t* p) { return (ints)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)p)); }
inline ints widened(const uint16_t* p) { return (ints)_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)p)); }
#elif defined(__AVX2__)
inline ints widened(const uint8_t* p) { return (ints)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)p)); }
inline ints widened(const uint16_t* p) { return (ints)_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)p)); }
#else
inline ints widened(const uint8_t* p) { return __builtin_convertvector(*reinterpret_cast<const bytes*>(p), ints); }
inline ints widened(const uint16_t* p) { return __builtin_convertvector(*reinterpret_cast<const halves*>(p), ints); }
#endif

struct bfloat16 {
  uint16_t value;
};

inline vec load(const float* p) { return *reinterpret_cast<const vec*>(p); }
inline vec load(const bfloat16* p) { return (vec)(widened(&p->value) << 16); }
inline ints load(const uint8_t* p) { return widened(p); }

inline void store(float* p, vec v) { *reinterpret_cast<vec*>(p) = v; }
inline void store(uint8_t* p, ints v) {
  *reinterpret_cast<bytes*>(p) = __builtin_convertvector(__builtin_convertvector(v, halves), bytes);
}
inline void store(bfloat16* p, vec v) {  // rounds to nearest, ties to even
  const ints b = (ints)v, high = (b >> 16) & 0xffff;
  const ints rounded = ((b + 0x7fff + (high & 1)) >> 16) & 0xffff;
  *reinterpret_cast<halves*>(&p->value) = __builtin_convertvector(v == v ? rounded : high | 0x40, halves);
}

#if defined(__AVX512F__)
inline vec fused(vec a, vec b, vec c) { return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
inline vec splat(float v) { return (vec)_mm512_set1_ps(v); }
#elif defined(__FMA__)
inline vec fused(vec a, vec b, vec c) { return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
inline vec splat(float v) { return (vec)_mm256_set1_ps(v); }
#else
inline vec fused(vec a, vec b, vec c) { return a * b + c; }
inline vec splat(float v) { return vec{} + v; }
#endif

inline vec larger(vec a, vec b) { return a > b ? a : b; }
inline vec relu6(vec v) {  // keeps NaN
  const vec zero = {}, six = zero + 6;
  v = v < zero ? zero : v;
  return v > six ? six : v;
}

}  // namespace
