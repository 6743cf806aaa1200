/* The rows a device registered, resolved to one slot an op. */
#ifndef FAC_BACKEND_TABLE_H
#define FAC_BACKEND_TABLE_H

#include "../gen/ops.h"
#include "core.h"

typedef fac__loop *const fac__cast_table[FAC_NUM_DTYPES][FAC_NUM_DTYPES]; /* [from][to] */

typedef struct {
    const char *name;
    fac__loop *loops[FAC__NUM_OPS][FAC_NUM_DTYPES];
    bool pointwise[FAC__NUM_OPS]; /* some column is there */
    fac__kernel *kernels[FAC__NUM_OPS];
    fac__cast_table *casts;
    fac__move_fn *move;
} fac__device_table;

extern fac__device_table fac__device_tables[FAC_NUM_DEVICE_TYPES];
static inline const fac__device_table *fac__device_table_of(fac_device d) {
    return &fac__device_tables[d.type];
}
void fac__backend_moves(fac_device_type type, fac__cast_table *casts, fac__move_fn *move);

/* src/cpu/backend.c. The name of the instruction set in use is "", and the check fails, where
 * FACULA_CPU asks for one that is not there: then no kernel is. */
void fac__cpu_register(void);
const char *fac__cpu_isa(void);
int fac__cpu_check(void);

#endif
