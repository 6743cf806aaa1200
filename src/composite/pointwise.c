/* Pointwise ops that are calls of other ops, and losses. */
#include "../core/composite.h"
#include "../rules/rules.h"

#include <facula/autograd.h>
#include <facula/ops.h>

#include <float.h>
#include <math.h>
#include <string.h>

#define COMPOSITE(op) void fac__composite_##op(const struct fac__##op##_args *a, fac_tensor **out)

static fac_tensor *fail(fac_error_code code, const char *text) {
    fac__fail(code, "%s", text);
    return fac_bad;
}

COMPOSITE(rsub) {
    out[0] = fac_sub(a->other, a->input, .alpha = a->alpha);
}

/* --- the number first: what PyTorch 1.5 deprecated and old optimizers still write ---------------
 */

#define DEPRECATED(name, number, tensors, ...)                                                     \
    COMPOSITE(name##_##number) {                                                                   \
        static const char text[] =                                                                 \
            "This overload of " #name " is deprecated:\n\t" #name "(Number " #number ", " tensors  \
            ")\nConsider using one of the following signatures instead:\n\t" #name "(" tensors     \
            ", *, Number " #number " = 1)";                                                        \
        if (fac__warn_once(&said_deprecated, text) == 0)                                           \
            out[0] = fac_##name(a->input, __VA_ARGS__, .number = a->number);                       \
        else                                                                                       \
            out[0] = fac_bad;                                                                      \
    }

static atomic_flag said_deprecated = ATOMIC_FLAG_INIT; /* one of them, once a process */

DEPRECATED(add, alpha, "Tensor other", a->other)
DEPRECATED(sub, alpha, "Tensor other", a->other)
DEPRECATED(addcmul, value, "Tensor tensor1, Tensor tensor2", a->tensor1, a->tensor2)
DEPRECATED(addcdiv, value, "Tensor tensor1, Tensor tensor2", a->tensor1, a->tensor2)

static fac_tensor *divided(fac_value x, fac_value y, const char *mode) {
    if (mode == NULL)
        return fac_div(x, y);
    if (strcmp(mode, "trunc") == 0)
        return fac__div_trunc(x, y);
    if (strcmp(mode, "floor") == 0)
        return fac__div_floor(x, y);
    fac__fail(FAC_ERROR_RUNTIME,
              "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '%s'",
              mode);
    return fac_bad;
}

COMPOSITE(div_mode) {
    out[0] = divided(a->input, a->other, a->rounding_mode);
}

COMPOSITE(divide_mode) {
    out[0] = divided(a->input, a->other, a->rounding_mode);
}

static fac_value widened(fac_value v, bool complex) {
    fac_dtype d = complex ? FAC_COMPLEX128 : FAC_FLOAT64;
    if (v.tensor != NULL)
        v.tensor = v.tensor->dtype == d ? v.tensor : fac__to_copy(v.tensor, .dtype = d);
    return v;
}

static bool is_complex(fac_value v) {
    return v.tensor != NULL ? fac__is_complex((fac_dtype)v.tensor->dtype)
                            : v.number.kind == FAC_COMPLEX128;
}

COMPOSITE(float_power) {
    bool c = is_complex(a->input) || is_complex(a->exponent);
    fac_value x = widened(a->input, c), e = widened(a->exponent, c);
    if (x.tensor == NULL)
        x.number = c ? fac_complex_number(fac__scalar_complex(x.number).re,
                                          fac__scalar_complex(x.number).im)
                     : fac_float(fac__scalar_double(x.number));
    out[0] = fac_pow(x, e);
}

COMPOSITE(isposinf) {
    if (fac__is_complex((fac_dtype)a->input->dtype))
        out[0] = fail(FAC_ERROR_RUNTIME, "isposinf does not support complex inputs.");
    else if (fac__is_float((fac_dtype)a->input->dtype))
        out[0] = fac_eq(a->input, (double)INFINITY);
    else
        out[0] = fac_zeros_like(a->input, .dtype = FAC_BOOL);
}

COMPOSITE(isneginf) {
    if (fac__is_complex((fac_dtype)a->input->dtype))
        out[0] = fail(FAC_ERROR_RUNTIME, "isneginf does not support complex inputs.");
    else if (fac__is_float((fac_dtype)a->input->dtype))
        out[0] = fac_eq(a->input, (double)-INFINITY);
    else
        out[0] = fac_zeros_like(a->input, .dtype = FAC_BOOL);
}

