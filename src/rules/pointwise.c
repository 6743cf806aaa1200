/* What pointwise ops refuse beyond a dtype that their loops lack, with PyTorch's words. */
#include "rules.h"

#define CHECK(name)                                                                                \
    int fac__check_##name(const fac__op *op, const void *args, const fac__outs *outs,              \
                          fac_dtype common)

static int refuse(const char *text) {
    return fac__fail(FAC_ERROR_RUNTIME, "%s", text);
}

static int refuse_complex(const char *format, const char *name, fac_dtype common) {
    return fac__is_complex(common) ? fac__fail(FAC_ERROR_NOT_IMPLEMENTED, format, name) : 0;
}

static int alpha_fits(fac_scalar alpha, fac_dtype common) {
    if (alpha.kind == FAC_INT64)
        return 0;
    if (alpha.kind == FAC_BOOL && common != FAC_BOOL)
        return refuse("Boolean alpha only supported for Boolean results.");
    if (fac__is_float(alpha.kind) && fac__is_integral(common, true))
        return refuse(
            "For integral input tensors, argument alpha must not be a floating point number.");
    if (fac__is_complex(alpha.kind) && !fac__is_complex(common))
        return refuse(
            "For non-complex input tensors, argument alpha must not be a complex number.");
    return 0;
}

CHECK(add) {
    (void)op;
    (void)outs;
    return alpha_fits(((const struct fac__add_args *)args)->alpha, common);
}

static bool is_bool(fac_value v) {
    return (v.tensor != NULL ? (fac_dtype)v.tensor->dtype : v.number.kind) == FAC_BOOL;
}

CHECK(sub) {
    (void)op;
    (void)outs;
    const struct fac__sub_args *a = args;
    bool left = is_bool(a->input), right = is_bool(a->other);
    if (left && right)
        return refuse("Subtraction, the `-` operator, with two bool tensors is not supported. Use "
                      "the `^` or `logical_xor()` operator instead.");
    if (left || right)
        return refuse("Subtraction, the `-` operator, with a bool tensor is not supported. If you "
                      "are trying to invert a mask, use the `~` or `logical_not()` operator "
                      "instead.");
    return alpha_fits(a->alpha, common);
}

CHECK(neg) {
    (void)op;
    (void)args;
    (void)outs;
    return common != FAC_BOOL
               ? 0
               : refuse("Negation, the `-` operator, on a bool tensor is not supported. If you are "
                        "trying to invert a mask, use the `~` or `logical_not()` operator "
                        "instead.");
}

CHECK(abs) {
    (void)op;
    (void)args;
    return outs->how == FAC__CALL_INPLACE && fac__is_complex(common)
               ? refuse("In-place abs is not supported for complex tensors.")
               : 0;
}

CHECK(pow) {
    (void)op;
    (void)outs;
    const struct fac__pow_args *a = args;
    bool negative = a->exponent.tensor == NULL && fac__scalar_double(a->exponent.number) < 0;
    return negative && fac__is_integral(common, true)
               ? refuse("Integers to negative integer powers are not allowed.")
               : 0;
}

CHECK(addcdiv) {
    (void)op;
    (void)args;
    (void)outs;
    return !fac__is_integral(common, true)
               ? 0
               : refuse("Integer division with addcdiv is no longer supported, and in a future  "
                        "release addcdiv will perform a true division of tensor1 and tensor2. The "
                        "historic addcdiv behavior can be implemented as (input + value * "
                        "torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as "
                        "(input + value * tensor1 / tensor2) for float inputs. The future addcdiv "
                        "behavior is just the latter implementation: (input + value * tensor1 / "
                        "tensor2), for all dtypes.");
}

CHECK(extreme) {
    (void)args;
    (void)outs;
    return fac__is_complex(common)
               ? fac__fail(FAC_ERROR_RUNTIME, "%s not implemented for complex tensors.", op->python)
               : 0;
}

CHECK(rounding) {
    (void)args;
    (void)outs;
    return refuse_complex("%s is not supported for complex inputs", op->kernel, common);
}

