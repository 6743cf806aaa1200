/* The CPU back end: picks one instruction set's table when the library loads. */
#include "isa.h"

#include "../core/backend_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const fac__family fac__family_move, fac__family_shape; /* move.c, shape.c */

/* The instruction sets of this build that the machine has, from least to best. */
enum { MOST_ISAS = 3 };
static const char *const isa_names[MOST_ISAS] = {"base", "v3", "v4"};

static int find_isas(const fac__isa_table *to[MOST_ISAS]) {
    to[0] = &fac__isa_table_base;
#ifdef FAC__HAVE_V3
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
        !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("f16c"))
        return 1;
    to[1] = &fac__isa_table_v3;
#ifdef FAC__HAVE_V4
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl") ||
        !__builtin_cpu_supports("avx512cd"))
        return 2;
    to[2] = &fac__isa_table_v4;
    return 3;
#else
    return 2;
#endif
#else
    return 1;
#endif
}

static int isas, isa = -1; /* how many there are; the one in use */
static char asked[16];     /* by FACULA_CPU */

const char *fac__cpu_isa(void) {
    return isa < 0 ? "" : isa_names[isa];
}

int fac__cpu_check(void) {
    static const char *const lists[] = {"base", "base, v3", "base, v3, v4"};
    if (isa >= 0)
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME, "FACULA_CPU asks for \"%s\"; this machine has %s", asked,
                     lists[isas - 1]);
}

void fac__cpu_register(void) {
    const fac__isa_table *tables[MOST_ISAS];
    const char *want = getenv("FACULA_CPU");
    snprintf(asked, sizeof asked, "%s", want ? want : "");
    isas = find_isas(tables);
    if (!asked[0])
        isa = isas - 1;
    for (int i = 0; i < isas; i++)
        if (strcmp(asked, isa_names[i]) == 0)
            isa = i;
    const fac__isa_table *t = tables[isa < 0 ? 0 : isa];
    static const fac__family *const common[] = {&fac__family_move, &fac__family_shape};
    fac__backend_register(FAC_CPU, "cpu", common, isa < 0 ? 0 : 2);
    fac__backend_register(FAC_CPU, "cpu", t->families, isa < 0 ? 0 : t->nfamilies);
    fac__backend_moves(FAC_CPU, (fac__cast_table *)t->casts, t->move);
}
