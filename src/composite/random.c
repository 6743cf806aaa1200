/* Random ops that fill a new tensor. */
#include "../levels/levels.h"
#include "../rules/rules.h"

#include <facula/autograd.h>
#include <facula/ops.h>

#include <math.h>

#define COMPOSITE(op) void fac__composite_##op(const struct fac__##op##_args *a, fac_tensor **out)

static fac_tensor *fail(const char *text) {
    fac__fail(FAC_ERROR_RUNTIME, "%s", text);
    return fac_bad;
}

COMPOSITE(random_to) {
    out[0] = fac_random_from(a->input, 0, a->to, .generator = a->generator);
}

/* Where to draw: the tensor given by out=, resized, or a new one. */
static fac_tensor *place(fac_tensor *given, fac_ints size, fac_dtype d, fac_layout layout,
                         fac_device device) {
    if (given == NULL)
        return fac_empty(size, .dtype = d, .layout = layout, .device = device);
    if (d == FAC_DTYPE_NONE || d == (fac_dtype)given->dtype)
        return fac__resize_(given, size.n, size.values) == 0 ? given : fac_bad;
    fac__fail(FAC_ERROR_RUNTIME, "dtype %s does not match dtype of out parameter (%s)",
              fac__scalar_type_name(d), fac__scalar_type_name((fac_dtype)given->dtype));
    return fac_bad;
}

#define PLACE(d) place(out[0], a->size, d, a->layout, a->device)

/* The same in some shape, and a new one in t's dtype; resizing warns. */
static fac_tensor *place_like(const fac__op *op, fac_tensor *given, fac_ints size,
                              const fac_tensor *t) {
    if (given == NULL)
        return fac_empty(size, .dtype = (fac_dtype)t->dtype, .device = t->device);
    return fac__resize_out(op, given, size.n, size.values) == 0 ? given : fac_bad;
}

#define SIZES(t) ((fac_ints){(t)->sizes, (t)->ndim, true})

COMPOSITE(rand) {
    out[0] = fac_uniform_(PLACE(a->dtype), .generator = a->generator);
}

COMPOSITE(randn) {
    out[0] = fac_normal_fill_(PLACE(a->dtype), .generator = a->generator);
}

/* An empty tensor for the samples of an op named _like. */
#define PLACE_LIKE                                                                                 \
    fac_empty_like(a->input, .dtype = a->dtype, .layout = a->layout, .device = a->device,          \
                   .memory_format = a->memory_format)

COMPOSITE(rand_like) {
    out[0] = fac_uniform_(PLACE_LIKE, .generator = a->generator);
}

COMPOSITE(randn_like) {
    out[0] = fac_normal_fill_(PLACE_LIKE, .generator = a->generator);
}

static fac_dtype or_int64(fac_dtype d, const fac_tensor *given) {
    return d == FAC_DTYPE_NONE && given == NULL ? FAC_INT64 : d;
}

COMPOSITE(randint) {
    out[0] =
        fac_random_from_(PLACE(or_int64(a->dtype, out[0])), 0, a->high, .generator = a->generator);
}

COMPOSITE(randint_low) {
    out[0] = fac_random_from_(PLACE(or_int64(a->dtype, out[0])), a->low, a->high,
                              .generator = a->generator);
}

COMPOSITE(randint_like) {
    out[0] = fac_random_from_(PLACE_LIKE, 0, a->high, .generator = a->generator);
}

COMPOSITE(randint_like_low) {
    out[0] = fac_random_from_(PLACE_LIKE, a->low, a->high, .generator = a->generator);
}

static bool check_deviations(fac_tensor *std) {
    fac_scalar fine;
    if (fac__is_complex((fac_dtype)std->dtype))
        return !fac__is_bad(fail("normal expects standard deviation to be non-complex"));
    if (std->device.type == FAC_META || std->numel == 0 || (std->features & FAC__WRAPPED))
        return true;
    fac_dtype d = (fac_dtype)std->dtype;
    if (fac__is_wide_unsigned(d)) {
        fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "\"min_all\" not implemented for '%s'",
                  fac__scalar_type_name(d));
        return false;
    }
    fac_tensor *r = fac_ge(fac_min(fac_detach(std)), 0);
    if (fac__is_bad(r) || fac__item(r, &fine) != 0)
        return false;
    return fac__scalar_int(fine) || !fac__is_bad(fail("normal expects all elements of std >= 0.0"));
}

