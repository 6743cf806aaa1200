/* mt19937 with what PyTorch's CPU generator keeps beside it. */
#ifndef FAC_GENERATOR_H
#define FAC_GENERATOR_H

#include "core.h"
#include <facula/random.h>

struct fac_generator {
    uint64_t seed;
    uint32_t state[624];
    int next; /* word to draw; 624: twist first */
    bool seeded;
    bool has_float, has_double; /* the second of a pair of normal samples is kept */
    float next_float;
    double next_double;
    atomic_flag lock;
};

/* NULL stands for the default generator. Held over a whole op. */
fac_generator *fac__generator_lock(fac_generator *g);
void fac__generator_unlock(fac_generator *g);

void fac__generator_twist(fac_generator *g);

static inline uint32_t fac__random32(fac_generator *g) {
    if (FAC_UNLIKELY(g->next >= 624))
        fac__generator_twist(g);
    uint32_t y = g->state[g->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

static inline uint64_t fac__random64(fac_generator *g) {
    uint64_t high = fac__random32(g);
    return high << 32 | fac__random32(g);
}

#endif
