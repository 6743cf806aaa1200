/* Gradients of pointwise ops. Broadcasting and promotion are undone by the engine; a gradient by a
 * complex number is the conjugate Wirtinger derivative, as in PyTorch. */
#include "../../gen/ops.h"
#include "../helpers.h"

#include <facula/ops.h>

#include <math.h>

#define G0 v->in[0]
#define G1 v->in[1]
#define NEEDS(i) fac__needs(v, i)
#define CONJ(t) fac__conj_of(t)

static bool is_complex(const fac_tensor *t) {
    return fac__is_complex((fac_dtype)t->dtype);
}

static bool is_one(fac_scalar s) {
    return s.kind == FAC_INT64 && s.as.i == 1;
}

static fac_tensor *zeros(fac_tensor *g) {
    return fac_zeros_like(g);
}

/* g where the condition holds, 0 elsewhere. */
static fac_tensor *masked(fac_tensor *g, fac_tensor *condition) {
    return fac_where(condition, g, 0);
}

static fac_tensor *number_times(fac_tensor *g, fac_scalar s) {
    return is_one(s) ? g : fac_mul(g, fac__conj_number(s));
}

/* --- arithmetic ------------------------------------------------------------------------------ */

FAC__VJP(add) {
    if (NEEDS(0))
        G0 = g;
    if (NEEDS(1))
        G1 = number_times(g, a->alpha);
}

FAC__VJP(sub) {
    if (NEEDS(0))
        G0 = g;
    if (NEEDS(1))
        G1 = fac_neg(number_times(g, a->alpha));
}

FAC__VJP(mul) {
    if (NEEDS(0))
        G0 = fac_mul(g, fac__conj_value(a->other));
    if (NEEDS(1))
        G1 = fac_mul(g, fac__conj_value(a->input));
}

FAC__VJP(div) {
    fac_value other = fac__conj_value(a->other);
    if (NEEDS(0))
        G0 = fac_div(g, other);
    if (NEEDS(1))
        G1 = fac_neg(fac_mul(g, CONJ(fac_div(fac_div(a->input, a->other), a->other))));
}

/* Steps: the gradient is zero wherever there is one. */
void fac__vjp_round_like(struct fac__vjp *v) {
    for (uint32_t i = 0; i < v->node->nedges; i++)
        if (fac__needs(v, (int)i))
            v->in[i] = zeros(v->grad[0]);
}

/* PyTorch records floor_divide as an op without a gradient, which only backward notices. */
void fac__vjp_floor_divide(struct fac__vjp *v) {
    fac__fail(FAC_ERROR_RUNTIME, "derivative for aten::floor_divide is not implemented");
    v->in[0] = v->in[1] = fac_bad;
}

FAC__VJP(remainder) {
    if (NEEDS(0))
        G0 = g;
    if (NEEDS(1))
        G1 = fac_neg(fac_mul(g, fac__div_floor(a->input, a->other)));
}

FAC__VJP(fmod) {
    if (NEEDS(0))
        G0 = g;
    if (NEEDS(1))
        G1 = fac_neg(fac_mul(g, fac__div_trunc(a->input, a->other)));
}

/* Note [Gradients of pow]: exponent * input^(exponent - 1) is 0 where the exponent is 0, also at
 * input 0; and input^exponent * log(input) is 0 where input is 0 and the exponent is not negative.
 */
