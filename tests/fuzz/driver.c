/* A small coverage-guided fuzzer for the functions that libFuzzer would call, for compilers without
 * libFuzzer: GCC's -fsanitize-coverage=trace-pc tells which places an input reaches, and inputs
 * that reach new ones (or old ones a new order of magnitude more often, as AFL counts) become
 * parents.
 *
 *     fuzz_npy SECONDS [SEED]      search
 *     fuzz_npy FILE                run one input again
 *
 * An input under which a sanitizer complains, or that takes more than ten seconds, is written to
 * fuzz-found in the working directory.
 */
#include "fuzz.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PLACES = 1 << 16, INPUT_MAX = 4096, CORPUS_MAX = 4096, INPUT_SECONDS = 10 };

static uint8_t counts[PLACES], seen[PLACES];
static struct {
    uint8_t *bytes;
    size_t n;
} corpus[CORPUS_MAX];
static size_t ncorpus;
static uint8_t input[INPUT_MAX];
static size_t input_size;
static uint64_t random_state;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void) {
    uintptr_t place = (uintptr_t)__builtin_return_address(0);
    uint8_t *c = &counts[(place ^ place >> 16) % PLACES];
    *c = (uint8_t)(*c + (*c < 255));
}

/* xorshift64* (Vigna 2016). */
static uint64_t next(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1d;
}

static size_t below(size_t n) {
    return n == 0 ? 0 : (size_t)(next() >> 16) % n;
}

/* --- inputs ---------------------------------------------------------------------------------- */

static void splice(size_t at, size_t out, const void *bytes, size_t in) {
    out = out < input_size - at ? out : input_size - at;
    if (input_size - out + in > INPUT_MAX)
        return;
    uint8_t copy[INPUT_MAX];
    memcpy(copy, bytes, in);
    memmove(input + at + in, input + at + out, input_size - at - out);
    memcpy(input + at, copy, in);
    input_size = input_size - out + in;
}

static void mutate(void) {
    static const int64_t numbers[] = {0,     -1,    1,         127,       128,       255,      256,
                                      32767, 65535, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    size_t at = below(input_size + 1), n = below(16) + 1;
    int64_t number = numbers[below(sizeof numbers / sizeof *numbers)];
    char text[32];
    switch (below(9)) {
    case 0:
        if (at < input_size)
            input[at] ^= (uint8_t)(1u << below(8));
        break;
    case 1:
        if (at < input_size)
            input[at] = (uint8_t)next();
        break;
    case 2:
        splice(at, n, "", 0);
        break;
    case 3: /* a piece of itself */
        splice(at, 0, input + at, n < input_size - at ? n : input_size - at);
        break;
    case 4: { /* a piece of another */
        size_t k = below(ncorpus), from = below(corpus[k].n), left = corpus[k].n - from;
        splice(at, below(n), corpus[k].bytes + from, n < left ? n : left);
        break;
    }
    case 5: { /* a word of the format */
        size_t words = 0;
        while (fuzz_words[words] != NULL)
            words++;
        const char *word = fuzz_words[below(words)];
        splice(at, below(n), word, strlen(word));
        break;
    }
    case 6:
        splice(at, sizeof number >> below(4), &number, sizeof number >> below(4));
        break;
    case 7:
        n = (size_t)snprintf(text, sizeof text, "%lld",
                             (long long)((uint64_t)number + below(3) - 1));
        splice(at, below(n + 1), text, n);
        break;
    default:
        input_size = at;
    }
}

static void save(void) {
    FILE *f = fopen("fuzz-found", "wb");
    if (f == NULL)
        return;
    fwrite(input, 1, input_size, f);
    fclose(f);
}

static void died(int sig) {
    static const char slow[] = "too slow, see fuzz-found\n", bad[] = "died, see fuzz-found\n";
    save();
    if (sig == SIGALRM)
        (void)!write(2, slow, sizeof slow - 1);
    else
        (void)!write(2, bad, sizeof bad - 1);
    _exit(1);
}

/* --- search ---------------------------------------------------------------------------------- */

static bool finds_something(void) {
    bool found = false;
    for (size_t i = 0; i < PLACES; i++) {
        if (counts[i] == 0)
            continue;
        uint8_t magnitude = (uint8_t)(1u << (31 - __builtin_clz(counts[i])));
        found |= (magnitude & ~seen[i]) != 0;
        seen[i] |= magnitude;
    }
    return found;
}

static void keep(void) {
    uint8_t *copy = ncorpus < CORPUS_MAX ? malloc(input_size + 1) : NULL;
    if (copy == NULL)
        return;
    memcpy(copy, input, input_size);
    corpus[ncorpus].bytes = copy;
    corpus[ncorpus++].n = input_size;
}

static void run(void) {
    memset(counts, 0, sizeof counts);
    alarm(INPUT_SECONDS);
    LLVMFuzzerTestOneInput(input, input_size);
    alarm(0);
    if (finds_something())
        keep();
}

static int again(const char *path) {
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return 2;
    }
    input_size = fread(input, 1, INPUT_MAX, f);
    fclose(f);
    return LLVMFuzzerTestOneInput(input, input_size);
}

int main(int argc, char **argv) {
    char *end;
    long seconds = argc > 1 ? strtol(argv[1], &end, 10) : 10;
    if (argc > 1 && *end != '\0')
        return again(argv[1]);
    random_state = argc > 2 ? strtoull(argv[2], NULL, 10) | 1 : (uint64_t)time(NULL) | 1;
    printf("%ld s from seed %llu\n", seconds, (unsigned long long)random_state);
    fflush(stdout);
    signal(SIGALRM, died);
    signal(SIGABRT, died);
    signal(SIGILL, died);
    for (size_t i = 0; fuzz_seed(i, input, INPUT_MAX, &input_size); i++) {
        run();
        keep();
    }
    uint64_t runs = 0;
    for (time_t start = time(NULL); time(NULL) - start < seconds; runs++) {
        size_t k = below(ncorpus);
        memcpy(input, corpus[k].bytes, corpus[k].n);
        input_size = corpus[k].n;
        for (size_t i = (size_t)1 << below(5); i > 0; i--)
            mutate();
        run();
    }
    size_t places = 0;
    for (size_t i = 0; i < PLACES; i++)
        places += seen[i] != 0;
    printf("%llu inputs, %zu kept, %zu places reached\n", (unsigned long long)runs, ncorpus,
           places);
    for (size_t i = 0; i < ncorpus; i++)
        free(corpus[i].bytes);
    return places > 0 ? 0 : 2; /* none: the library was built without coverage */
}
