/* All element types of the matrix kernels, stamped from gemm_micro.h, gemm_pack.h and
 * gemm_complex.h, and the table of dtypes over them. */
#include "gemm_kernels.h"

#include "gemm_simd.h"
#include "half.h"

#include <math.h>

/* Packing vectors of narrow elements, as many as there are 32-bit lanes. */
#define NARROW(T, name, bytes)                                                                     \
    typedef T name __attribute__((vector_size(GEMM_PACK / 4 * bytes), aligned(bytes), may_alias))
NARROW(int8_t, narrow_i8, 1);
NARROW(uint8_t, narrow_u8, 1);
NARROW(int16_t, narrow_i16, 2);
NARROW(uint16_t, narrow_u16, 2);
typedef int32_t pi32 __attribute__((vector_size(GEMM_PACK)));

/* --- float32, and what computes in it -------------------------------------------------------- */

#include "gemm_crowded.h"
#if GEMM_PACK == 32
#define GEMM_CROWDED crowded_f32
#endif
#define GEMM_X f32
#define GEMM_T float
#define GEMM_FLOATING int32_t
#define GEMM_GELU(x) ((x) * 0.5f * (1.0f + erff((x) * 0.70710678118654752440f)))
#include "gemm_micro.h"

#define GEMM_S float
#define GEMM_SX float32
#define GEMM_LOAD(p) ((pf32) * (const vec_p_f32 *)(p))
#define GEMM_LOAD1(x) (x)
#define GEMM_SAVE(p, v) (*(vec_p_f32 *)(p) = (v))
#define GEMM_SAVE1(x) (x)
#include "gemm_pack.h"

GEMM_INLINE pf32 load_float16(const uint16_t *p) {
#if defined(__F16C__)
    return (pf32)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
#else
    pf32 v = {0};
    for (int i = 0; i < GEMM_PACK / 4; i++)
        v[i] = fac__float_of_float16(p[i]);
    return v;
#endif
}

GEMM_INLINE void save_float16(uint16_t *p, pf32 v) {
#if defined(__F16C__)
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_cvtps_ph((__m256)v, _MM_FROUND_TO_NEAREST_INT));
#else
    for (int i = 0; i < GEMM_PACK / 4; i++)
        p[i] = fac__float16_of_float(v[i]);
#endif
}

GEMM_INLINE pf32 load_bfloat16(const uint16_t *p) {
    return (pf32)(__builtin_convertvector(*(const narrow_u16 *)p, pu32) << 16);
}

GEMM_INLINE void save_bfloat16(uint16_t *p, pf32 v) {
    const pu32 u = (pu32)v;
    const pu32 rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
    const pu32 nan = (pu32)(v != v);
    *(narrow_u16 *)p = __builtin_convertvector((rounded & ~nan) | (nan & 0x7fc0), narrow_u16);
}

#define GEMM_S uint16_t
#define GEMM_SX float16
#define GEMM_LOAD(p) load_float16(p)
#define GEMM_LOAD1(x) fac__float_of_float16(x)
#define GEMM_SAVE(p, v) save_float16(p, v)
#define GEMM_SAVE1(x) fac__float16_of_float(x)
#include "gemm_pack.h"

#define GEMM_S uint16_t
#define GEMM_SX bfloat16
#define GEMM_LOAD(p) load_bfloat16(p)
#define GEMM_LOAD1(x) fac__float_of_bfloat16(x)
#define GEMM_SAVE(p, v) save_bfloat16(p, v)
#define GEMM_SAVE1(x) fac__bfloat16_of_float(x)
#include "gemm_pack.h"

#define GEMM_S fac_complex64
#include "gemm_complex.h"

#include "gemm_micro_end.h"

/* --- float64 --------------------------------------------------------------------------------- */

#define GEMM_X f64
#define GEMM_T double
#define GEMM_FLOATING int64_t
#define GEMM_GELU(x) ((x) * 0.5 * (1.0 + erf((x) * 0.70710678118654752440)))
#include "gemm_micro.h"

#define GEMM_S double
#define GEMM_SX float64
#define GEMM_LOAD(p) ((pf64) * (const vec_p_f64 *)(p))
#define GEMM_LOAD1(x) (x)
#define GEMM_SAVE(p, v) (*(vec_p_f64 *)(p) = (v))
#define GEMM_SAVE1(x) (x)
#include "gemm_pack.h"

#define GEMM_S fac_complex128
#include "gemm_complex.h"

#include "gemm_micro_end.h"

/* --- integers: sums modulo 2^32 or 2^64 are right modulo any narrower power ------------------- */

#define GEMM_X u32
#define GEMM_T uint32_t
#include "gemm_micro.h"

#define GEMM_S uint32_t
#define GEMM_SX int32
#define GEMM_LOAD(p) ((pu32) * (const vec_p_u32 *)(p))
#define GEMM_LOAD1(x) (x)
#define GEMM_SAVE(p, v) (*(vec_p_u32 *)(p) = (v))
#define GEMM_SAVE1(x) (x)
#include "gemm_pack.h"

