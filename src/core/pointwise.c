/* How every pointwise op runs: common dtype, broadcast shape, output, loop.
 *
 * Operands whose dtype is not the one the loop computes in are converted a tile at a time on the
 * way through, never as whole tensors; so are float16 and bfloat16 where the loop has no column of
 * their own. */
#include "backend_table.h"
#include "iterate.h"

#include <string.h>

enum { TILE = 512, MAX_OPERANDS = FAC__ITER_ARGS };

/* One element costs a few cycles at most in a plain loop; PyTorch's grain. */
static const int64_t grain = 32768;

struct plan {
    const fac__op *op;
    int nargs;                            /* output and inputs */
    fac_tensor *operand[MAX_OPERANDS];    /* [0] the output; NULL: a number */
    fac_dtype kernel_dtype[MAX_OPERANDS]; /* what the loop reads or writes there */
    fac_dtype compute;
    fac_dtype result;
    fac_device device;
    int ndim;
    int64_t shape[FAC_MAX_DIMS];
    char number[MAX_OPERANDS][16];
    char ctx[16][16];
};

static const fac_value *value_at(const void *args, const fac__param *p) {
    return (const fac_value *)((const char *)args + p->offset);
}

/* A condition takes no part in the common dtype of the others. */
static int first_of_common(const fac__op *op) {
    return op->dtypes == FAC__D_COND ? 2 : 1;
}

static fac_dtype common_dtype(const struct plan *p, const fac_scalar *numbers) {
    fac__promotion promotion = {0};
    for (int k = first_of_common(p->op); k < p->nargs; k++) {
        if (p->operand[k] != NULL)
            fac__promote_add(&promotion, p->operand[k]);
        else
            fac__promote_number(&promotion, numbers[k]);
    }
    return fac__promoted(&promotion);
}

/* Gathers operands and finds the common dtype. */
static int gather(struct plan *p, const fac__op *op, const void *args, fac_scalar *numbers) {
    fac_dtype same = FAC_DTYPE_NONE;
    int first = first_of_common(op);
    bool mixed = false, placed = false; /* by a tensor that cannot move */
    int n = 1;
    p->device = (fac_device){FAC_DEVICE_NONE, -1};
    for (int i = 0; i < op->nparams; i++) {
        const fac__param *q = &op->params[i];
        if (q->tensor_index == 255)
            continue;
        fac_tensor *t = fac__arg_tensor(args, q->offset);
        p->operand[n] = t;
        if (t == NULL) {
            if (q->type != FAC__T_VALUE || !fac__given(value_at(args, q)->number)) {
                if (q->flags & FAC__P_NONE)
                    continue;
                return fac__fail(FAC_ERROR_TYPE, "%s(): argument '%s' must be Tensor, not None",
                                 op->name, q->name);
            }
            numbers[n] = value_at(args, q)->number;
            mixed = true;
        } else {
            if (n >= first) {
                mixed |= (same != FAC_DTYPE_NONE && same != t->dtype) || t->features & FAC__NUMBER;
                same = (fac_dtype)t->dtype;
            }
            bool movable = t->ndim == 0 && t->device.type == FAC_CPU;
            if (p->device.type == FAC_DEVICE_NONE || (!movable && !placed))
                p->device = t->device;
            placed |= !movable;
            if (!movable && !fac__same_device(p->device, t->device))
                return fac__fail_devices(p->device, t->device);
        }
        n++;
    }
    p->nargs = n;
    p->compute = mixed ? common_dtype(p, numbers) : same;
    if (p->device.type == FAC_DEVICE_NONE)
        p->device = fac_cpu();
    return 0;
}