FAC__VJP(pow) {
    if (NEEDS(0)) {
        if (a->exponent.tensor == NULL) {
            fac_scalar e = a->exponent.number;
            fac_complex128 c = fac__scalar_complex(e);
            if (c.re == 0 && c.im == 0) {
                G0 = zeros(g);
            } else {
                fac_scalar less = e.kind == FAC_COMPLEX128 ? fac_complex_number(c.re - 1, c.im)
                                  : e.kind == FAC_FLOAT64  ? fac_float(e.as.f - 1)
                                                           : fac_int(fac__scalar_int(e) - 1);
                G0 = fac_mul(g, CONJ(fac_mul(fac_pow(a->input, less), e)));
            }
        } else {
            fac_tensor *e = a->exponent.tensor;
            fac_tensor *d = fac_mul(e, fac_pow(a->input, fac_sub(e, 1)));
            G0 = fac_where(fac_eq(e, 0), 0, fac_mul(g, CONJ(d)));
        }
    }
    if (NEEDS(1)) {
        fac_tensor *e = a->exponent.tensor, *r = v->out[0], *flat, *d;
        if (a->input.tensor == NULL) {
            fac_complex128 c = fac__scalar_complex(a->input.number);
            fac_tensor *base = fac_full(FAC_NO_DIMS, a->input.number, .dtype = (fac_dtype)r->dtype);
            d = fac_mul(r, fac_log(base));
            if (c.re == 0 && c.im == 0) {
                flat = fac_ge(is_complex(e) ? fac_real(e) : e, 0);
                d = fac_where(flat, 0, d);
            }
        } else {
            fac_tensor *x = a->input.tensor;
            flat = fac_logical_and(fac_eq(x, 0), fac_ge(is_complex(e) ? fac_real(e) : e, 0));
            d = fac_where(flat, 0, fac_mul(r, fac_log(x)));
        }
        G1 = fac_mul(g, CONJ(d));
    }
}

/* Ties share the gradient. */
static void extremum(struct fac__vjp *v, fac_tensor *x, fac_tensor *y, fac_tensor *g,
                     fac_tensor *(*loses)(fac_tensor *, const fac_value *)) {
    fac_tensor *half = fac_where(fac_eq(x, y), fac_div(g, 2), g);
    if (NEEDS(0))
        G0 = fac_where(loses(x, &(fac_value){.tensor = y}), 0, half);
    if (NEEDS(1))
        G1 = fac_where(loses(y, &(fac_value){.tensor = x}), 0, half);
}

FAC__VJP(maximum) {
    extremum(v, a->input, a->other, g, fac_lt_ex);
}

FAC__VJP(minimum) {
    extremum(v, a->input, a->other, g, fac_gt_ex);
}

FAC__VJP(fmax) {
    fac_tensor *first = fac_logical_or(fac_ge(a->input, a->other), fac_isnan(a->other));
    if (NEEDS(0))
        G0 = masked(g, first);
    if (NEEDS(1))
        G1 = fac_where(first, 0, g);
}

FAC__VJP(fmin) {
    fac_tensor *first = fac_logical_or(fac_le(a->input, a->other), fac_isnan(a->other));
    if (NEEDS(0))
        G0 = masked(g, first);
    if (NEEDS(1))
        G1 = fac_where(first, 0, g);
}

FAC__VJP(atan2) {
    fac_tensor *square = fac_add(fac_mul(a->input, a->input), fac_mul(a->other, a->other));
    fac_tensor *k = fac_where(fac_eq(square, 0), 0, fac_reciprocal(square)); /* 0 at the origin */
    if (NEEDS(0))
        G0 = fac_mul(g, fac_mul(a->other, k));
    if (NEEDS(1))
        G1 = fac_mul(g, fac_mul(fac_neg(a->input), k));
}

FAC__VJP(xlogy) {
    if (NEEDS(0))
        G0 = fac_mul(g, fac_xlogy(fac_ne(a->input.tensor, 0), a->other));
    if (NEEDS(1))
        G1 = fac_mul(g, fac_div(a->input, a->other));
}

FAC__VJP(hypot) {
    if (NEEDS(0))
        G0 = fac_div(fac_mul(g, a->input), v->out[0]);
    if (NEEDS(1))
        G1 = fac_div(fac_mul(g, a->other), v->out[0]);
}

/* The share of the sum that each of the two is. */
FAC__VJP(logaddexp) {
    fac_tensor *x = a->input, *y = a->other;
    if (NEEDS(0))
        G0 = fac_div(g, CONJ(fac_add(fac_exp(fac_sub(y, x)), 1)));
    if (NEEDS(1))
        G1 = fac_div(g, CONJ(fac_add(fac_exp(fac_sub(x, y)), 1)));
}

FAC__VJP(logaddexp2) {
    fac_tensor *x = a->input, *y = a->other;
    if (NEEDS(0))
        G0 = fac_div(g, fac_add(fac_exp2(fac_sub(y, x)), 1));
    if (NEEDS(1))
        G1 = fac_div(g, fac_add(fac_exp2(fac_sub(x, y)), 1));
}

