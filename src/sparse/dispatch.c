/* Ops of strided tensors whose arguments are sparse: the gate finds their sparse form here, or
 * refuses by PyTorch's text. */
#include "coo.h"

#include "../gen/ops.h"
#include "../levels/levels.h"
#include <facula/autograd.h>
#include <facula/ops.h>

#include <string.h>

static bool is_sparse(const fac_tensor *t) {
    return t != NULL && t->layout == FAC_SPARSE_COO;
}

static fac_ints sizes_of(const fac_tensor *t) {
    return (fac_ints){t->sizes, t->ndim, true};
}

/* t's places with other values. */
static fac_tensor *with_values(fac_tensor *t, fac_tensor *values) {
    const struct fac__coo *c = t->payload;
    fac_tensor *r = fac__coo_new(c->indices, values, sizes_of(t), c->coalesced);
    return r == NULL ? fac_bad : fac__scope_adopt(r);
}

static fac_tensor *values_of(fac_tensor *t) {
    return ((const struct fac__coo *)t->payload)->values;
}

/* --- one sparse tensor -------------------------------------------------------------------------
 */

static fac_tensor *do_clone(void *args) {
    fac_tensor *t = *(fac_tensor **)args;
    const struct fac__coo *c = t->payload;
    fac_tensor *r =
        fac__coo_new(fac_clone(c->indices), fac_clone(c->values), sizes_of(t), c->coalesced);
    return r == NULL ? fac_bad : fac__scope_adopt(r);
}

static fac_tensor *do_alias(void *args) {
    fac_tensor *t = *(fac_tensor **)args;
    return with_values(t, values_of(t));
}

static fac_tensor *do_to_copy(void *args) {
    const struct fac___to_copy_args *a = args;
    fac_tensor *t = a->input;
    fac_dtype d = a->dtype == FAC_DTYPE_NONE ? (fac_dtype)t->dtype : a->dtype;
    return with_values(t, fac__to_copy(values_of(t), .dtype = d));
}

static fac_tensor *do_neg(void *args) {
    fac_tensor *t = *(fac_tensor **)args;
    return with_values(t, fac_neg(values_of(t)));
}

static fac_tensor *do_zeros_like(void *args) {
    fac_tensor *t = *(fac_tensor **)args;
    const struct fac__coo *c = t->payload;
    return fac_zeros(sizes_of(t), .dtype = (fac_dtype)t->dtype, .layout = FAC_SPARSE_COO,
                     .device = c->values->device);
}

static fac_tensor *do_sum(void *args) {
    const struct fac__sum_args *a = args;
    if (a->dim.n > 0)
        return fac_sum(fac_to_dense(a->input), .dim = a->dim, .keepdim = a->keepdim,
                       .dtype = a->dtype);
    return fac_sum(values_of(a->input), .dtype = a->dtype);
}

static fac_tensor *do_transpose(void *args) {
    const struct fac__transpose_args *a = args;
    fac_tensor *t = a->input;
    const struct fac__coo *c = t->payload;
    int x = fac__wrap_dim(a->dim0, t->ndim), y = fac__wrap_dim(a->dim1, t->ndim);
    int n = (int)c->indices->sizes[0];
    int64_t sizes[FAC_MAX_DIMS];
    if (x < 0 || y < 0)
        return fac_bad;
    if (x >= n || y >= n) {
        fac__fail(FAC_ERROR_RUNTIME, "sparse transpose: transposed dimensions must be sparse");
        return fac_bad;
    }
    memcpy(sizes, t->sizes, sizeof *sizes * (size_t)t->ndim);
    sizes[x] = t->sizes[y];
    sizes[y] = t->sizes[x];
    fac_tensor *rows[FAC_MAX_DIMS];
    for (int d = 0; d < n; d++)
        rows[d] = fac_select(c->indices, 0, d == x ? y : d == y ? x : d);
    fac_tensor *indices = fac_stack(((fac_tensors){rows, n}));
    fac_tensor *r = fac__coo_new(indices, c->values, (fac_ints){sizes, t->ndim, true}, false);
    return r == NULL ? fac_bad : fac__scope_adopt(r);
}

static fac_tensor *do_t(void *args) {
    struct fac__transpose_args a = {.input = *(fac_tensor **)args, .dim0 = 0, .dim1 = 1};
    if (a.input->ndim == 2)
        return do_transpose(&a);
    fac__fail(FAC_ERROR_RUNTIME, "t() expects a tensor with <= 2 sparse and 0 dense dimensions");
    return a.input->ndim < 2 ? (fac_clear_error(), do_alias(args)) : fac_bad;
}

/* --- arithmetic --------------------------------------------------------------------------------
 */