#define GEMM_S int8_t
#define GEMM_SX int8
#define GEMM_LOAD(p) ((pu32) __builtin_convertvector(*(const narrow_i8 *)(p), pi32))
#define GEMM_LOAD1(x) ((uint32_t)(int32_t)(x))
#define GEMM_SAVE(p, v) (*(narrow_i8 *)(p) = __builtin_convertvector((pi32)(v), narrow_i8))
#define GEMM_SAVE1(x) ((int8_t)(x))
#include "gemm_pack.h"

#define GEMM_S uint8_t
#define GEMM_SX uint8
#define GEMM_LOAD(p) (__builtin_convertvector(*(const narrow_u8 *)(p), pu32))
#define GEMM_LOAD1(x) ((uint32_t)(x))
#define GEMM_SAVE(p, v) (*(narrow_u8 *)(p) = __builtin_convertvector((v), narrow_u8))
#define GEMM_SAVE1(x) ((uint8_t)(x))
#include "gemm_pack.h"

#define GEMM_S int16_t
#define GEMM_SX int16
#define GEMM_LOAD(p) ((pu32) __builtin_convertvector(*(const narrow_i16 *)(p), pi32))
#define GEMM_LOAD1(x) ((uint32_t)(int32_t)(x))
#define GEMM_SAVE(p, v) (*(narrow_i16 *)(p) = __builtin_convertvector((pi32)(v), narrow_i16))
#define GEMM_SAVE1(x) ((int16_t)(x))
#include "gemm_pack.h"

#define GEMM_S uint16_t
#define GEMM_SX uint16
#define GEMM_LOAD(p) (__builtin_convertvector(*(const narrow_u16 *)(p), pu32))
#define GEMM_LOAD1(x) ((uint32_t)(x))
#define GEMM_SAVE(p, v) (*(narrow_u16 *)(p) = __builtin_convertvector((v), narrow_u16))
#define GEMM_SAVE1(x) ((uint16_t)(x))
#include "gemm_pack.h"

#include "gemm_micro_end.h"

#define GEMM_X u64
#define GEMM_T uint64_t
#include "gemm_micro.h"

#define GEMM_S uint64_t
#define GEMM_SX int64
#define GEMM_LOAD(p) ((pu64) * (const vec_p_u64 *)(p))
#define GEMM_LOAD1(x) (x)
#define GEMM_SAVE(p, v) (*(vec_p_u64 *)(p) = (v))
#define GEMM_SAVE1(x) (x)
#include "gemm_pack.h"

#include "gemm_micro_end.h"

/* --- the table ------------------------------------------------------------------------------- */

#define ROW(T, S, bytes, same, real)                                                               \
    {.type = &type_##T,                                                                            \
     .pack_l = pack_##S,                                                                           \
     .pack_r = pack_##S,                                                                           \
     .store = store_##S,                                                                           \
     .item = bytes,                                                                                \
     .parts = 1,                                                                                   \
     .plain = same,                                                                                \
     .floating = real,                                                                             \
     .bfloat16 = store_##S == store_bfloat16}
#define COMPLEX(T, bytes)                                                                          \
    {.type = &type_##T,                                                                            \
     .pack_l = pack_complex_l_##T,                                                                 \
     .pack_r = pack_complex_r_##T,                                                                 \
     .store = store_complex_##T,                                                                   \
     .item = bytes,                                                                                \
     .parts = 2}

static const gemm_dtype dtypes[FAC_NUM_DTYPES] = {
    [FAC_UINT8] = ROW(u32, uint8, 1, false, false),
    [FAC_INT8] = ROW(u32, int8, 1, false, false),
    [FAC_INT16] = ROW(u32, int16, 2, false, false),
    [FAC_INT32] = ROW(u32, int32, 4, true, false),
    [FAC_INT64] = ROW(u64, int64, 8, true, false),
    [FAC_UINT16] = ROW(u32, uint16, 2, false, false),
    [FAC_UINT32] = ROW(u32, int32, 4, true, false),
    [FAC_UINT64] = ROW(u64, int64, 8, true, false),
    [FAC_FLOAT16] = ROW(f32, float16, 2, false, true),
    [FAC_BFLOAT16] = ROW(f32, bfloat16, 2, false, true),
    [FAC_FLOAT32] = ROW(f32, float32, 4, true, true),
    [FAC_FLOAT64] = ROW(f64, float64, 8, true, true),
    [FAC_COMPLEX64] = COMPLEX(f32, 8),
    [FAC_COMPLEX128] = COMPLEX(f64, 16),
};

const gemm_dtype *FAC__K(fac__gemm_dtype)(fac_dtype dtype) {
    return dtypes[dtype].type ? &dtypes[dtype] : NULL;
}

int64_t FAC__K(fac__gemm_block)(const gemm_dtype *d, int64_t k) {
    const int64_t most = FAC__GEMM_BLOCK / d->parts;
    /* Even in number, if only by a rounding: the skinny path takes them in pairs. */
    const int64_t blocks = 2 * ((k + 2 * most - 1) / (2 * most));
    return k <= most ? (k > 0 ? k : 1) : ((k + blocks - 1) / blocks + 7) / 8 * 8;
}