/* What the loop computes in and what comes out, by the op's dtype class. */
static int choose_dtypes(struct plan *p, const fac__op *op, const void *args) {
    fac_dtype d = p->compute;
    switch ((enum fac__dtypes)op->dtypes) {
    case FAC__D_FLOAT:
    case FAC__D_FLOAT_ABS:
        if (fac__is_integral(d, true))
            d = fac_default_dtype();
        break;
    case FAC__D_NUMBER:
        if (d == FAC_BOOL)
            d = FAC_INT64;
        break;
    case FAC__D_SELF:
        d = (fac_dtype)fac__arg_tensor(args, op->tensor_offsets[0])->dtype;
        break;
    default:
        break;
    }
    p->compute = p->result = d;
    switch ((enum fac__dtypes)op->dtypes) {
    case FAC__D_COMPARE:
    case FAC__D_BOOL:
        p->result = FAC_BOOL;
        break;
    case FAC__D_ABS:
    case FAC__D_FLOAT_ABS:
        p->result = fac__real_of(d);
        break;
    case FAC__D_COMPLEX:
        p->result = fac__complex_of(d);
        break;
    default:
        break;
    }
    return 0;
}

static int broadcast(struct plan *p) {
    bool first = true;
    p->ndim = 0;
    for (int k = 1; k < p->nargs; k++) {
        fac_tensor *t = p->operand[k];
        if (t == NULL)
            continue;
        if (first) {
            p->ndim = t->ndim;
            memcpy(p->shape, t->sizes, sizeof(int64_t) * (size_t)t->ndim);
            first = false;
        } else if (t->ndim != p->ndim ||
                   memcmp(t->sizes, p->shape, sizeof(int64_t) * (size_t)t->ndim) != 0) {
            if (fac__broadcast(&p->ndim, p->shape, t->ndim, t->sizes) != 0)
                return -1;
        }
    }
    return 0;
}

/* Whether an operand has the strides that it has in PyTorch's iterator, to which inputs of another
 * dtype come as copies. */
static bool as_iterated(const struct plan *p, int k) {
    const fac_tensor *t = p->operand[k];
    bool copied = t->dtype != p->compute && !(k == 1 && p->op->dtypes == FAC__D_COND);
    return !copied || t->features & FAC__DENSE;
}

/* The strides of a new result. */
static void result_strides(const struct plan *p, int64_t *strides) {
    fac_tensor copies[MAX_OPERANDS], *operands[MAX_OPERANDS];
    int64_t copied[MAX_OPERANDS][FAC_MAX_DIMS];
    int n = 0;
    for (int k = 1; k < p->nargs; k++) {
        fac_tensor *t = p->operand[k];
        if (t == NULL && strcmp(p->op->name, "pow") == 0 && k == 2)
            continue; /* with a number for exponent it has one operand */
        if (t != NULL && !as_iterated(p, k)) {
            fac__like_strides(t, copied[k]);
            copies[k] = (fac_tensor){.ndim = t->ndim, .sizes = t->sizes, .strides = copied[k]};
            fac__tensor_flags(&copies[k]);
            t = &copies[k];
        }
        operands[n++] = t;
    }
    fac__result_strides(n, operands, p->ndim, p->shape, strides);
}

/* Whether the result is contiguous without a closer look. */
static bool plain_operands(const struct plan *p) {
    for (int k = 1; k < p->nargs; k++)
        if (p->operand[k] != NULL && !fac__is_plain(p->operand[k]))
            return false;
    return true;
}

/* The order of these decides which error is raised where several would be; out is resized last, so
 * that an error leaves it alone. */
static int check_given(struct plan *p, const fac__outs *outs) {
    fac_tensor *out = outs->given[0];
    if (fac__check_writable(out) != 0)
        return -1;
    for (int k = 1; k < p->nargs; k++)
        if (p->operand[k] != NULL && fac__check_no_overlap(out, p->operand[k]) != 0)
            return -1;
    bool same = out->ndim == p->ndim &&
                memcmp(out->sizes, p->shape, sizeof(int64_t) * (size_t)p->ndim) == 0;
    if (!same && outs->how == FAC__CALL_INPLACE)
        return fac__fail(
            FAC_ERROR_RUNTIME, "output with shape %s doesn't match the broadcast shape %s",
            fac__shape_text(out->ndim, out->sizes), fac__shape_text(p->ndim, p->shape));
    bool real_part = p->op->dtypes == FAC__D_ABS && p->result != p->compute;
    if (fac__check_out_dtype(real_part ? NULL : p->op, p->result, out, outs->how) != 0)
        return -1;
    if (!fac__same_device(out->device, p->device))
        return fac__fail_devices(out->device, p->device);
    if (same)
        return 0;
    int64_t strides[FAC_MAX_DIMS];
    result_strides(p, strides);
    if (fac__resize_out(p->op, out, p->ndim, p->shape) != 0)
        return -1;
    fac__restride(out, strides);
    return 0;
}

