/* Subscripts, t[items]: for reading and for assignment.
 *
 * Where nothing but memory matters (no gradient, no active level) the views an item list stands
 * for are worked out as one geometry and made at once; otherwise they are the chain of select,
 * slice and unsqueeze that PyTorch records. Tensors among the items then go to `index` and
 * `index_put`, as a list that is NULL for dimensions taken whole. */
#include "core.h"

#include "../autograd/autograd.h"
#include "../gen/ops.h"
#include "iterate.h"
#include <facula/autograd.h>
#include <facula/indexing.h>
#include <facula/ops.h>

#include <string.h>

/* What the items amount to. `sizes ...` is the view they give of t before tensors pick from it. */
struct subscript {
    int ndim;
    int64_t offset;
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    int nlist; /* entries up to the last tensor; 0: a plain view */
    int at;    /* entries so far */
    fac_tensor *list[FAC_MAX_DIMS + 1];
    fac_tensor *made[FAC_MAX_DIMS]; /* of booleans; counted */
    int nmade;
};

/* --- items ----------------------------------------------------------------------------------- */

static bool is_mask(const fac_tensor *t) {
    return t->dtype == FAC_BOOL || t->dtype == FAC_UINT8;
}

/* A zero-dim tensor acts as the integer or the boolean that it holds. */
static fac_subscript simplified(fac_subscript x) {
    if (x.kind != FAC_INDEX_TENSOR)
        return x;
    fac_tensor *t = x.as.tensor;
    fac_scalar s;
    if (t->ndim != 0 || t->data == NULL || !fac__is_integral((fac_dtype)t->dtype, true) ||
        fac__item(t, &s) != 0)
        return x;
    if (is_mask(t)) {
        x.kind = FAC_INDEX_BOOL;
        x.as.truth = fac__scalar_int(s) != 0;
    } else {
        x.kind = FAC_INDEX_INT;
        x.as.integer = fac__scalar_int(s);
    }
    return x;
}

/* Dimensions of t that the items use up, or -1. */
static int used_dims(const fac_tensor *t, const fac_subscript *items, int n) {
    int used = 0;
    for (int i = 0; i < n; i++) {
        switch (items[i].kind) {
        case FAC_INDEX_INT:
        case FAC_INDEX_SLICE:
            used++;
            break;
        case FAC_INDEX_TENSOR: {
            const fac_tensor *x = items[i].as.tensor;
            if (fac__is_bad(x))
                return -1;
            if (!is_mask(x) && x->dtype != FAC_INT64 && x->dtype != FAC_INT32 &&
                !(x->ndim == 0 && fac__is_integral((fac_dtype)x->dtype, false)))
                return fac__fail(FAC_ERROR_INDEX,
                                 "tensors used as indices must be long, int, byte or bool tensors");
            if (x->dtype == FAC_UINT8 && x->ndim > 0 &&
                fac__warn("indexing with dtype torch.uint8 is now deprecated, please use a dtype "
                          "torch.bool instead.") != 0)
                return -1;
            used += is_mask(x) ? x->ndim : 1;
            break;
        }
        default:
            break;
        }
    }
    if (used > t->ndim)
        return fac__fail(FAC_ERROR_INDEX, "too many indices for tensor of dimension %d", t->ndim);
    return used;
}

static int integer_at(int64_t i, int64_t size, int item, int64_t *out) {
    if (i < -size || i >= size)
        return fac__fail(FAC_ERROR_INDEX,
                         "index %lld is out of bounds for dimension %d with size %lld",
                         (long long)i, item, (long long)size);
    *out = i < 0 ? i + size : i;
    return 0;
}

static int slice_step(const fac_subscript *x, int64_t *step) {
    *step = x->as.slice.step.given ? x->as.slice.step.value : 1;
    if (*step > 0)
        return 0;
    return fac__fail(FAC_ERROR_VALUE,
                     *step == 0 ? "slice step cannot be zero" : "step must be greater than zero");
}

