/* mt19937 with what PyTorch's CPU generator keeps beside it. */
#ifndef FAC_GENERATOR_H
#define FAC_GENERATOR_H

#include "core.h"
#include <facula/random.h>

enum { FAC__GENERATOR_WORDS = 624 };

struct fac_generator {
    uint64_t seed;
    uint32_t state[FAC__GENERATOR_WORDS];
    int next; /* word to draw; FAC__GENERATOR_WORDS: twist first */
    bool seeded;
    bool has_float, has_double; /* the second of a pair of normal samples is kept */
    float next_float;
    double next_double;
    atomic_flag lock;
};

/* NULL stands for the default generator. Held over a whole op. */
fac_generator *fac__generator_lock(fac_generator *g);
void fac__generator_unlock(fac_generator *g);

#endif