COMPOSITE(isreal) {
    if (fac__is_complex((fac_dtype)a->input->dtype))
        out[0] = fac_eq(fac_imag(a->input), 0);
    else
        out[0] = fac_ones_like(a->input, .dtype = FAC_BOOL);
}

static fac_tensor *close(fac_tensor *x, fac_tensor *y, double rtol, double atol, bool equal_nan) {
    if (x->dtype != y->dtype) {
        fac__fail(FAC_ERROR_RUNTIME, "%s did not match %s",
                  fac__scalar_type_name((fac_dtype)x->dtype),
                  fac__scalar_type_name((fac_dtype)y->dtype));
        return fac_bad;
    }
    if (!(rtol >= 0))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "rtol must be greater than or equal to zero, but got %g", rtol),
               fac_bad;
    if (!(atol >= 0))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "atol must be greater than or equal to zero, but got %g", atol),
               fac_bad;
    fac_tensor *r = fac_eq(x, y);
    bool real = fac__is_float((fac_dtype)x->dtype) || fac__is_complex((fac_dtype)x->dtype);
    if (equal_nan && real)
        r = fac_logical_or(r, fac_logical_and(fac_isnan(x), fac_isnan(y)));
    if (rtol == 0 && atol == 0)
        return r;
    fac_tensor *wide = x, *wide_y = y;
    if (!real) {
        wide = fac__to_copy(x, .dtype = fac_default_dtype());
        wide_y = fac__to_copy(y, .dtype = fac_default_dtype());
    }
    fac_tensor *allowed = fac_add(fac_abs(fac_mul(wide_y, rtol)), atol);
    fac_tensor *error = fac_abs(fac_sub(wide, wide_y));
    return fac_logical_or(r, fac_logical_and(fac_isfinite(error), fac_le(error, allowed)));
}

COMPOSITE(isclose) {
    out[0] = close(a->input, a->other, a->rtol, a->atol, a->equal_nan);
}

/* Whether every element of a bool tensor is true. */
static int all_true(fac_tensor *t, fac__outs *outs) {
    if (fac__is_bad(t))
        return -1;
    if (t->data == NULL && t->numel > 0)
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                         "equal: the result depends on data, which the meta device lacks");
    fac_tensor *c = fac__contiguous(t);
    if (c == NULL)
        return -1;
    outs->number = fac_boolean(memchr(c->data, 0, (size_t)c->numel) == NULL || c->numel == 0);
    fac__release(c);
    return 0;
}

int fac__exec_allclose(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__allclose_args *a = args;
    fac_scope *s = fac_scope_open();
    bool mode = fac_set_grad_mode(false);
    int r = all_true(close(a->input, a->other, a->rtol, a->atol, a->equal_nan), outs);
    fac_set_grad_mode(mode);
    fac_scope_close(s);
    return r;
}

int fac__exec_equal(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__equal_args *a = args;
    const fac_tensor *x = a->input, *y = a->other;
    bool same = x->ndim == y->ndim;
    for (int i = 0; same && i < x->ndim; i++)
        same = x->sizes[i] == y->sizes[i];
    outs->number = fac_boolean(same);
    if (!same || x->numel == 0)
        return 0;
    fac_scope *s = fac_scope_open();
    bool mode = fac_set_grad_mode(false);
    int r = all_true(fac_eq(a->input, a->other), outs);
    fac_set_grad_mode(mode);
    fac_scope_close(s);
    return r;
}

int fac__exec_is_nonzero(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__is_nonzero_args *a = args;
    fac_scalar s;
    if (a->input->numel != 1)
        return fac__fail(FAC_ERROR_RUNTIME, "Boolean value of Tensor with %s is ambiguous",
                         a->input->numel == 0 ? "no values" : "more than one value");
    if (fac__item(a->input, &s) != 0)
        return -1;
    fac_complex128 c = fac__scalar_complex(s);
    outs->number = fac_boolean(s.kind == FAC_INT64 ? s.as.i != 0 : c.re != 0 || c.im != 0);
    return 0;
}

COMPOSITE(positive) {
    if (a->input->dtype == FAC_BOOL)
        out[0] = fail(FAC_ERROR_RUNTIME, "The `+` operator, on a bool tensor is not supported.");
    else
        out[0] = a->input;
}

static void limits(fac_dtype d, double *low, double *high) {
    *high = d == FAC_FLOAT16    ? 65504.0
            : d == FAC_BFLOAT16 ? 0x1.fep127
            : d == FAC_FLOAT32  ? (double)FLT_MAX
                                : DBL_MAX;
    *low = -*high;
}