/* The slice's first index and length. */
static void slice_bounds(const fac_subscript *x, int64_t n, int64_t step, int64_t *first,
                         int64_t *length) {
    int64_t start = x->as.slice.start.given ? x->as.slice.start.value : 0;
    int64_t end = x->as.slice.stop.given ? x->as.slice.stop.value : n;
    start = start < 0 ? start + n : start;
    end = end < 0 ? end + n : end;
    start = start < 0 ? 0 : start > n ? n : start;
    end = end < start ? start : end > n ? n : end;
    *first = start;
    *length = step == 1 ? end - start : (end - start) / step + ((end - start) % step != 0);
}

static int too_many_dims(void) {
    return fac__fail(FAC_ERROR_INDEX, "the indexed view would have more than %d dimensions",
                     FAC_MAX_DIMS);
}

/* --- the whole view at once --------------------------------------------------------------------
 */

static inline int put_dim(struct subscript *s, int64_t size, int64_t stride) {
    if (FAC_UNLIKELY(s->ndim == FAC_MAX_DIMS))
        return too_many_dims();
    s->sizes[s->ndim] = size;
    s->strides[s->ndim++] = stride;
    if (s->at <= FAC_MAX_DIMS)
        s->list[s->at] = NULL;
    s->at++;
    return 0;
}

/* The tensor stands for the `dims` dimensions that were just put. */
static void put_tensor(struct subscript *s, fac_tensor *t, int dims) {
    s->at -= dims;
    s->list[s->at++] = t;
    s->nlist = s->at;
}

static int put_bool(struct subscript *s, bool truth, fac_device device) {
    int64_t n = truth;
    fac_tensor *x = fac__empty(1, &n, NULL, FAC_INT64, device);
    if (x == NULL || fac__fill_into(x, fac_int(0)) != 0) {
        fac__release(x);
        return -1;
    }
    s->made[s->nmade++] = x;
    put_tensor(s, x, 1);
    return 0;
}

static int past_the_end(const fac_tensor *t, int dim) {
    return fac__fail(FAC_ERROR_INDEX,
                     "Dimension out of range (expected to be in range of [%d, %d], but got %d)",
                     -t->ndim, t->ndim - 1, dim);
}

static int one_item(struct subscript *s, const fac_tensor *t, const fac_subscript *x, int item,
                    int *dim, int spare) {
    int64_t i = 0, step = 1, length;
    int d = *dim, takes = x->kind == FAC_INDEX_INT || x->kind == FAC_INDEX_SLICE;
    if (x->kind == FAC_INDEX_TENSOR)
        takes = is_mask(x->as.tensor) ? x->as.tensor->ndim : 1;
    else if (x->kind == FAC_INDEX_ELLIPSIS)
        takes = spare;
    if (FAC_UNLIKELY(d + takes > t->ndim)) /* a second ellipsis */
        return past_the_end(t, d + takes - 1);
    *dim += takes;
    switch (x->kind) {
    case FAC_INDEX_INT:
        if (integer_at(x->as.integer, t->sizes[d], item, &i) != 0)
            return -1;
        s->offset += i * t->strides[d];
        return 0;
    case FAC_INDEX_SLICE:
        if (slice_step(x, &step) != 0)
            return -1;
        slice_bounds(x, t->sizes[d], step, &i, &length);
        s->offset += i * t->strides[d];
        if (__builtin_mul_overflow(t->strides[d], step, &step))
            step = 0; /* one element at most is left */
        return put_dim(s, length, step);
    case FAC_INDEX_NONE:
        return put_dim(s, 1, d < t->ndim ? t->sizes[d] * t->strides[d] : 1);
    case FAC_INDEX_BOOL:
        if (put_dim(s, 1, 0) != 0)
            return -1;
        return put_bool(s, x->as.truth, t->device);
    default:
        for (int k = 0; k < takes; k++)
            if (put_dim(s, t->sizes[d + k], t->strides[d + k]) != 0)
                return -1;
        if (x->kind == FAC_INDEX_TENSOR)
            put_tensor(s, x->as.tensor, takes);
        return 0;
    }
}

static void drop_made(struct subscript *s) {
    while (s->nmade > 0)
        fac__release(s->made[--s->nmade]);
}

