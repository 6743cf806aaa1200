/* The CPU back end: picks one instruction set's table when the library loads. */
#include "isa.h"

#include "../core/backend_table.h"

#include <stdlib.h>
#include <string.h>

extern const fac__family fac__family_move, fac__family_shape; /* move.c, shape.c */

static const fac__isa_table *best(const char **name) {
    *name = "base";
#if defined(__x86_64__)
    const char *want = getenv("FACULA_CPU");
    bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
              __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c");
    bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
              __builtin_cpu_supports("avx512cd");
    if (want != NULL && strcmp(want, "base") == 0)
        return &fac__isa_table_base;
#ifdef FAC__HAVE_V4
    if (v4 && (want == NULL || strcmp(want, "v3") != 0)) {
        *name = "v4";
        return &fac__isa_table_v4;
    }
#endif
#ifdef FAC__HAVE_V3
    if (v3) {
        *name = "v3";
        return &fac__isa_table_v3;
    }
#endif
    (void)v4;
#endif
    return &fac__isa_table_base;
}

static const char *isa_name = "base";

const char *fac__cpu_isa(void) {
    return isa_name;
}

void fac__cpu_register(void) {
    const fac__isa_table *t = best(&isa_name);
    static const fac__family *const common[] = {&fac__family_move, &fac__family_shape};
    fac__backend_register(FAC_CPU, "cpu", common, 2);
    fac__backend_register(FAC_CPU, "cpu", t->families, t->nfamilies);
    fac__backend_moves(FAC_CPU, (fac__cast_table *)t->casts, t->move);
}