FAC__VJP(copysign) {
    if (NEEDS(0))
        G0 = fac_where(fac_eq(a->input, 0), 0, fac_mul(g, fac_div(v->out[0], a->input)));
    if (NEEDS(1))
        G1 = zeros(g);
}

/* --- functions of one argument --------------------------------------------------------------- */

#define VJP1(op, expr)                                                                             \
    FAC__VJP(op) {                                                                                 \
        fac_tensor *r = v->out[0];                                                                 \
        fac_tensor *x = a->input;                                                                  \
        (void)r, (void)x;                                                                          \
        G0 = expr;                                                                                 \
    }
VJP1(neg, fac_neg(g))
VJP1(sign, zeros(g))
VJP1(frac, g)
VJP1(abs, fac_mul(g, fac_sgn(x)))
VJP1(square, fac_mul(g, fac_mul(CONJ(x), 2)))
VJP1(reciprocal, fac_mul(fac_neg(g), CONJ(fac_mul(r, r))))
VJP1(sqrt, fac_div(g, fac_mul(CONJ(r), 2)))
VJP1(rsqrt, fac_mul(fac_mul(g, -0.5), CONJ(fac_pow(r, 3))))
VJP1(exp, fac_mul(g, CONJ(r)))
VJP1(exp2, fac_mul(fac_mul(g, CONJ(r)), 0.69314718055994530942))
VJP1(expm1, fac_mul(g, fac_add(CONJ(r), 1)))
VJP1(log, fac_div(g, CONJ(x)))
VJP1(log2, fac_div(g, fac_mul(CONJ(x), 0.69314718055994530942)))
VJP1(log10, fac_div(g, fac_mul(CONJ(x), 2.30258509299404568402)))
VJP1(log1p, fac_div(g, CONJ(fac_add(x, 1))))
VJP1(sin, fac_mul(g, CONJ(fac_cos(x))))
VJP1(cos, fac_mul(g, CONJ(fac_neg(fac_sin(x)))))
VJP1(sinh, fac_mul(g, CONJ(fac_cosh(x))))
VJP1(cosh, fac_mul(g, CONJ(fac_sinh(x))))
VJP1(tan, fac_mul(g, CONJ(fac_add(fac_mul(r, r), 1))))
VJP1(tanh, fac_tanh_backward(g, r))
VJP1(asin, fac_mul(g, CONJ(fac_rsqrt(fac_rsub(fac_mul(x, x), 1)))))
VJP1(acos, fac_mul(g, CONJ(fac_neg(fac_rsqrt(fac_rsub(fac_mul(x, x), 1))))))
VJP1(atan, fac_div(g, CONJ(fac_add(fac_mul(x, x), 1))))
VJP1(asinh, fac_mul(g, CONJ(fac_rsqrt(fac_add(fac_mul(x, x), 1)))))
VJP1(acosh, is_complex(x)
                ? fac_mul(g, CONJ(fac_mul(fac_rsqrt(fac_add(x, 1)), fac_rsqrt(fac_sub(x, 1)))))
                : fac_mul(g, fac_rsqrt(fac_sub(fac_mul(x, x), 1))))
VJP1(atanh, fac_div(g, CONJ(fac_rsub(fac_mul(x, x), 1))))
VJP1(sigmoid, fac_sigmoid_backward(g, r))
VJP1(erf, fac_mul(fac_mul(fac_exp(fac_neg(fac_mul(x, x))), 1.12837916709551257390), g))
VJP1(erfc, fac_mul(fac_mul(fac_exp(fac_neg(fac_mul(x, x))), -1.12837916709551257390), g))
VJP1(_nan_to_num, masked(g, fac_isfinite(x)))

FAC__VJP(round_decimals) {
    (void)a;
    G0 = zeros(g);
}

FAC__VJP(sgn) {
    fac_tensor *x = a->input;
    if (!is_complex(x)) {
        G0 = zeros(g);
        return;
    }
    fac_tensor *m = fac_abs(x), *s = fac_sgn(x);
    fac_tensor *along = fac_div(fac_real(fac_mul(g, fac__conj_of(s))), m);
    G0 = fac_where(fac_eq(m, 0), 0, fac_sub(fac_div(g, m), fac_mul(along, s)));
}