COMPOSITE(nan_to_num) {
    double low, high;
    if (fac__is_integral((fac_dtype)a->input->dtype, true)) {
        out[0] = fac_clone(a->input);
        return;
    }
    limits((fac_dtype)a->input->dtype, &low, &high);
    out[0] = fac__nan_to_num(a->input, a->nan.given ? a->nan.value : 0,
                             a->posinf.given ? a->posinf.value : high,
                             a->neginf.given ? a->neginf.value : low);
}

COMPOSITE(deg2rad) {
    if (fac__is_complex((fac_dtype)a->input->dtype))
        out[0] = fail(FAC_ERROR_RUNTIME, "deg2rad is not supported for complex tensors.");
    else
        out[0] = fac_mul(a->input, 0.017453292519943295);
}

COMPOSITE(rad2deg) {
    if (fac__is_complex((fac_dtype)a->input->dtype))
        out[0] = fail(FAC_ERROR_RUNTIME, "rad2deg is not supported for complex tensors.");
    else
        out[0] = fac_mul(a->input, 57.29577951308232);
}

COMPOSITE(logit) {
    fac_tensor *x = a->input;
    if (fac__is_integral((fac_dtype)x->dtype, true)) /* 1 - x may not fit */
        x = fac__to_copy(x, .dtype = fac_default_dtype());
    if (a->eps.given)
        x = fac_clamp(x, .min = fac_value_of_float(a->eps.value),
                      .max = fac_value_of_float(1 - a->eps.value));
    out[0] = fac_log(fac_div(x, fac_rsub(x, 1)));
}

/* --- three operands -------------------------------------------------------------------------- */

COMPOSITE(where_method) {
    out[0] = fac_where(a->condition, a->input, a->other);
}

static bool given(fac_value v) {
    return v.tensor != NULL || fac__given(v.number);
}

static fac_tensor *clamped(fac_tensor *x, fac_value lo, fac_value hi) {
    if (!given(lo) && !given(hi))
        return fail(FAC_ERROR_RUNTIME,
                    "torch.clamp: At least one of 'min' or 'max' must not be None");
    if (fac__is_complex((fac_dtype)x->dtype))
        return fail(FAC_ERROR_NOT_IMPLEMENTED, "clamp is not supported for complex types");
    bool numbers = lo.tensor == NULL && hi.tensor == NULL;
    /* a bound of a higher category raises the result's */
    fac__promotion p = {0};
    fac__promote_add(&p, x);
    if (lo.tensor != NULL)
        fac__promote_add(&p, lo.tensor);
    else if (given(lo))
        fac__promote_number(&p, lo.number);
    if (hi.tensor != NULL)
        fac__promote_add(&p, hi.tensor);
    else if (given(hi))
        fac__promote_number(&p, hi.number);
    fac_dtype d = fac__promoted(&p);
    if (numbers) {
        if (x->dtype != d)
            x = fac__to_copy(x, .dtype = d);
        if (given(lo) && given(hi))
            return fac__clamp(x, lo.number, hi.number);
        return given(lo) ? fac__clamp_low(x, lo.number) : fac__clamp_high(x, hi.number);
    }
    fac_value xv = fac_value_of_tensor(x);
    if (given(lo) && given(hi)) {
        if (lo.tensor == NULL)
            lo = fac_value_of_tensor(fac_full(FAC_NO_DIMS, lo.number, .dtype = d));
        if (hi.tensor == NULL)
            hi = fac_value_of_tensor(fac_full(FAC_NO_DIMS, hi.number, .dtype = d));
        return fac__clamp_tensor(xv, lo, hi);
    }
    return given(lo) ? fac__clamp_min_tensor(x, lo.tensor) : fac__clamp_max_tensor(x, hi.tensor);
}

static bool in_graph(const fac_tensor *t) {
    return t != NULL && fac_requires_grad(t);
}

/* In the graph, one bound is two, so that the node is the one of clamp(). */
static fac_tensor *clamped_by_name(fac_tensor *x, fac_value lo, fac_value hi) {
    if (given(lo) != given(hi) && (in_graph(x) || in_graph(lo.tensor) || in_graph(hi.tensor)) &&
        !fac__is_complex((fac_dtype)x->dtype)) {
        lo.number = given(lo) ? lo.number : fac_float(-INFINITY);
        hi.number = given(hi) ? hi.number : fac_float(INFINITY);
    }
    return clamped(x, lo, hi);
}

COMPOSITE(clamp) {
    out[0] = clamped_by_name(a->input, a->min, a->max);
}