static int geometry(struct subscript *s, const fac_tensor *t, const fac_subscript *items, int n) {
    int used = used_dims(t, items, n), dim = 0;
    s->ndim = s->nlist = s->at = s->nmade = 0;
    s->offset = t->offset;
    if (used < 0)
        return -1;
    int spare = t->ndim - used;
    for (int i = 0; i < n; i++) {
        fac_subscript x = simplified(items[i]);
        if (one_item(s, t, &x, i, &dim, spare) != 0)
            return -1;
    }
    for (; dim < t->ndim; dim++)
        if (put_dim(s, t->sizes[dim], t->strides[dim]) != 0)
            return -1;
    return 0;
}

/* --- the view as a chain of ops -------------------------------------------------------------- */

/* Applies one item at dimension s->ndim of v, the view so far; borrowed from the open scope. */
static fac_tensor *chained_item(struct subscript *s, fac_tensor *v, const fac_subscript *x,
                                int item, bool alone, int spare) {
    int64_t i = 0, step = 1, length;
    int d = s->ndim;
    switch (x->kind) {
    case FAC_INDEX_INT:
        if (d >= v->ndim)
            break;
        return integer_at(x->as.integer, v->sizes[d], item, &i) != 0 ? fac_bad
                                                                     : fac_select(v, d, i);
    case FAC_INDEX_SLICE:
        if (slice_step(x, &step) != 0)
            return fac_bad;
        if (d >= v->ndim)
            break;
        slice_bounds(x, v->sizes[d], step, &i, &length);
        put_dim(s, 0, 0);
        if (!alone && length == v->sizes[d] && step == 1)
            return v;
        return fac_slice(v, .dim = d, .start = x->as.slice.start, .end = x->as.slice.stop,
                         .step = fac_some(step));
    case FAC_INDEX_NONE:
        return put_dim(s, 0, 0) != 0 ? fac_bad : fac_unsqueeze(v, d);
    case FAC_INDEX_BOOL:
        if (put_dim(s, 0, 0) != 0 || put_bool(s, x->as.truth, v->device) != 0)
            return fac_bad;
        return fac_unsqueeze(v, d);
    case FAC_INDEX_ELLIPSIS:
        for (int k = 0; k < spare; k++)
            if (put_dim(s, 0, 0) != 0)
                return fac_bad;
        return v;
    default: {
        int takes = is_mask(x->as.tensor) ? x->as.tensor->ndim : 1;
        for (int k = 0; k < takes; k++)
            put_dim(s, 0, 0);
        put_tensor(s, x->as.tensor, takes);
        return v;
    }
    }
    past_the_end(v, d);
    return fac_bad;
}

/* The view, t itself where no item changes it; needs an open scope. */
static fac_tensor *chain(struct subscript *s, fac_tensor *t, const fac_subscript *items, int n) {
    int used = used_dims(t, items, n);
    s->ndim = s->nlist = s->at = s->nmade = 0;
    if (used < 0)
        return fac_bad;
    fac_tensor *v = t;
    for (int i = 0; i < n && !fac__is_bad(v); i++) {
        fac_subscript x = simplified(items[i]);
        v = chained_item(s, v, &x, i, n == 1, t->ndim - used);
    }
    return v;
}

/* --- reading ------------------------------------------------------------------------------------
 */

static bool records(const fac_tensor *t) {
    return fac__tls.grad_mode && fac__wants_grad(t);
}

static bool is_plain(fac_tensor *t) {
    return !(t->features & FAC__SLOW) && !(fac__tls.levels & FAC__L_ANY) && !records(t);
}

