/* What each instruction set's library exports: one table. */
#ifndef FAC_CPU_ISA_H
#define FAC_CPU_ISA_H

#include <facula/backend.h>

typedef struct {
    const fac__family *const *families;
    int nfamilies;
    fac__loop *const (*casts)[FAC_NUM_DTYPES]; /* [from][to] */
    fac__move_fn *move;
} fac__isa_table;

extern const fac__isa_table fac__isa_table_base;
extern const fac__isa_table fac__isa_table_v3;
extern const fac__isa_table fac__isa_table_v4;

#endif