FAC__VJP(angle) {
    fac_tensor *x = a->input;
    if (!is_complex(x)) {
        G0 = zeros(g);
        return;
    }
    fac_tensor *m = fac_abs(x);
    fac_tensor *turned = fac_mul(fac_div(x, fac_mul(m, m)), fac_complex_number(0, 1));
    G0 = fac_where(fac_eq(x, 0), 0, fac_mul(g, turned));
}

/* --- three operands -------------------------------------------------------------------------- */

FAC__VJP(where) {
    if (NEEDS(0))
        G0 = masked(g, a->condition);
    if (NEEDS(1))
        G1 = fac_where(a->condition, 0, g);
}

FAC__VJP(lerp) {
    if (NEEDS(0))
        G0 = fac_mul(g, CONJ(fac_rsub(a->weight, 1)));
    if (NEEDS(1))
        G1 = fac_mul(g, CONJ(a->weight));
    if (NEEDS(2))
        v->in[2] = fac_mul(g, CONJ(fac_sub(a->end, a->input)));
}

FAC__VJP(lerp_scalar) {
    fac_complex128 w = fac__scalar_complex(a->weight);
    fac_scalar rest =
        a->weight.kind == FAC_COMPLEX128 ? fac_complex_number(1 - w.re, w.im) : fac_float(1 - w.re);
    if (NEEDS(0))
        G0 = fac_mul(g, rest);
    if (NEEDS(1))
        G1 = fac_mul(g, fac__conj_number(a->weight));
}

FAC__VJP(addcmul) {
    if (NEEDS(0))
        G0 = g;
    if (NEEDS(1))
        G1 = fac_mul(g, CONJ(fac_mul(a->tensor2, a->value)));
    if (NEEDS(2))
        v->in[2] = fac_mul(g, CONJ(fac_mul(a->tensor1, a->value)));
}

FAC__VJP(addcdiv) {
    if (NEEDS(0))
        G0 = g;
    if (NEEDS(1))
        G1 = fac_mul(g, CONJ(fac_div(a->value, a->tensor2)));
    if (NEEDS(2))
        v->in[2] = fac_neg(fac_mul(
            g, CONJ(fac_div(fac_mul(a->tensor1, a->value), fac_mul(a->tensor2, a->tensor2)))));
}

FAC__VJP(_clamp) {
    G0 = masked(g, fac_logical_and(fac_ge(a->input, a->low), fac_le(a->input, a->high)));
}

FAC__VJP(_clamp_low) {
    G0 = masked(g, fac_ge(a->input, a->low));
}

FAC__VJP(_clamp_high) {
    G0 = masked(g, fac_le(a->input, a->high));
}

FAC__VJP(_clamp_min_tensor) {
    if (NEEDS(0))
        G0 = masked(g, fac_ge(a->input, a->min));
    if (NEEDS(1))
        G1 = masked(g, fac_lt(a->input, a->min));
}

FAC__VJP(_clamp_max_tensor) {
    if (NEEDS(0))
        G0 = masked(g, fac_le(a->input, a->max));
    if (NEEDS(1))
        G1 = masked(g, fac_gt(a->input, a->max));
}

FAC__VJP(_clamp_tensor) {
    fac_tensor *x = a->input.tensor, *lo = a->low.tensor, *hi = a->high.tensor;
    if (NEEDS(0))
        G0 = masked(g, fac_logical_and(fac_ge(x, lo), fac_le(x, hi)));
    if (NEEDS(1))
        G1 = masked(g, fac_logical_and(fac_lt(x, lo), fac_lt(lo, hi)));
    if (NEEDS(2))
        v->in[2] = masked(g, fac_logical_or(fac_gt(x, hi), fac_lt(hi, lo)));
}

/* --- complex numbers ------------------------------------------------------------------------- */

FAC__VJP(complex) {
    (void)a;
    if (NEEDS(0))
        G0 = fac_real(g);
    if (NEEDS(1))
        G1 = fac_imag(g);
}