static fac_tensor *coalesced(fac_tensor *t) {
    return is_sparse(t) ? fac_coalesce(t) : t;
}

static fac_tensor *sum_of_two(fac_tensor *x, fac_tensor *y, fac_scalar alpha) {
    const struct fac__coo *a = x->payload, *b = y->payload;
    bool same = x->ndim == y->ndim;
    for (int i = 0; same && i < x->ndim; i++)
        same = x->sizes[i] == y->sizes[i];
    if (!same || a->indices->sizes[0] != b->indices->sizes[0]) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "add: expected sizes of 'self' and 'other' to match, but %s != %s",
                  fac__shape_text(x->ndim, x->sizes), fac__shape_text(y->ndim, y->sizes));
        return fac_bad;
    }
    fac_tensor *places[] = {a->indices, b->indices};
    fac_tensor *values[] = {a->values, fac_mul(b->values, alpha)};
    fac_tensor *indices = fac_cat(((fac_tensors){places, 2}), .dim = 1);
    fac_tensor *all = fac_cat(((fac_tensors){values, 2}));
    fac_tensor *r = fac__coo_new(indices, all, sizes_of(x), false);
    return r == NULL ? fac_bad : fac_coalesce(fac__scope_adopt(r));
}

static fac_tensor *add(fac_value x, fac_value y, fac_scalar alpha, fac_tensor *self) {
    if (is_sparse(x.tensor) && is_sparse(y.tensor))
        return sum_of_two(x.tensor, y.tensor, alpha);
    if (is_sparse(x.tensor) || x.tensor == NULL) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "add(sparse, dense) is not supported. Use add(dense, sparse) instead.");
        return fac_bad;
    }
    const struct fac__coo *c = y.tensor->payload;
    bool same =
        x.tensor->ndim == y.tensor->ndim &&
        memcmp(x.tensor->sizes, y.tensor->sizes, sizeof(int64_t) * (size_t)x.tensor->ndim) == 0;
    if (!same) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "add: expected 'self' and 'other' to have same size, but self has size %s while "
                  "other has size %s (FYI: op2-sparse addition does not currently support "
                  "broadcasting)",
                  fac__shape_text(x.tensor->ndim, x.tensor->sizes),
                  fac__shape_text(y.tensor->ndim, y.tensor->sizes));
        return fac_bad;
    }
    fac_tensor *r = self != NULL ? self : fac_clone(x.tensor);
    return fac__is_bad(r) || fac__coo_scatter(r, c, alpha) != 0 ? fac_bad : r;
}

static fac_tensor *do_add(void *args) {
    const struct fac__add_args *a = args;
    return add(a->input, a->other, fac__given(a->alpha) ? a->alpha : fac_int(1), NULL);
}

static fac_tensor *do_add_inplace(void *args, fac_tensor *self) {
    const struct fac__add_args *a = args;
    fac_scalar alpha = fac__given(a->alpha) ? a->alpha : fac_int(1);
    return add(a->input, a->other, alpha, is_sparse(self) ? NULL : self);
}

static fac_scalar negated(fac_scalar s) {
    return !fac__given(s)        ? fac_int(-1)
           : s.kind == FAC_INT64 ? fac_int(-s.as.i)
                                 : fac_float(-s.as.f);
}

static fac_tensor *do_sub(void *args) {
    const struct fac__sub_args *a = args;
    return add(a->input, a->other, negated(a->alpha), NULL);
}

static fac_tensor *do_sub_inplace(void *args, fac_tensor *self) {
    const struct fac__sub_args *a = args;
    return add(a->input, a->other, negated(a->alpha), is_sparse(self) ? NULL : self);
}

/* By a number, a zero-dim tensor, or element by element at the places of the sparse one. */
static fac_tensor *do_mul(void *args) {
    const struct fac__mul_args *a = args;
    fac_value x = a->input, y = a->other;
    if (!is_sparse(x.tensor)) {
        fac_value other = x;
        x = y;
        y = other;
    }
    fac_tensor *t = x.tensor;
    if (y.tensor == NULL || (y.tensor->ndim == 0 && !is_sparse(y.tensor)))
        return with_values(t, fac_mul_ex(&(fac_value){.tensor = values_of(t)}, &y));
    t = coalesced(t);
    if (fac__is_bad(t))
        return t;
    fac_tensor *other = fac_sparse_mask(y.tensor, t);
    return fac__is_bad(other) ? other : with_values(t, fac_mul(values_of(t), values_of(other)));
}

