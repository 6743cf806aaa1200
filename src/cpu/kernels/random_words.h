/* mt19937's words and samples of [0, 1) made of them, a tile at a time, in loops that become
 * vectors. */
#ifndef FAC_RANDOM_WORDS_H
#define FAC_RANDOM_WORDS_H

#include "../../core/generator.h"

enum { TILE = 1024 }; /* words, elements or pairs of them that stay in the nearest cache */

static inline int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static inline uint32_t twisted(uint32_t u, uint32_t v) {
    uint32_t mix = (u & 0x80000000u) | (v & 0x7fffffffu);
    return (mix >> 1) ^ ((0 - (v & 1u)) & 0x9908b0dfu);
}

static __attribute__((noinline)) void twist(fac_generator *g) {
    enum { N = FAC__GENERATOR_WORDS, M = 397 };
    uint32_t *s = g->state;
    for (int i = 0; i < N - M; i++)
        s[i] = s[i + M] ^ twisted(s[i], s[i + 1]);
    for (int i = N - M; i < N - 1; i++)
        s[i] = s[i + M - N] ^ twisted(s[i], s[i + 1]);
    s[N - 1] = s[M - 1] ^ twisted(s[N - 1], s[0]);
    g->next = 0;
}

static inline uint32_t tempered(uint32_t y) {
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

static inline uint32_t word(fac_generator *g) {
    if (FAC_UNLIKELY(g->next >= FAC__GENERATOR_WORDS))
        twist(g);
    return tempered(g->state[g->next++]);
}

static inline uint64_t wide_word(fac_generator *g) {
    uint64_t high = word(g);
    return high << 32 | word(g);
}

static void words(fac_generator *g, uint32_t *restrict out, int64_t n) {
    while (n > 0) {
        if (g->next >= FAC__GENERATOR_WORDS)
            twist(g);
        int64_t m = least(n, FAC__GENERATOR_WORDS - g->next);
        const uint32_t *s = g->state + g->next;
        for (int64_t i = 0; i < m; i++)
            out[i] = tempered(s[i]);
        g->next += (int)m;
        out += m;
        n -= m;
    }
}

/* Numbers of 64 bits, of which the first word drawn is the upper half. */
static void wide_words(fac_generator *g, uint64_t *restrict out, int64_t n) {
    uint32_t w[2 * TILE];
    for (int64_t at = 0; at < n; at += TILE) {
        int64_t m = least(TILE, n - at);
        words(g, w, 2 * m);
        for (int64_t i = 0; i < m; i++)
            out[at + i] = (uint64_t)w[2 * i] << 32 | w[2 * i + 1];
    }
}

static inline float unit24(uint32_t w) {
    return (float)(int32_t)(w & ((1u << 24) - 1)) * 0x1p-24f;
}

static inline double unit53(uint64_t w) {
    return (double)(int64_t)(w & ((1ull << 53) - 1)) * 0x1p-53;
}

static inline double uniform53(fac_generator *g) {
    return unit53(wide_word(g));
}

/* Samples of [0, 1). */
static void unit_floats(fac_generator *g, float *p, int64_t n) {
    uint32_t w[TILE];
    for (int64_t at = 0; at < n; at += TILE) {
        int64_t m = least(TILE, n - at);
        words(g, w, m);
        for (int64_t i = 0; i < m; i++)
            p[at + i] = unit24(w[i]);
    }
}

static void unit_doubles(fac_generator *g, double *p, int64_t n) {
    uint64_t w[TILE];
    for (int64_t at = 0; at < n; at += TILE) {
        int64_t m = least(TILE, n - at);
        wide_words(g, w, m);
        for (int64_t i = 0; i < m; i++)
            p[at + i] = unit53(w[i]);
    }
}

#endif