COMPOSITE(normal) {
    int n = a->mean->ndim;
    int64_t shape[FAC_MAX_DIMS];
    for (int i = 0; i < n; i++)
        shape[i] = a->mean->sizes[i];
    if (!check_deviations(a->std) || fac__broadcast(&n, shape, a->std->ndim, a->std->sizes) != 0) {
        out[0] = fac_bad;
        return;
    }
    fac_tensor *t = place_like(&fac__op_normal, out[0], (fac_ints){shape, n, true}, a->mean);
    out[0] = fac_add_(fac_mul_(fac_normal_fill_(t, .generator = a->generator), a->std), a->mean);
}

COMPOSITE(normal_mean) {
    fac_tensor *t = place_like(&fac__op_normal_mean, out[0], SIZES(a->mean), a->mean);
    out[0] = fac_add_(fac_normal_fill_(t, .std = fac_some_float(a->std), .generator = a->generator),
                      a->mean);
}

COMPOSITE(normal_std) {
    if (!check_deviations(a->std)) {
        out[0] = fac_bad;
        return;
    }
    fac_tensor *t = place_like(&fac__op_normal_std, out[0], SIZES(a->std), a->std);
    out[0] = fac_add_(fac_mul_(fac_normal_fill_(t, .generator = a->generator), a->std), a->mean);
}

COMPOSITE(normal_size) {
    out[0] = fac_normal_fill_(PLACE(a->dtype), .mean = a->mean, .std = fac_some_float(a->std),
                              .generator = a->generator);
}

COMPOSITE(bernoulli) {
    fac_tensor *t = place_like(&fac__op_bernoulli, out[0], SIZES(a->input), a->input);
    out[0] = fac_bernoulli_tensor_(t, fac_detach(a->input), .generator = a->generator);
}

COMPOSITE(bernoulli_p) {
    out[0] = fac_bernoulli_fill_(fac_empty_like(a->input, .memory_format = FAC_CONTIGUOUS_FORMAT),
                                 .p = fac_some_float(a->p), .generator = a->generator);
}

/* Whether p are weights, none infinite and each row with some. */
static bool check_weights(fac_tensor *p) {
    fac_scalar fine, empty;
    if (p->device.type == FAC_META || p->numel == 0)
        return true;
    fac_tensor *valid = fac_logical_and(fac_lt(fac_max(p), INFINITY), fac_ge(fac_min(p), 0));
    if (fac__is_bad(valid) || fac__item(valid, &fine) != 0)
        return false;
    if (!fac__scalar_int(fine))
        return !fac__is_bad(fail("probability tensor contains either `inf`, `nan` or element < 0"));
    fac_tensor *none = fac_any(fac_eq(fac_sum(p, .dim = fac_dims(-1)), 0));
    if (fac__is_bad(none) || fac__item(none, &empty) != 0)
        return false;
    return !fac__scalar_int(empty) ||
           !fac__is_bad(fail("invalid multinomial distribution (sum of probabilities <= 0)"));
}

/* The largest of p / e, with e from the exponential distribution: Efraimidis and Spirakis, Weighted
 * random sampling with a reservoir, 2006. */
static fac_tensor *without_replacement(fac_tensor *p, int64_t n, fac_generator *generator) {
    fac_tensor *r[2];
    if (!check_weights(p))
        return fac_bad;
    fac_tensor *e = fac_exponential_(fac_empty_like(p), .generator = generator);
    e = fac_div(p, e);
    if (n == 1)
        return fac_argmax(e, .dim = fac_some(-1), .keepdim = true);
    fac_topk(e, n, r, .dim = fac_some(-1));
    return r[1];
}

static fac_tensor *not_floating(const fac_tensor *p) {
    fac__fail(FAC_ERROR_RUNTIME,
              "multinomial only supports floating-point dtypes for input, got: %s",
              fac__scalar_type_name((fac_dtype)p->dtype));
    return fac_bad;
}

