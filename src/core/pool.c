#include "pool.h"

#include "core.h"

int64_t fac__grain_override;

int fac__num_threads(void) {
    return 1;
}

int fac__parallel_for(int64_t n, int64_t grain, fac__range_fn *fn, void *ctx) {
    (void)grain;
    return n == 0 ? 0 : fn(ctx, 0, n);
}

void fac__set_num_threads(int n)
{
    (void)n;
}