static int make_output(struct plan *p, fac__outs *outs) {
    if (outs->how != FAC__CALL_NEW) {
        if (check_given(p, outs) != 0)
            return -1;
        p->operand[0] = outs->v[0] = fac__retain(outs->given[0]);
        return 0;
    }
    if (FAC_LIKELY(plain_operands(p) && fac__numel_of(p->ndim, p->shape) != 0)) {
        outs->v[0] = fac__empty(p->ndim, p->shape, NULL, p->result, p->device);
    } else {
        int64_t strides[FAC_MAX_DIMS];
        result_strides(p, strides);
        outs->v[0] = fac__empty(p->ndim, p->shape, strides, p->result, p->device);
    }
    p->operand[0] = outs->v[0];
    return outs->v[0] == NULL ? -1 : 0;
}

/* --- running --------------------------------------------------------------------------------- */

struct tiles {
    const struct plan *p;
    fac__loop *loop;
    fac__cast_table *casts;
    bool convert[MAX_OPERANDS];
};

/* Runs the loop over one row in tiles, converting operands through buffers. */
static void tiled_row(const struct tiles *t, char **data, const ptrdiff_t *strides, ptrdiff_t n) {
    _Alignas(64) char buffer[MAX_OPERANDS][TILE * 16];
    int nargs = t->p->nargs;
    ptrdiff_t step[2 * MAX_OPERANDS] = {0};
    char *at[MAX_OPERANDS], *source[MAX_OPERANDS];
    for (int k = 0; k < nargs; k++)
        source[k] = data[k];
    for (ptrdiff_t i = 0; i < n; i += TILE) {
        ptrdiff_t m = n - i < TILE ? n - i : TILE;
        for (int k = 0; k < nargs; k++) {
            at[k] = source[k];
            step[k] = strides[k];
            if (!t->convert[k])
                continue;
            at[k] = buffer[k];
            fac_dtype to = t->p->kernel_dtype[k];
            step[k] = (ptrdiff_t)fac__itemsize((uint8_t)to);
            if (k == 0)
                continue;
            bool repeated = strides[k] == 0; /* one conversion serves the row */
            if (!repeated || i == 0) {
                char *move[2] = {buffer[k], source[k]};
                ptrdiff_t s[4] = {step[k], strides[k], 0, 0};
                (*t->casts)[t->p->operand[k]->dtype][to](move, s, repeated ? 1 : m, 1, NULL);
            }
            if (repeated)
                step[k] = 0;
        }
        t->loop(at, step, m, 1, t->p->ctx);
        if (t->convert[0]) {
            char *move[2] = {source[0], buffer[0]};
            ptrdiff_t s[4] = {strides[0], step[0], 0, 0};
            (*t->casts)[t->p->kernel_dtype[0]][t->p->operand[0]->dtype](move, s, m, 1, NULL);
        }
        for (int k = 0; k < nargs; k++)
            source[k] += m * strides[k];
    }
}

static int tiled_step(void *state, char **data, const ptrdiff_t *strides, ptrdiff_t n0,
                      ptrdiff_t n1) {
    const struct tiles *t = state;
    int nargs = t->p->nargs;
    char *row[MAX_OPERANDS];
    for (ptrdiff_t j = 0; j < n1; j++) {
        for (int k = 0; k < nargs; k++)
            row[k] = data[k] + j * strides[nargs + k];
        tiled_row(t, row, strides, n0);
    }
    return 0;
}

struct tiled_job {
    const fac__iter *it;
    struct tiles *t;
};

static int tiled_range(void *ctx, int64_t begin, int64_t end) {
    struct tiled_job *j = ctx;
    return fac__iter_range(j->it, begin, end, tiled_step, j->t);
}

static int no_column(const fac__op *op, fac_dtype d) {
    return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", op->label,
                     fac__scalar_type_name(d));
}