/* t[i] of a zero-dim tensor has a text of its own. */
static int check_first(const fac_tensor *t, const fac_subscript *items, int n) {
    if (FAC_UNLIKELY(t == NULL))
        return fac__fail(FAC_ERROR_TYPE, "the tensor to be subscripted is NULL");
    if (fac__is_bad(t))
        return -1;
    if (FAC_UNLIKELY(n < 0 || (n > 0 && items == NULL)))
        return fac__fail(FAC_ERROR_VALUE, "a subscript says it has %d items%s", n,
                         n < 0 ? "" : " and gives none");
    for (int i = 0; i < n; i++) {
        if (FAC_UNLIKELY((unsigned)items[i].kind > FAC_INDEX_TENSOR))
            return fac__fail(FAC_ERROR_VALUE, "item %d of a subscript is of kind %d, which is none",
                             i, (int)items[i].kind);
        if (FAC_UNLIKELY(items[i].kind == FAC_INDEX_TENSOR && items[i].as.tensor == NULL))
            return fac__fail(FAC_ERROR_TYPE, "item %d of a subscript is a tensor that is NULL", i);
    }
    if (FAC_UNLIKELY(t->ndim == 0 && n == 1)) {
        if (items[0].kind == FAC_INDEX_INT)
            return fac__fail(FAC_ERROR_INDEX,
                             "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                             "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number");
        if (items[0].kind == FAC_INDEX_SLICE)
            return fac__fail(FAC_ERROR_INDEX, "slice() cannot be applied to a 0-dim tensor.");
    }
    return 0;
}

/* Calls `index` on a view; a new reference or NULL. */
static fac_tensor *pick(fac_tensor *v, struct subscript *s) {
    struct fac__index_args args = {v, {s->list, s->nlist}};
    fac__outs outs;
    fac__outs_init(&outs, 1);
    return fac__call(&fac__op_index, &args, &outs) == 0 ? outs.v[0] : NULL;
}

static fac_tensor *plain_get(fac_tensor *t, const fac_subscript *items, int n) {
    struct subscript s;
    fac_tensor *v = NULL;
    if (geometry(&s, t, items, n) != 0)
        goto done;
    v = fac__alias(t, s.ndim, s.sizes, s.strides, s.offset);
    if (v == NULL)
        goto done;
    if (s.nlist == 0) {
        enum fac__creation how = fac__tls.inference   ? FAC__CREATED_INFERENCE
                                 : fac__tls.grad_mode ? FAC__CREATED_NORMAL
                                                      : FAC__CREATED_NO_GRAD;
        if (fac__record_view(t, v, how) != 0) {
            fac__release(v);
            v = NULL;
        }
    } else {
        fac_tensor *picked = pick(v, &s);
        fac__release(v);
        v = picked;
    }
done:
    drop_made(&s);
    return v;
}

static fac_tensor *recorded_get(fac_tensor *t, const fac_subscript *items, int n) {
    struct subscript s;
    fac_scope *scope = fac_scope_open();
    if (scope == NULL)
        return NULL;
    fac_tensor *v = chain(&s, t, items, n);
    if (!fac__is_bad(v) && s.nlist > 0)
        v = pick(v, &s);
    else
        v = fac__is_bad(v) ? NULL : fac__retain(v == t ? fac_alias(t) : v);
    drop_made(&s);
    fac_scope_close(scope);
    if (v != NULL && fac__is_bad(v))
        v = NULL;
    return v;
}

fac_tensor *fac__index_get(fac_tensor *t, const fac_subscript *items, int n) {
    if (check_first(t, items, n) != 0)
        return NULL;
    return FAC_LIKELY(is_plain(t)) ? plain_get(t, items, n) : recorded_get(t, items, n);
}

fac_tensor *fac_index_get(fac_tensor *t, const fac_subscript *items, int n) {
    fac_tensor *v = fac__index_get(t, items, n);
    return v == NULL ? fac_bad : fac__scope_adopt(v);
}

/* --- assignment ----------------------------------------------------------------------------------
 */

/* Without its leading ones beyond what `ndim` dimensions need: t[0] = ones(1, 1, 3). */
static fac_tensor *without_leading_ones(fac_tensor *value) {
    int lead = 0;
    while (lead < value->ndim && value->sizes[lead] == 1)
        lead++;
    if (lead == 0)
        return value;
    fac_ints sizes = {value->sizes + lead, value->ndim - lead, true};
    return fac_view(value, sizes);
}

/* The view gets the value; recorded on it where somebody records. */
static fac_tensor *assign(fac_tensor *view, fac_value value) {
    fac_tensor *v = value.tensor;
    if (v == NULL || (v->ndim == 0 && v->device.type == FAC_CPU))
        return fac_fill_(view, value);
    if (v->ndim != view->ndim ||
        memcmp(v->sizes, view->sizes, sizeof(int64_t) * (size_t)v->ndim) != 0) {
        v = fac_expand(without_leading_ones(v), ((fac_ints){view->sizes, view->ndim, true}));
    }
    return fac_copy_(view, v);
}

static fac_tensor *put(fac_tensor *view, struct subscript *s, fac_value value) {
    fac_tensor *v = value.tensor;
    if (v == NULL) {
        v = fac_full(FAC_NO_DIMS, value.number, .dtype = (fac_dtype)view->dtype,
                     .device = view->device);
    } else if (!fac__is_bad(v)) {
        v = without_leading_ones(v);
    }
    return fac_index_put_(view, ((fac_tensors){s->list, s->nlist}), v);
}

/* Fills or copies where the shapes leave no question. 1: done. */
static int assign_memory(fac_tensor *view, fac_value value) {
    const fac_tensor *v = value.tensor;
    int r;
    if (v == NULL)
        r = fac__fill_into(view, value.number);
    else if (v->ndim != view->ndim ||
             memcmp(v->sizes, view->sizes, sizeof(int64_t) * (size_t)v->ndim) != 0)
        return 0;
    else
        r = fac__copy_into(view, value.tensor);
    return r != 0 ? -1 : 1;
}

/* A write of the memory alone: no history, no view record. */
static int plain_set(fac_tensor *t, const fac_subscript *items, int n, fac_value value) {
    struct subscript s;
    int r = -1;
    fac_tensor *v = NULL;
    if (geometry(&s, t, items, n) != 0)
        goto done;
    v = fac__alias(t, s.ndim, s.sizes, s.strides, s.offset);
    if (v == NULL || fac__check_writable(v) != 0)
        goto done;
    r = s.nlist == 0 ? assign_memory(v, value) : 0;
    if (r == 0) {
        fac_scope *scope = fac_scope_open();
        if (scope == NULL)
            goto done;
        fac_tensor *done = s.nlist == 0 ? assign(v, value) : put(v, &s, value);
        r = fac__is_bad(done) ? -1 : 1;
        fac_scope_close(scope);
    }
done:
    fac__release(v);
    drop_made(&s);
    return r > 0 ? fac__bump_version(t) : -1;
}

static int recorded_set(fac_tensor *t, const fac_subscript *items, int n, fac_value value) {
    struct subscript s;
    fac_scope *scope = fac_scope_open();
    if (scope == NULL)
        return -1;
    fac_tensor *v = chain(&s, t, items, n);
    if (!fac__is_bad(v))
        v = s.nlist == 0 ? assign(v, value) : put(v, &s, value);
    int r = fac__is_bad(v) ? -1 : 0;
    drop_made(&s);
    fac_scope_close(scope);
    return r;
}

int fac__index_set(fac_tensor *t, const fac_subscript *items, int n, fac_value value) {
    if (check_first(t, items, n) != 0 || (value.tensor != NULL && fac__is_bad(value.tensor)))
        return -1;
    if (n == 1 && items[0].kind == FAC_INDEX_BOOL && !items[0].as.truth)
        return 0;
    fac_subscript first = n == 1 && items[0].kind == FAC_INDEX_BOOL
                              ? (fac_subscript){.kind = FAC_INDEX_NONE}
                              : (fac_subscript){0};
    if (first.kind == FAC_INDEX_NONE)
        items = &first;
    bool plain = is_plain(t) && !(t->features & FAC__INFERENCE);
    if (value.tensor != NULL)
        plain &= is_plain(value.tensor);
    if (plain && fac__tls.grad_mode && (t->features & FAC__VIEW))
        plain = t->autograd->creation == FAC__CREATED_NORMAL;
    return plain ? plain_set(t, items, n, value) : recorded_set(t, items, n, value);
}

fac_tensor *fac_index_set(fac_tensor *t, const fac_subscript *items, int n, fac_value value) {
    if (value.tensor == NULL && !fac__is_number(value.number)) {
        fac__fail(FAC_ERROR_TYPE, "the value to be assigned to a subscript is not given");
        return fac_bad;
    }
    return fac__index_set(t, items, n, value) == 0 ? t : fac_bad;
}