FAC__VJP(polar) {
    fac_tensor *unit = fac_complex(fac_cos(a->angle), fac_sin(a->angle));
    if (NEEDS(0))
        G0 = fac_real(fac_mul(g, fac__conj_of(unit)));
    if (NEEDS(1)) {
        fac_tensor *turned = fac_mul(fac_mul(unit, a->abs), fac_complex_number(0, 1));
        G1 = fac_real(fac_mul(g, fac__conj_of(turned)));
    }
}

/* --- activations ----------------------------------------------------------------------------- */

VJP1(relu, fac_threshold_backward(g, r, 0))
VJP1(leaky_relu, fac_leaky_relu_backward(g, x, a->negative_slope))
VJP1(elu, fac_elu_backward(g, x, a->alpha, a->scale, a->input_scale, 0))
VJP1(_gelu_erf, fac_gelu_erf_backward(g, x))
VJP1(_gelu_tanh, fac_gelu_tanh_backward(g, x))
VJP1(silu, fac_silu_backward(g, x))
VJP1(softplus, fac_softplus_backward(g, x, a->beta, a->threshold))
VJP1(hardtanh, fac_hardtanh_backward(g, x, a->min_val, a->max_val))
VJP1(hardswish, fac_where(fac_le(x, -3), 0,
                          fac_where(fac_lt(x, 3), fac_mul(g, fac_add(fac_div(x, 3), 0.5)), g)))
VJP1(hardsigmoid, masked(fac_div(g, 6), fac_logical_and(fac_gt(x, -3), fac_lt(x, 3))))
VJP1(log_sigmoid, fac_mul(g, fac_sigmoid(fac_neg(x))))

FAC__VJP(mish) {
    fac_tensor *x = a->input, *t = fac_tanh(fac_softplus(x)), *s = fac_sigmoid(x);
    G0 = fac_mul(g, fac_add(t, fac_mul(fac_mul(x, s), fac_rsub(fac_mul(t, t), 1))));
}

VJP1(threshold, fac_threshold_backward(g, x, a->threshold))

FAC__VJP(glu) {
    fac_tensor *x = a->input, *both[2];
    int dim = fac__wrap_dim(a->dim, x->ndim);
    int64_t half = x->sizes[dim] / 2;
    fac_tensor *value = fac_narrow(x, dim, 0, half);
    fac_tensor *gate = fac_sigmoid(fac_narrow(x, dim, half, half));
    both[0] = fac_mul(g, gate);
    both[1] = fac_sigmoid_backward(fac_mul(g, value), gate);
    v->in[0] = fac_cat(((fac_tensors){both, 2}), .dim = dim);
}

/* --- gradients of gradients --------------------------------------------------------------------
 */

FAC__VJP(threshold_backward) {
    G0 = fac_threshold_backward(g, a->input, a->threshold);
}

/* They multiply by the conjugate of the slope: of what depends on conj(y) alone, the gradient is
 * the conjugate of the other factors. */
FAC__VJP(sigmoid_backward) {
    fac_tensor *y = a->output;
    if (NEEDS(0))
        G0 = fac_sigmoid_backward(g, CONJ(y));
    if (NEEDS(1))
        G1 = fac_mul(fac_mul(CONJ(g), a->grad_output), fac_rsub(fac_mul(CONJ(y), 2), 1));
}

FAC__VJP(tanh_backward) {
    fac_tensor *y = a->output;
    if (NEEDS(0))
        G0 = fac_tanh_backward(g, CONJ(y));
    if (NEEDS(1))
        G1 = fac_mul(fac_mul(CONJ(g), a->grad_output), fac_mul(CONJ(y), -2));
}

/* gelu'' = phi(x) (2 - x^2), phi the density of the normal distribution */
FAC__VJP(gelu_erf_backward) {
    fac_tensor *x = a->input;
    if (NEEDS(0))
        G0 = fac_gelu_erf_backward(g, x);
    if (NEEDS(1)) {
        fac_tensor *x2 = fac_mul(x, x);
        fac_tensor *phi = fac_mul(fac_exp(fac_mul(x2, -0.5)), 0.39894228040143267794);
        G1 = fac_mul(fac_mul(g, a->grad_output), fac_mul(phi, fac_rsub(x2, 2)));
    }
}