/* Note [Numbers beside halves]: a number beside float16 or bfloat16 is rounded to that dtype, and
 * so is the alpha of add and sub. Factors and divisors, zero-dim tensors among them, are not: the
 * loop finds a float where ctx[FAC__WIDE] has the operand's number. */
static bool is_half(fac_dtype d) {
    return d == FAC_FLOAT16 || d == FAC_BFLOAT16;
}

static fac_scalar rounded(fac_scalar s, fac_dtype d) {
    _Alignas(16) char bits[16];
    fac__scalar_to(s, d, bits);
    return fac__scalar_from(bits, d);
}

/* Which operand stays a float: of a product either, of a quotient the second. Zero-dim tensors of
 * other dtypes beside halves are taken as numbers. */
static int wide_operand(struct plan *p, fac_scalar *numbers) {
    if (!is_half(p->compute))
        return 0;
    bool given[MAX_OPERANDS] = {false};
    for (int k = 1; k < p->nargs; k++) {
        const fac_tensor *t = p->operand[k];
        given[k] = t == NULL;
        if (t == NULL || t->ndim != 0 || t->device.type != FAC_CPU || t->data == NULL ||
            t->dtype == p->compute || t->dtype == FAC_BOOL)
            continue;
        numbers[k] = fac__scalar_from(t->data, (fac_dtype)t->dtype);
        p->operand[k] = NULL;
    }
    bool product = strcmp(p->op->kernel, "mul") == 0;
    if (p->nargs != 3 || (!product && strncmp(p->op->kernel, "div_", 4) != 0))
        return 0;
    return p->operand[2] == NULL ? 2 : product && given[1] ? 1 : 0;
}

/* The i-th of the numbers that the loop reads. */
static fac_scalar number_at(const fac__op *op, const void *args, int i) {
    const fac__param *q = &op->params[op->numbers[i]];
    const char *at = (const char *)args + q->offset;
    if (q->type == FAC__T_SCALAR)
        return *(const fac_scalar *)(const void *)at;
    if (q->type == FAC__T_FLOAT)
        return fac_float(*(const double *)(const void *)at);
    return fac_int(*(const int64_t *)(const void *)at);
}

static int set_numbers(struct plan *p, const void *args, const fac_scalar *numbers, int wide) {
    const fac__op *op = p->op;
    bool half = is_half(p->compute);
    for (int k = 1; k < p->nargs; k++) {
        if (p->operand[k] != NULL)
            continue;
        if (half && wide != k && p->kernel_dtype[k] == FAC_FLOAT32)
            fac__scalar_to(rounded(numbers[k], p->compute), FAC_FLOAT32, p->number[k]);
        else
            fac__scalar_to(numbers[k], wide == k ? FAC_FLOAT32 : p->kernel_dtype[k], p->number[k]);
    }
    *(int *)p->ctx[FAC__WIDE] = wide;
    for (int i = 0; i < op->nnumbers; i++) {
        fac_scalar s = number_at(op, args, i);
        if (half && (strcmp(op->kernel, "add") == 0 || strcmp(op->kernel, "sub") == 0))
            s = rounded(s, p->compute);
        fac__scalar_to(s, fac__opmath(p->compute), p->ctx[i]);
    }
    return 0;
}

