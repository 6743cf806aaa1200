/* mt19937 (Matsumoto and Nishimura, 1998), seeded and drawn from as PyTorch's CPU generator. */
#include "generator.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { N = FAC__GENERATOR_WORDS };

static const uint64_t default_seed = 67280421310721u;
static fac_generator the_default = {.lock = ATOMIC_FLAG_INIT};

static void set_seed(fac_generator *g, uint64_t seed) {
    g->seed = seed;
    uint32_t x = (uint32_t)seed;
    for (uint32_t i = 0; i < N; i++) {
        g->state[i] = x;
        x = 1812433253u * (x ^ (x >> 30)) + i + 1;
    }
    g->next = N;
    g->seeded = true;
    g->has_float = g->has_double = false;
    g->next_float = 0;
    g->next_double = 0;
}

fac_generator *fac__generator_lock(fac_generator *g) {
    if (g == NULL)
        g = &the_default;
    while (atomic_flag_test_and_set_explicit(&g->lock, memory_order_acquire))
        sched_yield();
    if (!g->seeded)
        set_seed(g, default_seed);
    return g;
}

void fac__generator_unlock(fac_generator *g) {
    atomic_flag_clear_explicit(&g->lock, memory_order_release);
}

void fac_generator_seed(fac_generator *g, uint64_t seed) {
    g = fac__generator_lock(g);
    set_seed(g, seed);
    fac__generator_unlock(g);
}

fac_generator *fac_default_generator(void) {
    return &the_default;
}

void fac_manual_seed(uint64_t seed) {
    fac_generator_seed(NULL, seed);
}

fac_generator *fac_generator_new(void) {
    fac_generator *g = calloc(1, sizeof *g);
    if (g == NULL) {
        fac__fail(FAC_ERROR_MEMORY, "not enough memory for a generator");
        return NULL;
    }
    atomic_flag_clear(&g->lock);
    set_seed(g, default_seed);
    return g;
}

void fac_generator_free(fac_generator *g) {
    if (g != &the_default)
        free(g);
}

uint64_t fac_generator_initial_seed(const fac_generator *g) {
    fac_generator *locked = fac__generator_lock((fac_generator *)(uintptr_t)g);
    uint64_t seed = locked->seed;
    fac__generator_unlock(locked);
    return seed;
}

/* PyTorch's layout: the old Torch generator, then the float sample. */
struct state_bytes {
    uint64_t seed;
    int32_t left, seeded;
    uint64_t next, state[N];
    double normal_x, normal_y, normal_rho;
    int32_t normal_is_valid, unused;
    float next_float;
    uint8_t has_float, rest[3];
};
_Static_assert(sizeof(struct state_bytes) == FAC_GENERATOR_STATE_BYTES, "PyTorch's size");

static void put_state(const fac_generator *g, void *bytes) {
    struct state_bytes b;
    memset(&b, 0, sizeof b);
    b.seed = g->seed;
    b.left = N - g->next + 1;
    b.seeded = g->seeded;
    /* a fresh generator says 0 where a used-up one says 624; both twist first */
    uint32_t x = (uint32_t)g->seed;
    b.next = g->next == N && g->state[0] == x ? 0 : (uint64_t)g->next;
    for (int i = 0; i < N; i++)
        b.state[i] = g->state[i];
    b.normal_y = g->has_double ? g->next_double : 0;
    b.normal_is_valid = g->has_double;
    b.next_float = g->has_float ? g->next_float : 0;
    b.has_float = g->has_float;
    memcpy(bytes, &b, sizeof b);
}

void fac_generator_get_state(const fac_generator *g, void *bytes) {
    if (bytes == NULL) {
        fac__fail(FAC_ERROR_VALUE, "fac_generator_get_state: no room is given for the state");
        return;
    }
    fac_generator *locked = fac__generator_lock((fac_generator *)(uintptr_t)g);
    put_state(locked, bytes);
    fac__generator_unlock(locked);
}

bool fac_generator_set_state(fac_generator *g, const void *bytes, size_t nbytes) {
    struct state_bytes b;
    if (bytes == NULL) {
        fac__fail(FAC_ERROR_VALUE, "fac_generator_set_state: no state is given");
        return false;
    }
    if (nbytes != sizeof b) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "Expected a CPUGeneratorImplState of size 5056 but found the input RNG state "
                  "size to be "
                  "%zu",
                  nbytes);
        return false;
    }
    memcpy(&b, bytes, sizeof b);
    if (b.left < 1 || b.left > N || b.next > N ||
        (b.left != 1 && b.next != (uint64_t)(N + 1 - b.left))) {
        fac__fail(FAC_ERROR_RUNTIME, "Invalid mt19937 state");
        return false;
    }
    g = fac__generator_lock(g);
    g->seed = b.seed;
    for (int i = 0; i < N; i++)
        g->state[i] = (uint32_t)b.state[i];
    g->next = b.left == 1 ? N : (int)b.next;
    g->seeded = true;
    g->has_double = b.normal_is_valid != 0;
    g->next_double = g->has_double ? b.normal_y : 0;
    g->has_float = b.has_float != 0;
    g->next_float = g->has_float ? b.next_float : 0;
    fac__generator_unlock(g);
    return true;
}