COMPOSITE(clip) {
    out[0] = clamped_by_name(a->input, a->min, a->max);
}

COMPOSITE(clamp_min) {
    out[0] = clamped(a->input, a->min, (fac_value){0});
}

COMPOSITE(clamp_max) {
    out[0] = clamped(a->input, (fac_value){0}, a->max);
}

/* --- activations ----------------------------------------------------------------------------- */

COMPOSITE(selu) {
    out[0] = fac_elu(a->input, .alpha = fac_float(1.6732632423543772848170429916717),
                     .scale = fac_float(1.0507009873554804934193349852946));
}

COMPOSITE(celu) {
    double alpha = fac__scalar_double(a->alpha);
    if (alpha == 0)
        out[0] = fail(FAC_ERROR_RUNTIME, "ZeroDivisionError: alpha cannot be 0 for CELU");
    else
        out[0] = fac_elu(a->input, .alpha = a->alpha, .input_scale = fac_float(1 / alpha));
}

COMPOSITE(gelu) {
    if (strcmp(a->approximate, "none") == 0)
        out[0] = fac__gelu_erf(a->input);
    else if (strcmp(a->approximate, "tanh") == 0)
        out[0] = fac__gelu_tanh(a->input);
    else
        out[0] = fail(FAC_ERROR_RUNTIME, "approximate argument must be either none or tanh.");
}

COMPOSITE(relu6) {
    out[0] = fac_hardtanh(a->input, .min_val = fac_int(0), .max_val = fac_int(6));
}

COMPOSITE(glu) {
    fac_tensor *x = a->input;
    int dim = x->ndim == 0 ? 0 : fac__wrap_dim(a->dim, x->ndim);
    out[0] = fac_bad;
    if (x->ndim == 0) {
        fail(FAC_ERROR_RUNTIME, "glu does not support 0-dimensional tensors");
    } else if (dim >= 0 && x->sizes[dim] % 2 != 0) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "Halving dimension must be even, but dimension %d is size %lld", dim,
                  (long long)x->sizes[dim]);
    } else if (!fac__is_float((fac_dtype)x->dtype)) {
        fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "\"glu_cpu\" not implemented for '%s'",
                  fac__scalar_type_name((fac_dtype)x->dtype));
    } else if (dim >= 0) {
        int64_t half = x->sizes[dim] / 2;
        out[0] = fac_mul(fac_narrow(x, dim, 0, half), fac_sigmoid(fac_narrow(x, dim, half, half)));
    }
}

COMPOSITE(threshold) {
    fac_tensor *value = fac_full(FAC_NO_DIMS, a->value, .dtype = (fac_dtype)a->input->dtype,
                                 .device = a->input->device);
    out[0] = fac_where(fac_le(a->input, a->threshold), value, a->input);
}

COMPOSITE(prelu) {
    fac_tensor *w = a->weight, *x = a->input;
    if (w->numel != 1) {
        int64_t channels = x->ndim > 1 ? x->sizes[1] : 1, sizes[FAC_MAX_DIMS];
        if (channels != w->numel) {
            fac__fail(
                FAC_ERROR_RUNTIME,
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                "%lld and channel size = %lld.",
                (long long)w->numel, (long long)channels);
            out[0] = fac_bad;
            return;
        }
        for (int i = 0; i < x->ndim; i++)
            sizes[i] = i == 1 ? channels : 1;
        w = fac_reshape(w, ((fac_ints){sizes, x->ndim, true}));
    }
    out[0] = fac_where(fac_gt(x, 0), x, fac_mul(w, x));
}

/* --- losses ---------------------------------------------------------------------------------- */

static fac_tensor *reduced(fac_tensor *t, int64_t reduction) {
    if (fac__is_bad(t) || fac__check_reduction(reduction) != 0)
        return fac_bad;
    return reduction == 1 ? fac_div(fac_sum(t), (double)t->numel) : reduction == 2 ? fac_sum(t) : t;
}

COMPOSITE(l1_loss) {
    fac_tensor *d = fac_abs(fac_sub(a->input, a->target));
    out[0] = a->reduction == 1 ? fac_mean(d) : reduced(d, a->reduction);
}