/* With u = k (x + c x^3) and t = tanh u: f'' = (1 - t^2) (u' + x (u'' - 2 t u'^2) / 2). */
FAC__VJP(gelu_tanh_backward) {
    const double k = 0.79788456080286535588, c = 0.044715;
    fac_tensor *x = a->input;
    if (NEEDS(0))
        G0 = fac_gelu_tanh_backward(g, x);
    if (NEEDS(1)) {
        fac_tensor *x2 = fac_mul(x, x);
        fac_tensor *t = fac_tanh(fac_mul(fac_mul(x, fac_add(fac_mul(x2, c), 1)), k));
        fac_tensor *d1 = fac_mul(fac_add(fac_mul(x2, 3 * c), 1), k);
        fac_tensor *d2 = fac_mul(x, 6 * c * k);
        fac_tensor *bend = fac_sub(d2, fac_mul(fac_mul(t, fac_mul(d1, d1)), 2));
        fac_tensor *f2 =
            fac_mul(fac_rsub(fac_mul(t, t), 1), fac_add(d1, fac_mul(fac_mul(x, bend), 0.5)));
        G1 = fac_mul(fac_mul(g, a->grad_output), f2);
    }
}

/* silu'' = s (1 - s) (2 + x (1 - 2 s)) */
FAC__VJP(silu_backward) {
    fac_tensor *x = a->input;
    if (NEEDS(0))
        G0 = fac_silu_backward(g, x);
    if (NEEDS(1)) {
        fac_tensor *s = fac_sigmoid(x);
        fac_tensor *f2 =
            fac_mul(fac_mul(s, fac_rsub(s, 1)), fac_add(fac_mul(x, fac_rsub(fac_mul(s, 2), 1)), 2));
        G1 = fac_mul(fac_mul(g, a->grad_output), f2);
    }
}

FAC__VJP(softplus_backward) {
    fac_tensor *x = a->input;
    if (NEEDS(0))
        G0 = fac_softplus_backward(g, x, a->beta, a->threshold);
    if (NEEDS(1)) {
        fac_tensor *z = fac_mul(x, a->beta), *s = fac_sigmoid(z);
        fac_tensor *f2 = fac_mul(fac_mul(s, fac_rsub(s, 1)), a->beta);
        G1 = fac_where(fac_gt(z, a->threshold), 0, fac_mul(fac_mul(g, a->grad_output), f2));
    }
}

FAC__VJP(elu_backward) {
    fac_tensor *x = a->input;
    if (NEEDS(0))
        G0 = fac_elu_backward(g, x, a->alpha, a->scale, a->input_scale, a->is_result);
    if (NEEDS(1)) {
        /* of the result r, the slope is k (r + alpha scale) below zero */
        double k = fac__scalar_double(a->input_scale);
        double c = fac__scalar_double(a->alpha) * fac__scalar_double(a->scale) * k * k;
        fac_tensor *f2 = fac__scalar_double(a->is_result) != 0 ? fac_full_like(x, fac_float(k))
                                                               : fac_mul(fac_exp(fac_mul(x, k)), c);
        G1 = fac_where(fac_le(x, 0), fac_mul(fac_mul(g, a->grad_output), f2), 0);
    }
}

FAC__VJP(leaky_relu_backward) {
    G0 = fac_leaky_relu_backward(g, a->input, a->negative_slope);
}

FAC__VJP(hardtanh_backward) {
    G0 = fac_hardtanh_backward(g, a->input, a->min_val, a->max_val);
}

/* --- losses ---------------------------------------------------------------------------------- */

/* The gradient of each element of a loss: mean divides by their number. */
static fac_tensor *per_element(fac_tensor *g, int64_t reduction, const fac_tensor *x,
                               const fac_tensor *y) {
    if (reduction != 1)
        return g;
    int n = x->ndim;
    int64_t shape[FAC_MAX_DIMS], count = 1;
    for (int i = 0; i < n; i++)
        shape[i] = x->sizes[i];
    if (y != NULL) {
        extern int fac__broadcast(int *ndim, int64_t *shape, int b_ndim, const int64_t *b_sizes);
        if (fac__broadcast(&n, shape, y->ndim, y->sizes) != 0)
            return fac_bad;
    }
    for (int i = 0; i < n; i++)
        count *= shape[i];
    return fac_div(g, (double)count);
}

