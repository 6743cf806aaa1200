/* What a fuzz target gives to the driver. */
#ifndef FAC_TESTS_FUZZ_H
#define FAC_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libFuzzer's name, so that a target links with it as it is. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* The i-th valid input, at most `room` bytes; false from the last on. */
bool fuzz_seed(size_t i, uint8_t *out, size_t room, size_t *n);

/* Words of the format; NULL ends them. */
extern const char *const fuzz_words[];

#endif