static int run(struct plan *p, const void *args, fac_scalar *numbers) {
    const fac__op *op = p->op;
    int wide = wide_operand(p, numbers);
    const fac__device_table *table = fac__device_table_of(p->device);
    fac__loop *const *loops = fac__find_loops(op, p->device);
    if (loops == NULL)
        return -1;
    fac_dtype compute = p->compute;
    fac__loop *loop = loops[compute];
    if (loop == NULL) {
        compute = fac__opmath(compute);
        loop = loops[compute];
        if (loop == NULL)
            return no_column(op, p->compute);
    }
    struct tiles t = {.p = p, .loop = loop, .casts = table->casts};
    bool convert = false;
    for (int k = 0; k < p->nargs; k++) {
        fac_dtype d = compute;
        if (k == 0)
            d = p->result == FAC_BOOL && p->compute != FAC_BOOL ? FAC_BOOL
                : p->result == p->compute                       ? compute
                : fac__is_complex(p->result)                    ? fac__complex_of(compute)
                                                                : fac__real_of(compute);
        else if (k == 1 && op->dtypes == FAC__D_COND)
            d = FAC_BOOL;
        p->kernel_dtype[k] = d;
        t.convert[k] = p->operand[k] != NULL && p->operand[k]->dtype != d;
        convert |= t.convert[k];
    }
    set_numbers(p, args, numbers, wide);
    fac__iter it;
    for (int k = 0; k < p->nargs; k++)
        it.data[k] = p->number[k];
    fac__iter_build(&it, p->nargs, p->operand, p->ndim, p->shape);
    if (it.numel == 0)
        return 0;
    if (!convert) {
        if (fac__iter_run(&it, loop, p->ctx, grain) != 0)
            return -1;
    } else {
        struct tiled_job job = {&it, &t};
        if (fac__parallel_for(it.numel, grain, tiled_range, &job) != 0)
            return -1;
    }
    if (FAC_UNLIKELY(*(int *)p->ctx[15] != 0))
        return fac__fail(FAC_ERROR_RUNTIME, "ZeroDivisionError");
    return 0;
}

/* Integers divided by zero raise an error, before which nothing may have been written. */
static bool may_fail_late(const struct plan *p, const fac__outs *outs) {
    const char *kernel = p->op->kernel;
    return outs->how != FAC__CALL_NEW && fac__is_integral(p->compute, true) &&
           (strncmp(kernel, "div_", 4) == 0 || strcmp(kernel, "remainder") == 0 ||
            strcmp(kernel, "fmod") == 0);
}

/* The loop writes into a tensor of its own, which is copied where it succeeded. */
static int run_aside(struct plan *p, const void *args, fac_scalar *numbers, fac_tensor *out) {
    fac_tensor *aside = fac__empty(p->ndim, p->shape, NULL, p->result, p->device);
    p->operand[0] = aside;
    int r = aside == NULL || run(p, args, numbers) != 0 ? -1 : fac__copy_into(out, aside);
    fac__release(aside);
    return r;
}

static __attribute__((noinline)) int exec_planned(const fac__op *op, void *args, fac__outs *outs) {
    struct plan p;
    fac_scalar numbers[MAX_OPERANDS];
    p.op = op;
    *(int *)p.ctx[15] = 0; /* loops report division by zero here */
    if (gather(&p, op, args, numbers) != 0 ||
        (op->check != NULL && op->check(op, args, outs, p.compute) != 0) ||
        choose_dtypes(&p, op, args) != 0 || broadcast(&p) != 0 || make_output(&p, outs) != 0)
        return -1;
    if (p.device.type == FAC_META)
        return 0;
    int r =
        may_fail_late(&p, outs) ? run_aside(&p, args, numbers, outs->v[0]) : run(&p, args, numbers);
    if (r != 0) {
        fac__release(outs->v[0]);
        outs->v[0] = NULL;
        return -1;
    }
    return 0;
}

/* --- one row ---------------------------------------------------------------------------------- */

/* float32 or float64 wherever the op reads or writes but for the bool of comparisons. */
static bool computes_as_is(const fac__op *op, fac_dtype d) {
    return (d == FAC_FLOAT32 || d == FAC_FLOAT64) && op->dtypes != FAC__D_COMPLEX &&
           op->dtypes != FAC__D_COND;
}

static bool alike(const fac_tensor *a, const fac_tensor *b) {
    if (b->dtype != a->dtype || b->device.type != a->device.type || b->ndim != a->ndim)
        return false;
    for (int i = 0; i < a->ndim; i++)
        if (a->sizes[i] != b->sizes[i])
            return false;
    return true;
}

static inline double real_of(const fac_scalar *s) {
    return s->kind == FAC_INT64     ? (double)s->as.i
           : s->kind == FAC_FLOAT64 ? s->as.f
                                    : fac__scalar_double(*s);
}