static void both(struct fac__vjp *v, fac_tensor *d) {
    if (NEEDS(0))
        G0 = d;
    if (NEEDS(1))
        G1 = fac_neg(d);
}

/* x - t where a target may be a mask. */
static fac_tensor *difference(fac_tensor *x, fac_tensor *t) {
    return fac_sub(x, t->dtype == FAC_BOOL ? fac__to_copy(t, .dtype = (fac_dtype)x->dtype) : t);
}

FAC__VJP(mse_loss) {
    g = per_element(g, a->reduction, a->input, a->target);
    both(v, fac_mul(fac_mul(difference(a->input, a->target), 2), g));
}

FAC__VJP(smooth_l1_loss) {
    g = per_element(g, a->reduction, a->input, a->target);
    fac_tensor *d = difference(a->input, a->target);
    fac_tensor *s = a->beta == 0 ? fac_sign(d)
                                 : fac_clamp(fac_div(d, a->beta), .min = fac_value_of_float(-1),
                                             .max = fac_value_of_float(1));
    both(v, fac_mul(s, g));
}

FAC__VJP(huber_loss) {
    g = per_element(g, a->reduction, a->input, a->target);
    fac_tensor *d = fac_sub(a->input, a->target);
    both(v, fac_mul(fac_clamp(d, .min = fac_value_of_float(-a->delta),
                              .max = fac_value_of_float(a->delta)),
                    g));
}

static fac_tensor *weighted(fac_tensor *t, fac_tensor *weight) {
    return weight == NULL ? t : fac_mul(t, weight);
}

FAC__VJP(binary_cross_entropy) {
    fac_tensor *x = a->input;
    g = weighted(per_element(g, a->reduction, x, NULL), a->weight);
    if (NEEDS(0))
        G0 = fac__bce_backward(fac_expand(g, fac__sizes_of(x)), x, a->target);
    if (NEEDS(1)) {
        fac_tensor *l1 = fac_clamp_min(fac_log1p(fac_neg(x)), -100);
        fac_tensor *lx = fac_clamp_min(fac_log(x), -100);
        G1 = fac_mul(g, fac_sub(l1, lx));
    }
}

FAC__VJP(_bce_backward) {
    fac_tensor *x = a->input, *t = a->target;
    fac_tensor *d = x == NULL ? NULL : fac_clamp_min(fac_mul(fac_rsub(x, 1), x), 1e-12);
    if (NEEDS(0))
        G0 = fac__bce_backward(g, x, t);
    if (NEEDS(1)) {
        /* ((x - t) / (x - x^2))' = (x^2 - 2 x t + t) / (x - x^2)^2 */
        fac_tensor *n = fac_add(fac_mul(x, fac_sub(x, fac_mul(t, 2))), t);
        G1 = fac_mul(fac_mul(g, a->grad_output), fac_div(n, fac_mul(d, d)));
    }
    if (NEEDS(2))
        v->in[2] = fac_neg(fac_div(fac_mul(g, a->grad_output), d));
}

FAC__VJP(binary_cross_entropy_with_logits) {
    fac_tensor *x = a->input, *t = a->target;
    g = weighted(per_element(g, a->reduction, x, NULL), a->weight);
    if (NEEDS(0)) {
        if (a->pos_weight == NULL) {
            G0 = fac_mul(fac_sub(fac_sigmoid(x), t), g);
        } else {
            fac_tensor *pt = fac_mul(a->pos_weight, t);
            fac_tensor *k = fac_sub(fac_add(pt, 1), t);
            G0 = fac_mul(fac_sub(fac_mul(k, fac_sigmoid(x)), pt), g);
        }
    }
    if (NEEDS(1)) {
        if (a->pos_weight == NULL)
            G1 = fac_mul(fac_neg(x), g);
        else
            G1 = fac_mul(
                fac_sub(fac_log_sigmoid(fac_neg(x)), fac_mul(a->pos_weight, fac_log_sigmoid(x))),
                g);
    }
}