CHECK(sign) {
    (void)op;
    (void)args;
    (void)outs;
    return refuse_complex("%s is not intended to support complex numbers. Please use torch.sgn "
                          "instead.",
                          "Unlike NumPy, torch.sign", common);
}

CHECK(signbit) {
    (void)op;
    (void)args;
    (void)outs;
    return refuse_complex("%s is not implemented for complex tensors.", "signbit", common);
}

CHECK(relu) {
    (void)op;
    (void)args;
    (void)outs;
    if (common == FAC_BOOL)
        return refuse("Boolean inputs not supported for relu");
    return refuse_complex("%s is not supported for complex types", "clamp", common);
}

CHECK(hardtanh) {
    (void)op;
    (void)outs;
    const struct fac__hardtanh_args *a = args;
    if (common == FAC_BOOL)
        return refuse("Bool inputs not supported for hardtanh");
    if (fac__is_integral(common, false) && !fac_dtype_is_signed(common) &&
        (fac__scalar_double(a->min_val) < 0 || fac__scalar_double(a->max_val) < 0))
        return refuse("cannot do hardtanh on an unsigned type with negative limits");
    return refuse_complex("%s is not supported for complex types", "clamp", common);
}

/* complex() and polar() take two tensors of one dtype. */
CHECK(complex_parts) {
    (void)common;
    fac_dtype first = (fac_dtype)fac__arg_tensor(args, op->tensor_offsets[0])->dtype;
    fac_dtype second = (fac_dtype)fac__arg_tensor(args, op->tensor_offsets[1])->dtype;
    if ((first != FAC_FLOAT16 && first != FAC_FLOAT32 && first != FAC_FLOAT64) ||
        (second != FAC_FLOAT16 && second != FAC_FLOAT32 && second != FAC_FLOAT64))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Expected both inputs to be Half, Float or Double tensors but got %s and "
                         "%s",
                         fac__scalar_type_name(first), fac__scalar_type_name(second));
    if (first != second)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Expected object of scalar type %s but got scalar type %s for second "
                         "argument",
                         fac__scalar_type_name(first), fac__scalar_type_name(second));
    if (outs->how == FAC__CALL_OUT && outs->given[0]->dtype != fac__complex_of(first))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Expected object of scalar type %s but got scalar type %s for argument "
                         "'out'",
                         fac__scalar_type_name(fac__complex_of(first)),
                         fac__scalar_type_name((fac_dtype)outs->given[0]->dtype));
    return 0;
}

CHECK(lerp) {
    (void)common;
    (void)outs;
    static const char *const names[] = {"input", "end", "weight"};
    const fac_tensor *start = fac__arg_tensor(args, op->tensor_offsets[0]);
    for (int i = 1; i < op->ntensors; i++) {
        const fac_tensor *t = fac__arg_tensor(args, op->tensor_offsets[i]);
        bool number = i == 2 && t != NULL && t->ndim == 0; /* PyTorch reads it as one */
        if (t != NULL && t->dtype != start->dtype && !number)
            return fac__fail(FAC_ERROR_RUNTIME, "expected dtype %s for `%s` but got dtype %s",
                             fac__c_type_name((fac_dtype)start->dtype), names[i],
                             fac__c_type_name((fac_dtype)t->dtype));
    }
    return 0;
}

CHECK(where) {
    (void)op;
    (void)common;
    (void)outs;
    const fac_tensor *c = ((const struct fac__where_args *)args)->condition;
    if (c->dtype != FAC_BOOL && c->dtype != FAC_UINT8)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "where expected condition to be a boolean tensor, but got a tensor with "
                         "dtype %s",
                         fac__scalar_type_name((fac_dtype)c->dtype));
    static atomic_flag said = ATOMIC_FLAG_INIT;
    return c->dtype == FAC_BOOL
               ? 0
               : fac__warn_once(&said, "where received a uint8 condition tensor. This behavior is "
                                       "deprecated and will be removed in a future version of "
                                       "PyTorch. Use a boolean condition instead.");
}