/* The i-th of the numbers that the loop reads, see number_at(). */
static inline double real_at(const fac__op *op, const void *args, int i) {
    const fac__param *q = &op->params[op->numbers[i]];
    const char *at = (const char *)args + q->offset;
    if (q->type == FAC__T_SCALAR)
        return real_of((const fac_scalar *)(const void *)at);
    if (q->type == FAC__T_FLOAT)
        return *(const double *)(const void *)at;
    return (double)*(const int64_t *)(const void *)at;
}

/* Into the slot of a loop that computes in float32 or float64. */
static inline void put_real(double v, fac_dtype d, char *slot) {
    if (d == FAC_FLOAT64)
        memcpy(slot, &v, sizeof v);
    else
        memcpy(slot, &(float){(float)v}, sizeof(float));
}

/* The number given in place of tensor k, NULL where there is none that any floating dtype takes. */
static const fac_scalar *real_number(const fac__op *op, const void *args, int k) {
    const fac__param *q = op->params;
    while (q->tensor_index != k)
        q++;
    const fac_scalar *s = &value_at(args, q)->number;
    return q->type == FAC__T_VALUE && fac__given(*s) && s->kind != FAC_COMPLEX128 ? s : NULL;
}

/* The commonest call, without a plan: tensors of one shape and floating dtype, contiguous, few
 * elements, on the CPU, numbers beside the first, into a new result or into the first. 1: the call
 * is another, or the loop for it is missing. */
static inline __attribute__((always_inline)) int exec_row(const fac__op *op, void *args,
                                                          fac__outs *outs) {
    fac_tensor *first = fac__arg_tensor(args, op->tensor_offsets[0]);
    bool inplace = outs->how != FAC__CALL_NEW;
    if (first == NULL || op->ntensors > 3 || (uint64_t)first->numel - 1 >= (uint64_t)grain ||
        first->device.type != FAC_CPU || fac__grain_override != 0)
        return 1;
    fac_dtype d = (fac_dtype)first->dtype;
    if (!computes_as_is(op, d))
        return 1;
    bool asks = op->dtypes == FAC__D_COMPARE || op->dtypes == FAC__D_BOOL;
    if (inplace && (outs->how != FAC__CALL_INPLACE || outs->given[0] != first || asks))
        return 1;
    char *data[4], number[4][16];
    ptrdiff_t strides[8] = {0};
    ptrdiff_t size = (ptrdiff_t)fac__itemsize((uint8_t)d);
    for (int k = 0; k < op->ntensors; k++) {
        const fac_tensor *t = fac__arg_tensor(args, op->tensor_offsets[k]);
        if (t == NULL) {
            const fac_scalar *s = real_number(op, args, k);
            if (s == NULL || (!inplace && !fac__is_plain(first)))
                return 1;
            put_real(real_of(s), d, number[k]);
            data[k + 1] = number[k];
            continue;
        }
        if ((t->features & (FAC__CONTIGUOUS | FAC__NUMBER)) != FAC__CONTIGUOUS ||
            (t != first && (!alike(first, t) || (inplace && t->storage == first->storage))))
            return 1;
        data[k + 1] = t->data;
        strides[k + 1] = size;
    }
    fac__loop *loop = fac__device_table_of(first->device)->loops[op->id][d];
    if (loop == NULL)
        return 1;
    if (op->check != NULL && op->check(op, args, outs, d) != 0)
        return -1;
    fac_tensor *out = inplace ? fac__retain(first) : fac__empty_as(first, asks ? FAC_BOOL : d);
    if (out == NULL)
        return -1;
    outs->v[0] = out;
    data[0] = out->data;
    strides[0] = asks ? 1 : size;
    char ctx[16][16];
    *(int *)ctx[15] = *(int *)ctx[FAC__WIDE] = 0;
    for (int i = 0; i < op->nnumbers; i++)
        put_real(real_at(op, args, i), d, ctx[i]);
    loop(data, strides, first->numel, 1, ctx);
    return 0;
}

int fac__exec_pointwise(const fac__op *op, void *args, fac__outs *outs) {
    int r = exec_row(op, args, outs);
    return FAC_LIKELY(r <= 0) ? r : exec_planned(op, args, outs);
}
