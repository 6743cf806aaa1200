/* Back ends by name: each device has, for every op, the kernel or the loops it registered. */
#include "backend_table.h"

#include "../gen/ops.h"

#include <pthread.h>
#include <string.h>

fac__device_table fac__device_tables[FAC_NUM_DEVICE_TYPES];

/* Families may share a name: one has the real columns, another the complex ones. */
static void add_columns(fac__device_table *t, uint16_t id, const fac__loop_row *row) {
    t->pointwise[id] = true;
    for (int d = 0; d < FAC_NUM_DTYPES; d++)
        if (row->loop[d] != NULL)
            t->loops[id][d] = row->loop[d];
}

int fac__backend_register(fac_device_type type, const char *name,
                          const fac__family *const *families, int n) {
    fac__device_table *t = &fac__device_tables[type];
    t->name = name;
    for (uint16_t id = 0; id < FAC__NUM_OPS; id++) {
        const char *kernel = fac__ops[id]->kernel;
        if (kernel == NULL)
            continue;
        for (int f = 0; f < n; f++) {
            const fac__loop_row *l = families[f]->loops;
            for (; l != NULL && l->name != NULL; l++)
                if (strcmp(l->name, kernel) == 0)
                    add_columns(t, id, l);
            const fac__kernel_row *k = families[f]->kernels;
            for (; k != NULL && k->name != NULL; k++)
                if (strcmp(k->name, kernel) == 0)
                    t->kernels[id] = k->run;
        }
    }
    return 0;
}

void fac__backend_moves(fac_device_type type, fac__cast_table *casts, fac__move_fn *move) {
    fac__device_tables[type].casts = casts;
    fac__device_tables[type].move = move;
}

static int missing(const fac__op *op, fac_device device) {
    if (device.type == FAC_CPU && fac__cpu_check() != 0)
        return -1;
    return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "%s is not implemented for %s", op->name,
                     fac__device_name(device));
}

fac__kernel *fac__find_kernel(const fac__op *op, fac_device device) {
    fac__kernel *k = fac__device_tables[device.type].kernels[op->id];
    if (k == NULL)
        missing(op, device);
    return k;
}

fac__loop *const *fac__find_loops(const fac__op *op, fac_device device) {
    const fac__device_table *t = &fac__device_tables[device.type];
    if (!t->pointwise[op->id]) {
        missing(op, device);
        return NULL;
    }
    return t->loops[op->id];
}

int fac__fail_devices(fac_device a, fac_device b) {
    return fac__fail(FAC_ERROR_RUNTIME,
                     "Expected all tensors to be on the same device, but found at least two "
                     "devices, %s and %s!",
                     fac__device_name(a), fac__device_name(b));
}

/* A kernel reads its device's memory, and numbers as zero-dim tensors of the CPU. */
static int check_device(fac_device device, const fac_tensor *t) {
    if (t == NULL || t->device.type == device.type || (t->ndim == 0 && t->device.type == FAC_CPU))
        return 0;
    return fac__fail_devices(device, t->device);
}

static int check_devices(const fac__op *op, const void *args, fac_device device) {
    if (op->flags & FAC__OP_MOVES)
        return 0;
    for (int i = 0; i < op->ntensors; i++)
        if (check_device(device, fac__arg_tensor(args, op->tensor_offsets[i])) != 0)
            return -1;
    for (int i = 0; i < op->nlists; i++) {
        const fac_tensors *l =
            (const fac_tensors *)(const void *)((const char *)args + op->list_offsets[i]);
        for (int k = 0; k < l->n; k++)
            if (check_device(device, l->values[k]) != 0)
                return -1;
    }
    return 0;
}

int fac__run_kernel(const fac__op *op, const void *args, fac__outs *outs, fac_device device) {
    if (device.type == FAC_META)
        return 0;
    if (check_devices(op, args, device) != 0)
        return -1;
    fac__kernel *k = fac__find_kernel(op, device);
    return k == NULL ? -1 : k(args, outs->v);
}

const char *fac__device_name(fac_device d) {
    switch (d.type) {
    case FAC_CPU:
        return "cpu";
    case FAC_META:
        return "meta";
    case FAC_CUDA:
        return "cuda";
    default:
        return "none";
    }
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start(void) {
    fac__cpu_register();
}

void fac__core_init(void) {
    pthread_once(&once, start);
}

/* Loading the library is when the instruction set is chosen; calls then need not ask. */
__attribute__((constructor)) static void at_load(void) {
    fac__core_init();
}