static fac_tensor *do_div(void *args) {
    const struct fac__div_args *a = args;
    if (is_sparse(a->input.tensor) && !is_sparse(a->other.tensor) &&
        (a->other.tensor == NULL || a->other.tensor->ndim == 0))
        return with_values(
            a->input.tensor,
            fac_div_ex(&(fac_value){.tensor = values_of(a->input.tensor)}, &a->other));
    fac__fail(FAC_ERROR_RUNTIME, "Sparse division requires a scalar or zero-dim dense tensor "
                                 "divisor");
    return fac_bad;
}

/* (m, k) sparse by (k, n) strided: each element adds a multiple of a row. */
static fac_tensor *do_mm(void *args) {
    const struct fac__mm_args *a = args;
    fac_tensor *x = a->input, *y = a->mat2;
    if (!is_sparse(x) || x->ndim != 2 || y->ndim != 2) {
        fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                  "mm of a strided by a sparse matrix is not implemented in facula");
        return fac_bad;
    }
    if (x->sizes[1] != y->sizes[0]) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "mat1 and mat2 shapes cannot be multiplied (%lldx%lld and "
                  "%lldx%lld)",
                  (long long)x->sizes[0], (long long)x->sizes[1], (long long)y->sizes[0],
                  (long long)y->sizes[1]);
        return fac_bad;
    }
    if (is_sparse(y))
        return fac_to_sparse(fac_mm(x, fac_to_dense(y)));
    const struct fac__coo *c = x->payload;
    fac_tensor *rows = fac_index_select(y, 0, fac_select(c->indices, 0, 1));
    fac_tensor *r = fac_zeros(fac_dims(x->sizes[0], y->sizes[1]), .dtype = (fac_dtype)y->dtype,
                              .device = y->device);
    return fac_index_add_(r, 0, fac_select(c->indices, 0, 0),
                          fac_mul(rows, fac_unsqueeze(c->values, 1)));
}

/* --- the table ---------------------------------------------------------------------------------
 */

static const struct {
    const fac__op *op;
    fac_tensor *(*run)(void *args);                       /* borrowed result */
    fac_tensor *(*inplace)(void *args, fac_tensor *self); /* NULL: self becomes run's result */
} forms[] = {
    {&fac__op_clone, do_clone, NULL},
    {&fac__op_detach, do_alias, NULL},
    {&fac__op_alias, do_alias, NULL},
    {&fac__op__to_copy, do_to_copy, NULL},
    {&fac__op_neg, do_neg, NULL},
    {&fac__op_zeros_like, do_zeros_like, NULL},
    {&fac__op_sum, do_sum, NULL},
    {&fac__op_transpose, do_transpose, NULL},
    {&fac__op_t, do_t, NULL},
    {&fac__op_add, do_add, do_add_inplace},
    {&fac__op_sub, do_sub, do_sub_inplace},
    {&fac__op_mul, do_mul, NULL},
    {&fac__op_div, do_div, NULL},
    {&fac__op_mm, do_mm, NULL},
    {&fac__op_zero, do_zeros_like, NULL},
};

static int refuse(const fac__op *op, const char *backend, const char *advice) {
    return fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                     "Could not run 'aten::%s%s%s' with arguments from the '%s' backend. %s",
                     op->python, op->overload[0] ? "." : "", op->overload, backend, advice);
}

static int refuse_form(const fac__op *op) {
    return refuse(op, "SparseCPU",
                  "facula has no sparse form of this operator: call it on x.to_dense().");
}

static int is_here(void *unused, fac_tensor **slot) {
    (void)unused;
    return (*slot)->device.type == FAC_META ? -1 : 0;
}

int fac__sparse_call(const fac__op *op, void *args, fac__outs *outs) {
    size_t i = 0, n = sizeof forms / sizeof *forms;
    while (i < n && forms[i].op != op)
        i++;
    if (i == n || outs->how == FAC__CALL_OUT)
        return refuse_form(op);
    if (fac__each_tensor(op, args, is_here, NULL) != 0)
        return refuse(op, "SparseMeta",
                      "Where elements lie depends on data, which the meta device lacks.");
    fac_scope *scope = fac_scope_open();
    if (scope == NULL)
        return -1;
    bool mode = fac_set_grad_mode(false);
    fac_tensor *self = outs->how == FAC__CALL_INPLACE ? outs->given[0] : NULL;
    fac_tensor *r = self != NULL && forms[i].inplace != NULL ? forms[i].inplace(args, self)
                                                             : forms[i].run(args);
    int result = fac__is_bad(r) ? -1 : 0;
    if (result == 0 && self != NULL && r != self) {
        if (is_sparse(self) && is_sparse(r))
            fac__coo_become(self, r);
        else
            result = refuse_form(op);
        r = self;
    }
    if (result == 0)
        outs->v[0] = fac__retain(r);
    fac_set_grad_mode(mode);
    fac_scope_close(scope);
    return result;
}
