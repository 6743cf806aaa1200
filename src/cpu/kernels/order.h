/* Order keys and rankings, shared by the kernels that sort, select and search.
 *
 * Note [Order keys]: every element becomes an unsigned integer that compares as PyTorch orders the
 * values: signed integers with their sign bit flipped, floats with the sign bit flipped or, where
 * negative, all bits. -0 takes the key of 0, every NaN the greatest key. Types of at most four
 * bytes have 32-bit keys, the others 64-bit ones. Descending order is that of the complements, so
 * that ties keep their order both ways. Values are never made back from keys: they are fetched from
 * their places, so that signs of zero and payloads of NaN survive. */
#ifndef FAC_ORDER_H
#define FAC_ORDER_H

#include <facula/backend.h>

static inline bool order_wide(uint8_t dtype) {
    return fac__itemsize(dtype) == 8;
}
static inline size_t order_key_size(uint8_t dtype) {
    return order_wide(dtype) ? 8 : 4;
}
static inline bool order_is_float(uint8_t dtype) {
    return dtype >= FAC_FLOAT16 && dtype <= FAC_FLOAT64;
}
/* NaN's key: no other element has it, but integers have no NaN. */
static inline uint64_t order_nan_key(uint8_t dtype) {
    return dtype == FAC_FLOAT64 ? UINT64_MAX : dtype == FAC_FLOAT32 ? UINT32_MAX : UINT16_MAX;
}
static inline int order_width(uint64_t x) { /* bits that x takes */
    return x == 0 ? 0 : 64 - __builtin_clzll(x);
}
static inline uint64_t order_key_at(const void *keys, bool wide, int64_t i) {
    return wide ? ((const uint64_t *)keys)[i] : ((const uint32_t *)keys)[i];
}

/* Keys of n adjacent elements, complemented where `descending`. */
void FAC__K(fac__order_keys)(uint8_t dtype, const void *in, int64_t n, bool descending, void *keys);

/* Places in the order of their keys, equal keys by place: entry i is a packed word whose lowest
 * `bits` bits are a place. */
struct fac__ranking {
    uint64_t *at;
    uint64_t mask;
    int bits;
    bool exact; /* the upper bits are the keys less the smallest one */
};
static inline int64_t order_place(const struct fac__ranking *r, int64_t i) {
    return (int64_t)(r->at[i] & r->mask);
}
/* Ranks n keys. scratch has 2 n words; the ranking lives in its first half. */
int FAC__K(fac__rank)(const void *keys, bool wide, int64_t n, uint64_t *scratch,
                      struct fac__ranking *out);

/* t with dimension `dim` moved to the end, contiguous; a zero-dim one as a row of one. Owned. */
fac_tensor *FAC__K(fac__order_rows)(fac_tensor *t, int dim);
/* The same view of an output, not copied. */
fac_tensor *FAC__K(fac__order_moved)(const fac_tensor *t, int dim);
/* values[i] = in[places[i]] for elements of `item` bytes. */
void FAC__K(fac__order_fetch)(const void *in, const int64_t *places, int64_t n, size_t item,
                              void *values);

#endif