/* Losses have gradients of their own; what computes them here is not recorded. */
#define LOSS(op)                                                                                   \
    static fac_tensor *op##_value(const struct fac__##op##_args *a);                               \
    int fac__exec_##op(const fac__op *op_, void *args, fac__outs *outs) {                          \
        (void)op_;                                                                                 \
        fac_scope *s = fac_scope_open();                                                           \
        bool mode = fac_set_grad_mode(false);                                                      \
        fac_tensor *r = op##_value(args);                                                          \
        outs->v[0] = fac__is_bad(r) ? NULL : fac__retain(r);                                       \
        fac_set_grad_mode(mode);                                                                   \
        fac_scope_close(s);                                                                        \
        return outs->v[0] == NULL ? -1 : 0;                                                        \
    }                                                                                              \
    static fac_tensor *op##_value(const struct fac__##op##_args *a)

static fac_tensor *no_kernel(const char *kernel, fac_dtype d) {
    fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", kernel,
              fac__scalar_type_name(d));
    return fac_bad;
}

LOSS(mse_loss) {
    fac_tensor *x = a->input, *t = a->target;
    fac__promotion p = {0};
    fac__promote_add(&p, x);
    fac__promote_add(&p, t);
    fac_dtype common = fac__promoted(&p);
    if (!fac__is_float(common))
        return no_kernel("mse_cpu", common);
    fac_tensor *d = fac_sub(x->dtype == FAC_BOOL ? fac__to_copy(x, .dtype = common) : x,
                            t->dtype == FAC_BOOL ? fac__to_copy(t, .dtype = common) : t);
    return reduced(fac_mul(d, d), a->reduction);
}

LOSS(smooth_l1_loss) {
    if (a->beta < 0)
        return fail(FAC_ERROR_RUNTIME, "smooth_l1_loss does not support negative values for beta.");
    if (a->beta == 0)
        return reduced(fac_abs(fac_sub(a->input, a->target)), a->reduction);
    return reduced(fac__smooth_l1(a->input, a->target, a->beta), a->reduction);
}

LOSS(huber_loss) {
    if (!(a->delta > 0))
        return fail(FAC_ERROR_RUNTIME,
                    "huber_loss does not support non-positive values for delta.");
    return reduced(fac__huber(a->input, a->target, a->delta), a->reduction);
}

static fac_tensor *weighted(fac_tensor *t, fac_tensor *weight) {
    return weight == NULL ? t : fac_mul(t, weight);
}

/* Whether all elements lie between 0 and 1; true where they cannot be read. */
static bool is_share(fac_tensor *t) {
    fac_scalar low, high;
    if (fac__is_bad(t) || t->numel == 0 || t->device.type == FAC_META ||
        (t->features & FAC__WRAPPED))
        return true;
    t = fac_detach(t);
    if (fac__item(fac_amin(t), &low) != 0 || fac__item(fac_amax(t), &high) != 0)
        return true; /* the error stands */
    return fac__scalar_double(low) >= 0 && fac__scalar_double(high) <= 1;
}

LOSS(binary_cross_entropy) {
    if (a->input->dtype != a->target->dtype) {
        fac__fail(FAC_ERROR_RUNTIME, "Found dtype %s but expected %s",
                  fac__scalar_type_name((fac_dtype)a->target->dtype),
                  fac__scalar_type_name((fac_dtype)a->input->dtype));
        return fac_bad;
    }
    if (!is_share(a->input))
        return fail(FAC_ERROR_RUNTIME, "all elements of input should be between 0 and 1");
    if (!is_share(a->target))
        return fail(FAC_ERROR_RUNTIME, "all elements of target should be between 0 and 1");
    return reduced(weighted(fac__bce(a->input, a->target), a->weight), a->reduction);
}

LOSS(binary_cross_entropy_with_logits) {
    fac_tensor *x = a->input, *t = a->target, *l;
    fac_dtype dx = (fac_dtype)x->dtype, dt = (fac_dtype)t->dtype;
    if (!fac__is_float(dx))
        return no_kernel("log_sigmoid_cpu", dx);
    if (dt == FAC_BOOL)
        return fac_sub(t, t); /* whose error it is */
    if (!fac__is_float(dt)) {
        fac__fail(FAC_ERROR_RUNTIME, "result type %s can't be cast to the desired output type %s",
                  fac__scalar_type_name(dx), fac__scalar_type_name(dt));
        return fac_bad;
    }
    if (a->pos_weight == NULL) {
        l = fac__bce_logits(x, t);
    } else {
        fac_tensor *k = fac_add(fac_mul(fac_sub(a->pos_weight, 1), t), 1);
        l = fac_sub(fac_mul(fac_rsub(t, 1), x), fac_mul(k, fac_log_sigmoid(x)));
    }
    return reduced(weighted(l, a->weight), a->reduction);
}
