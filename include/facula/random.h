/* Random numbers: PyTorch's CPU streams, bit for bit. */
#ifndef FACULA_RANDOM_H
#define FACULA_RANDOM_H

#include <facula/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Operators that draw take a generator as an option, NULL for the default one, as do the functions
 * here. Several threads may use one: each has it for a whole operator. */

/* Seeds the default generator. */
FAC_API void fac_manual_seed(uint64_t seed);
FAC_API fac_generator *fac_default_generator(void);

FAC_API fac_generator *fac_generator_new(void); /* seeded with PyTorch's default; NULL: no memory */
FAC_API void fac_generator_free(fac_generator *g);
FAC_API void fac_generator_seed(fac_generator *g, uint64_t seed);
FAC_API uint64_t fac_generator_initial_seed(const fac_generator *g);

/* The state as PyTorch's get_rng_state() lays it out. NULL for the bytes sets the error. */
#define FAC_GENERATOR_STATE_BYTES 5056
FAC_API void fac_generator_get_state(const fac_generator *g, void *bytes);
/* False sets the error: not such a state. */
FAC_API bool fac_generator_set_state(fac_generator *g, const void *bytes, size_t nbytes);

#ifdef __cplusplus
}
#endif

#endif