COMPOSITE(multinomial) {
    fac_tensor *p = fac_detach(a->input);
    if (p->ndim < 1 || p->ndim > 2)
        out[0] = fail("prob_dist must be 1 or 2 dim");
    else if (!fac__is_float((fac_dtype)p->dtype))
        out[0] = not_floating(p);
    else if (a->num_samples <= 0)
        out[0] = fail("cannot sample n_sample <= 0 samples");
    else if (!a->replacement && a->num_samples > p->sizes[p->ndim - 1])
        out[0] = fail("cannot sample n_sample > prob_dist.size(-1) samples without replacement");
    else if (p->sizes[p->ndim - 1] > 1 << 24)
        out[0] = fail("number of categories cannot exceed 2^24");
    else if (!a->replacement || a->num_samples == 1)
        out[0] = without_replacement(p, a->num_samples, a->generator);
    else
        out[0] = fac__multinomial_replace(p, a->num_samples, .generator = a->generator);
}

/* --- dropout --------------------------------------------------------------------------------- */

static bool check(double p, fac_tensor **out) {
    if (p >= 0 && p <= 1)
        return true;
    fac__fail(FAC_ERROR_RUNTIME, "dropout probability has to be between 0 and 1, but got %g", p);
    out[0] = fac_bad;
    return false;
}

/* What is kept of x. Under vmap one draw is for the batch, whose elements follow each other; and of
 * what is in no batch, each element of the batch may keep something else. */
static fac_tensor *kept(fac_tensor *x, double p) {
    if (fac__tls.levels & FAC__L_VMAP) {
        if (!(x->features & FAC__WRAPPED))
            return fac_bernoulli_p(x, p);
        return fac_bernoulli_fill_(fac_empty_like(x, .memory_format = FAC_CONTIGUOUS_FORMAT),
                                   .p = fac_some_float(p));
    }
    return fac_bernoulli_fill_(fac_empty_like(x), .p = fac_some_float(p));
}

COMPOSITE(dropout) {
    fac_tensor *x = a->input;
    if (!check(a->p, out))
        return;
    if (a->p == 0 || !a->train || x->numel == 0) {
        out[0] = x;
        return;
    }
    if (a->p == 1) {
        out[0] = fac_mul(x, fac_zeros_like(x));
        return;
    }
    out[0] = fac_mul(x, fac_div_(kept(x, 1 - a->p), 1 - a->p));
}

static fac_tensor *channel_noise(fac_tensor *x) {
    int64_t sizes[FAC_MAX_DIMS];
    if (x->ndim < 2)
        return fail("Feature dropout requires at least 2 dimensions in the input");
    for (int i = 0; i < x->ndim; i++)
        sizes[i] = i < 2 ? x->sizes[i] : 1;
    return fac__new_zeros(x, (fac_ints){sizes, x->ndim, true});
}

COMPOSITE(feature_dropout) {
    fac_tensor *x = a->input;
    if (!check(a->p, out))
        return;
    if (a->p == 0 || !a->train || x->numel == 0) {
        out[0] = x;
        return;
    }
    if (a->p == 1) {
        out[0] = fac_mul(x, fac_zeros_like(x));
        return;
    }
    fac_tensor *noise = fac_bernoulli_fill_(channel_noise(x), .p = fac_some_float(1 - a->p));
    out[0] = fac_mul(x, fac_div_(noise, 1 - a->p));
}

/* Klambauer et al., "Self-normalizing neural networks" (2017), section 2: what is dropped takes
 * SELU's limit at minus infinity, and an affine map restores mean and variance. */
static fac_tensor *alpha_drop(fac_tensor *x, double p, bool train, bool channels) {
    const double alpha = 1.7580993408473766;
    if (p == 0 || !train || x->numel == 0)
        return x;
    if (p == 1)
        return fac_mul(x, fac_zeros_like(x));
    double scale = 1 / sqrt((alpha * alpha * p + 1) * (1 - p));
    fac_tensor *noise = channels ? fac_bernoulli_fill_(channel_noise(x), .p = fac_some_float(1 - p))
                                 : kept(x, 1 - p);
    fac_tensor *b = fac_add_(fac_mul_(fac_sub(noise, 1), alpha * scale), alpha * scale * p);
    return fac_add(fac_mul(x, fac_mul_(noise, scale)), b);
}

COMPOSITE(alpha_dropout) {
    if (check(a->p, out))
        out[0] = alpha_drop(a->input, a->p, a->train, false);
}

COMPOSITE(feature_alpha_dropout) {
    if (check(a->p, out))
        out[0] = alpha_drop(a->input, a->p, a->train, true);
}
