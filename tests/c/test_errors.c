/* Hostile use of the C API: it answers with an error each time, and goes on. First what one can
 * name, then every operator with arguments drawn from a chest of bad ones. */
#include "../../src/core/core.h"
#include "../../src/gen/ops.h"
#include "call.h"
#include "check.h"

#include <facula/facula.h>

#include <complex.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

/* The call failed, with this kind of error and text. */
static void fails(bool failed, fac_error_code code, const char *text, const char *file, int line) {
    fac_error_code got = fac_error_kind();
    const char *said = fac_error();
    bool ok = failed && got == code && strstr(said, text) != NULL;
    if (!ok)
        printf("    %s, error %d: '%s'\n", failed ? "failed" : "did not fail", (int)got, said);
    check_at(ok, text, file, line);
}
#define FAILS(failed, code, text) fails(failed, FAC_ERROR_##code, text, __FILE__, __LINE__)
#define BAD(tensor, code, text) FAILS(!fac_ok(tensor), code, text)

/* --- tensors and numbers that are not there ----------------------------------------------------
 */

static void nothing_given(void) {
    fac_tensor *x = fac_ones(fac_dims(2, 2)), *none = NULL, *two[2], *three[3];
    BAD(fac_exp(none), TYPE, "exp(): argument 'input' must be Tensor, not NULL");
    CHECK(strcmp(fac_error_op(), "") == 0 || strcmp(fac_error_op(), "exp") == 0);
    BAD(fac_add(none, 1), TYPE, "argument 'input'");
    BAD(fac_add(x, none), TYPE, "argument 'other'");
    BAD(fac_matmul(x, none), TYPE, "argument 'other'");
    BAD(fac_exp_(none), TYPE, "exp_(): the tensor to write into");
    BAD(fac_exp_out(none, x), TYPE, "exp(): out is not given");
    BAD(fac_cat(fac_list(x, none)), TYPE, "element 1 of argument 'tensors' is NULL");
    BAD(fac_cat(((fac_tensors){NULL, 3})), VALUE, "says it has 3 tensors and gives none");
    BAD(fac_cat(((fac_tensors){&x, -1})), VALUE, "says it has -1 tensors");
    BAD(fac_reshape(x, ((fac_ints){NULL, 2, true})), VALUE, "says it has 2 integers");
    BAD(fac_sum(x, .dim = {(const int64_t[]){0}, 1, false}), VALUE, "is not `given`");
    BAD(fac_full(fac_dims(2), (fac_scalar){0}), TYPE, "argument 'fill_value'");
    BAD(fac_full(fac_dims(2), ((fac_scalar){.kind = FAC_INT8})), VALUE, "argument 'fill_value' is");
    FAILS(fac_max_dim(none, 0, two) != 0 && two[0] == fac_bad && two[1] == fac_bad, TYPE, "input");
    FAILS(fac_max_dim(x, 7, two) != 0 && two[0] == fac_bad && two[1] == fac_bad, INDEX, "out of");
    FAILS(fac_max_dim(x, 0, NULL) != 0, TYPE, "no room");
    FAILS(fac_native_layer_norm(x, fac_dims(3), none, none, 1e-5, three) != 0, RUNTIME, "shape");
    CHECK(fac_ok(fac_linear(x, x, .bias = NULL)));
    CHECK(fac_ok(fac_index(x, fac_list(NULL, fac_arange(0, 2)))));
}

/* fac_bad passes through everything and changes nothing. */
static void bad_given(void) {
    fac_tensor *x = fac_ones(fac_dims(2)), *two[2];
    CHECK(fac_exp(fac_bad) == fac_bad && fac_add(x, fac_bad) == fac_bad);
    CHECK(fac_add_(x, fac_bad) == fac_bad && fac_add_(fac_bad, x) == fac_bad);
    CHECK(fac_add_out(fac_bad, x, x) == fac_bad && fac_add_out(x, x, fac_bad) == fac_bad);
    CHECK(fac_cat(fac_list(x, fac_bad)) == fac_bad);
    CHECK(fac_max_dim(fac_bad, 0, two) != 0 && two[0] == fac_bad && two[1] == fac_bad);
    fac_tensors l = fac_split(fac_bad, 1);
    CHECK(l.n == 0 && l.values[0] == fac_bad && fac_exp(l.values[63]) == fac_bad);
    l = fac_split(x, -1);
    FAILS(l.n == 0 && l.values[1] == fac_bad, RUNTIME, "split");
    CHECK(!fac_backward(fac_bad) && fac_grad(fac_bad) == NULL);
    CHECK(!fac_set_requires_grad(fac_bad, true) && !fac_retain_grad(fac_bad));
    CHECK(fac_register_hook(fac_bad, NULL, NULL, NULL) == 0 && !fac_remove_hook(fac_bad, 1));
    CHECK(fac_keep(fac_bad) == fac_bad && fac_keep(NULL) == NULL);
    fac_release(fac_bad);
    fac_release(NULL);
    CHECK(fac_to_string(fac_bad) == NULL && !fac_print(fac_bad, stdout));
    CHECK(fac_item(fac_bad).kind == FAC_DTYPE_NONE && isnan(fac_item_float(fac_bad)));
    CHECK(fac_item_int(fac_bad) == 0 && fac_dim(fac_bad) == 0 && fac_data(fac_bad) == NULL);
    CHECK(fac_size(fac_bad, 3) == -1 && !fac_requires_grad(fac_bad));
    CHECK(!fac_npy_write("/nowhere/x.npy", fac_bad));
    CHECK(fac_sgd(fac_list(fac_bad), 0.1) == NULL);
    fac_subscript at = fac_at(0);
    CHECK(fac_index_get(fac_bad, &at, 1) == fac_bad);
    CHECK(fac_index_set(fac_bad, &at, 1, FAC_VALUE(1)) == fac_bad);
    CHECK(fac_item_float(fac_sum(x)) == 2);
}

/* NULL where a function looks inside a tensor. */
static void null_inspected(void) {
    FAILS(!fac_backward(NULL), TYPE, "NULL");
    FAILS(!fac_set_requires_grad(NULL, true), TYPE, "NULL");
    FAILS(!fac_retain_grad(NULL), TYPE, "NULL");
    FAILS(!fac_set_grad(NULL, NULL), TYPE, "NULL");
    FAILS(fac_register_hook(NULL, NULL, NULL, NULL) == 0, VALUE, "a hook that is NULL");
    FAILS(fac_register_accumulated_hook(NULL, NULL, NULL, NULL) == 0, VALUE, "NULL");
    FAILS(!fac_record(NULL, (fac_tensors){0}, (fac_tensors){0}, (fac_tensors){0}), VALUE, "no f");
    FAILS(!fac_optimizer_step(NULL), VALUE, "no optimizer");
    FAILS(!fac_npy_write("/nowhere/x.npy", NULL), VALUE, "no tensor");
    FAILS(fac_item(NULL).kind == FAC_DTYPE_NONE, TYPE, "no tensor");
    FAILS(isnan(fac_item_float(NULL)), TYPE, "no tensor");
    FAILS(fac_item_int(NULL) == 0, TYPE, "no tensor");
    fac_subscript at = fac_at(0);
    BAD(fac_index_get(NULL, &at, 1), TYPE, "NULL");
    BAD(fac_index_set(NULL, &at, 1, FAC_VALUE(1)), TYPE, "NULL");
    BAD(fac_npy_read(NULL), VALUE, "no path");
    FAILS(fac_safetensors_open(NULL) == NULL, VALUE, "no path");
    CHECK(fac_ok(NULL) && fac_grad(NULL) == NULL && !fac_requires_grad(NULL));
    CHECK(!fac_remove_hook(NULL, 1) && fac_is_leaf(NULL) && fac_grad_fn_name(NULL) == NULL);
    fac_free_string(NULL);
    fac_optimizer_free(NULL);
    fac_safetensors_close(NULL);
    fac_generator_free(NULL);
    fac_generator_get_state(NULL, NULL);
    FAILS(true, VALUE, "no room");
    FAILS(!fac_generator_set_state(NULL, NULL, FAC_GENERATOR_STATE_BYTES), VALUE, "no state");
    fac_program_free(NULL);
}

/* --- sizes, ranks, dtypes, devices, indices ----------------------------------------------------
 */

static void sizes(void) {
    const int64_t huge = INT64_MAX, most = (int64_t)1 << 62;
    int64_t many[FAC_MAX_DIMS + 1];
    for (int i = 0; i <= FAC_MAX_DIMS; i++)
        many[i] = 1;
    fac_ints too_many = {many, FAC_MAX_DIMS + 1, true};
    fac_tensor *x = fac_arange(0, 6), *floats = fac_ones(fac_dims(2, 3));
    BAD(fac_zeros(fac_dims(2, -1)), RUNTIME, "must be non-negative");
    BAD(fac_empty(fac_dims(huge, 2)), RUNTIME, "overflow");
    BAD(fac_empty(fac_dims(most, 2)), RUNTIME, "overflow");
    BAD(fac_empty(fac_dims(most / 4)), MEMORY, "not enough memory");
    BAD(fac_zeros(too_many), RUNTIME, "dimensions");
    BAD(fac_reshape(x, too_many), RUNTIME, "");
    BAD(fac_expand(x, too_many), RUNTIME, "");
    BAD(fac_from_data(many, FAC_INT64, too_many), RUNTIME, "at most 64 dimensions");
    BAD(fac_from_data(many, FAC_INT64, fac_dims(-2)), RUNTIME, "negative dimension");
    BAD(fac_from_data(NULL, FAC_INT64, fac_dims(2)), VALUE, "no ");
    BAD(fac_from_data(many, (fac_dtype)99, fac_dims(2)), VALUE, "dtype 99");
    BAD(fac_from_memory(NULL, FAC_INT64, fac_dims(2), (fac_ints){0}, NULL, NULL), VALUE, "memory");
    BAD(fac_view(x, fac_dims(4, 2)), RUNTIME, "shape '[4, 2]' is invalid for input of size 6");
    BAD(fac_expand(floats, fac_dims(2, huge)), RUNTIME, "expanded size");
    BAD(fac_repeat(x, fac_dims(huge)), RUNTIME, "");
    BAD(fac_as_strided(x, fac_dims(3), fac_dims(huge)), RUNTIME, "");
    BAD(fac_as_strided(x, fac_dims(huge, huge), fac_dims(1, 1)), RUNTIME, "");
    BAD(fac_arange(0, INFINITY), RUNTIME, "");
    BAD(fac_arange(0, 1e300), RUNTIME, "");
    BAD(fac_arange(INT64_MIN, huge), RUNTIME, "");
    BAD(fac_arange(((int64_t)1 << 53) + 1, (int64_t)1 << 53), RUNTIME, "");
    CHECK(fac_size(fac_arange(INT64_MIN, huge, .step = fac_int(huge)), 0) == 3);
    CHECK(fac_size(fac_arange(huge, INT64_MIN, .step = fac_int(INT64_MIN)), 0) == 2);
    CHECK(fac_size(fac_arange(0, huge, .step = fac_int(huge)), 0) == 1);
    BAD(fac_linspace(0, 1, -1), RUNTIME, "");
    BAD(fac_eye(-3), RUNTIME, "");
    BAD(fac_matmul(floats, floats), RUNTIME, "cannot be multiplied");
    BAD(fac_add(floats, fac_ones(fac_dims(2))), RUNTIME, "must match");
    BAD(fac_conv2d(floats, floats), RUNTIME, "");
    BAD(fac_max_pool2d(fac_ones(fac_dims(1, 1, 4, 4)), fac_dims(0, 2)), RUNTIME, "");
    BAD(fac_unfold(x, 0, huge, 1), RUNTIME, "");
    BAD(fac_roll(x, ((fac_ints){0})), RUNTIME, "shifts");
}

/* Numbers that a product, a sum or an int cannot hold. */
static void absurd(void) {
    const int64_t huge = INT64_MAX, most = (int64_t)1 << 62;
    const char *no_int = "value cannot be converted to type int without overflow";
    fac_tensor *x = fac_ones(fac_dims(1, 2, 4, 4)), *w = fac_ones(fac_dims(2, 2, 3, 3)), *three[3];
    fac_tensor *one = fac_ones(fac_dims(1)), *none = fac_narrow(x, 0, 0, 0);
    BAD(fac_expand(one, fac_dims(most, 4)), RUNTIME, "numel: integer multiplication overflow");
    BAD(fac_expand(none, fac_dims(0, 2, 4, most)), RUNTIME, "must match");
    BAD(fac_empty(fac_dims(0, most, 4)), RUNTIME, "Storage size calculation overflowed");
    BAD(fac_as_strided(one, fac_dims(most, 4), fac_dims(0, 0)), RUNTIME, "numel: integer");
    BAD(fac_as_strided(one, fac_dims(1), fac_dims(1), .storage_offset = fac_some(huge)), RUNTIME,
        "overflowed with sizes=[1] and strides=[1]");
    BAD(fac_max_pool2d(x, fac_dims(most, 2)), RUNTIME, no_int);
    BAD(fac_max_pool2d(x, fac_dims(2, 2), .stride = fac_dims(huge, 1)), RUNTIME, no_int);
    BAD(fac_avg_pool2d(x, fac_dims(2, 2), .padding = fac_dims(INT64_MIN, 0)), RUNTIME, no_int);
    BAD(fac_adaptive_avg_pool2d(none, fac_dims(most, 2)), RUNTIME, "overflow");
    CHECK(fac_numel(fac_adaptive_avg_pool2d(none, fac_dims(most / 8, 2))) == 0);
    BAD(fac_im2col(x, fac_dims(2, 2), fac_dims(1, 1), fac_dims(huge, 0), fac_dims(1, 1)), RUNTIME,
        no_int);
    BAD(fac_conv2d(x, w, .padding = fac_dims(huge, 0)), RUNTIME,
        "Given padding=9223372036854775807 at dimension 0 , expected padding to be at most "
        "4611686018427387903");
    BAD(fac_conv2d(x, w, .dilation = fac_dims(most, 1)), RUNTIME, no_int);
    FAILS(fac_native_group_norm(x, NULL, NULL, most, 4, 4, 2, 1e-5, three) != 0, RUNTIME,
          "Expected X.numel() == N * C * HxW to be true");
    FAILS(fac_native_group_norm(x, NULL, NULL, 1, -2, -16, 2, 1e-5, three) != 0, RUNTIME,
          "Expected X.numel() == N * C * HxW to be true");
    BAD(fac_repeat_interleave_int(fac_arange(0, 3), huge), RUNTIME, "numel: integer");
    BAD(fac_rot90(fac_ones(fac_dims(2, 2)), .dims = fac_dims(INT64_MIN, 100)), INDEX, "Dimension");
    fac_tensor *far = fac_slice(fac_ones(fac_dims(3, 4)), .step = fac_some(huge));
    CHECK_SAYS(fac_size(far, 0) == 1 && fac_item_float(fac_sum(fac_diagonal(far))) == 1,
               "strides that nobody walks");
}

/* What the engine calls with arguments that fit each other, called by hand. */
static void gradients_by_hand(void) {
    fac_tensor *x = fac_ones(fac_dims(2, 3)), *t = fac_arange(0, 2), *g = fac_ones(FAC_NO_DIMS);
    fac_tensor *kept = fac_ones(fac_dims(2, 2)), *three[3], *far = fac_add(t, 7);
    const char *no_fit = "don't fit each other";
    CHECK(fac_ok(fac__cross_entropy_backward(g, x, t, NULL, 1, -100, kept, g)));
    BAD(fac__cross_entropy_backward(x, x, t, NULL, 1, -100, kept, g), RUNTIME, no_fit);
    BAD(fac__cross_entropy_backward(g, x, t, NULL, 1, -100, g, g), RUNTIME, no_fit);
    BAD(fac__cross_entropy_backward(g, x, t, NULL, 0, -100, kept, g), RUNTIME, no_fit);
    BAD(fac__cross_entropy_backward(g, x, t, x, 1, -100, kept, g), RUNTIME, "weight tensor");
    BAD(fac__cross_entropy_backward(g, x, x, NULL, 1, -100, kept, g), RUNTIME, "0D or 1D target");
    BAD(fac__cross_entropy_backward(g, x, far, NULL, 1, -100, kept, g), INDEX, "Target 7");
    FAILS(fac__layer_norm_backward(x, x, 3, g, g, NULL, three) != 0, RUNTIME, no_fit);
    FAILS(fac__batch_norm_backward(g, g, NULL, g, g, true, three) != 0, RUNTIME, no_fit);
    FAILS(fac__group_norm_backward(x, x, g, g, NULL, 2, 3, 1, 0, three) != 0, RUNTIME, no_fit);
    BAD(fac_nll_loss_backward(g, fac_dims(3, 3), t, NULL, 1, -100, g), RUNTIME, "don't fit");
    BAD(fac_nll_loss_backward(g, fac_dims(2, -3), t, NULL, 1, -100, g), RUNTIME, "negative");
    BAD(fac_embedding_dense_backward(x, x, 3, -1, false), RUNTIME, "'indices'");
    BAD(fac_embedding_dense_backward(x, fac_arange(0, 5), 9, -1, false), RUNTIME, no_fit);
    BAD(fac_unfold_backward(g, fac_dims(4), 0, 2, 1), RUNTIME, "unfold_backward");
    fac_tensor *plane = fac_ones(fac_dims(1, 2, 2));
    fac_tensor *outside = fac_full(fac_dims(1, 2, 2), 9, .dtype = FAC_INT64);
    BAD(fac__pool_scatter(plane, fac_dims(1, 3, 3), outside), INDEX, "index 9 is out of range");
    BAD(fac__pool_gather(plane, outside), INDEX, "index 9 is out of range");
    BAD(fac__pool_scatter(plane, fac_dims(2, 3, 3), outside), RUNTIME, "don't fit");
    BAD(fac_avg_pool2d_backward(plane, fac_dims(1, 9, 9), fac_dims(2, 2), fac_dims(2, 2),
                                fac_dims(0, 0), false, true, (fac_opt_int){0}),
        RUNTIME, "don't fit");
}

static void kinds(void) {
    fac_tensor *floats = fac_ones(fac_dims(2, 3)), *ints = fac_arange(0, 6);
    fac_tensor *meta = fac_empty(fac_dims(2, 3), .device = {FAC_META, -1});
    BAD(fac_zeros(fac_dims(2), .dtype = (fac_dtype)77), VALUE, "argument 'dtype' is 77");
    BAD(fac_zeros(fac_dims(2), .dtype = (fac_dtype)-1), VALUE, "argument 'dtype'");
    BAD(fac_zeros(fac_dims(2), .layout = (fac_layout)9), VALUE, "argument 'layout' is 9");
    BAD(fac_zeros(fac_dims(2), .device = {100, 0}), VALUE, "argument 'device' is 100");
    BAD(fac_zeros(fac_dims(2), .device = {FAC_CUDA, 0}), RUNTIME, "CUDA");
    BAD(fac_clone(floats, .memory_format = (fac_memory_format)50), VALUE, "memory_format");
    BAD(fac_clone(floats, .memory_format = FAC_CHANNELS_LAST), RUNTIME, "rank 4");
    BAD(fac_bitwise_and(floats, 1), NOT_IMPLEMENTED, "");
    BAD(fac_softmax(ints, 0), NOT_IMPLEMENTED, "");
    BAD(fac_matmul(fac_ones(fac_dims(2, 2)), fac_ones(fac_dims(2, 2), .dtype = FAC_FLOAT64)),
        RUNTIME, "dtype");
    BAD(fac_add_(ints, 1.5), RUNTIME, "can't be cast");
    BAD(fac_index_select(floats, 0, floats), INDEX, "vector");
    BAD(fac_add(floats, meta), RUNTIME, "same device");
    FAILS(isnan(fac_item_float(fac_sum(meta))), RUNTIME, "meta");
    FAILS(!fac_set_requires_grad(ints, true), RUNTIME, "floating point");
    FAILS(!fac_set_default_dtype(FAC_INT32), TYPE, "float");
    FAILS(!fac_set_default_dtype((fac_dtype)1000), TYPE, "float");
    CHECK(fac_dtype_name((fac_dtype)1000) != NULL && fac_dtype_size((fac_dtype)1000) == 0);
    CHECK(!fac_dtype_is_floating((fac_dtype)-5) && !fac_dtype_is_signed((fac_dtype)1000));
    CHECK(fac_promote((fac_dtype)1000, FAC_INT8) == FAC_DTYPE_NONE);
}

/* Each of C's numbers arrives as what it is. */
static void numbers(void) {
    fac_tensor *x = fac_ones(FAC_NO_DIMS, .dtype = FAC_FLOAT64);
    CHECK(fac_item_float(fac_mul(x, (signed char)-3)) == -3);
    CHECK(fac_item_float(fac_mul(x, (unsigned short)65535)) == 65535);
    CHECK(fac_item_float(fac_mul(x, 4000000000u)) == 4e9);
    CHECK(fac_item_float(fac_mul(x, UINT64_MAX)) == 0x1p64);
    CHECK(fac_item_float(fac_mul(0.5f, x)) == 0.5 && fac_item_float(fac_mul(x, 0.5L)) == 0.5);
    CHECK(fac_item_float(fac_full(FAC_NO_DIMS, 0.5L)) == 0.5);
    const float _Complex z = 0.5f + 2.0f * _Complex_I;
    fac_scalar product = fac_item(fac_mul(x, z)), filled = fac_item(fac_full(FAC_NO_DIMS, z));
    CHECK(product.kind == FAC_COMPLEX128 && product.as.c.re == 0.5 && product.as.c.im == 2);
    CHECK(filled.kind == FAC_COMPLEX128 && filled.as.c.re == 0.5 && filled.as.c.im == 2);
    CHECK(fac_item_float(fac_mul(x, true)) == 1);
}

static void reductions(void) {
    fac_tensor *x = fac_ones(fac_dims(2, 3)), *t = fac_zeros(fac_dims(2), .dtype = FAC_INT64);
    fac_opt_int odd[] = {fac_some(3), fac_some(-1), fac_some(INT64_MIN)};
    for (int i = 0; i < 3; i++) {
        BAD(fac_cross_entropy_loss(x, t, .reduction = odd[i]), VALUE, "no reduction");
        BAD(fac_cross_entropy_loss(x, x, .reduction = odd[i]), VALUE, "no reduction");
        BAD(fac_cross_entropy_loss(x, t, .reduction = odd[i], .label_smoothing = 0.1), VALUE,
            "no reduction");
        BAD(fac_nll_loss(x, t, .reduction = odd[i]), VALUE, "no reduction");
        BAD(fac_mse_loss(x, x, .reduction = odd[i]), VALUE, "no reduction");
        BAD(fac_l1_loss(x, x, .reduction = odd[i]), VALUE, "no reduction");
        BAD(fac_huber_loss(x, x, .reduction = odd[i]), VALUE, "no reduction");
        BAD(fac_smooth_l1_loss(x, x, .reduction = odd[i]), VALUE, "no reduction");
        BAD(fac_binary_cross_entropy(x, x, .reduction = odd[i]), VALUE, "no reduction");
        BAD(fac_binary_cross_entropy_with_logits(x, x, .reduction = odd[i]), VALUE, "no reduction");
    }
}

static void indices(void) {
    fac_tensor *x = fac_ones(fac_dims(2, 3)), *far = fac_full(fac_dims(1), 7, .dtype = FAC_INT64);
    fac_subscript at = fac_at(5), worse = {.kind = (fac_index_kind)44}, none = fac_at_tensor(NULL);
    BAD(fac_select(x, 0, 2), INDEX, "out of range");
    BAD(fac_select(x, 0, INT64_MIN), INDEX, "out of range");
    BAD(fac_select(x, 2, 0), INDEX, "Dimension out of range");
    BAD(fac_transpose(x, 0, INT64_MAX), INDEX, "Dimension out of range");
    BAD(fac_sum(x, .dim = fac_dims(2)), INDEX, "Dimension out of range");
    BAD(fac_sum(x, .dim = fac_dims(0, 0)), RUNTIME, "appears multiple times");
    BAD(fac_index_select(x, 0, far), INDEX, "");
    BAD(fac_gather(x, 0, fac_full(fac_dims(1, 1), 9, .dtype = FAC_INT64)), RUNTIME, "");
    BAD(fac_embedding(x, far), INDEX, "index out of range");
    BAD(fac_cross_entropy_loss(x, fac_full(fac_dims(2), 3, .dtype = FAC_INT64)), INDEX, "Target 3");
    BAD(fac_index(x, fac_list(far)), INDEX, "out of bounds");
    BAD(fac_index_get(x, &at, 1), INDEX, "index 5");
    fac_subscript all = fac_at_all();
    BAD(fac_index_set(x, &all, 1, FAC_VALUE((fac_tensor *)NULL)), TYPE, "not given");
    fac_value odd = {.number = {.kind = FAC_INT8}};
    BAD(fac_index_set(x, &all, 1, odd), TYPE, "not given");
    BAD(fac_index_get(x, &worse, 1), VALUE, "");
    BAD(fac_index_get(x, &none, 1), TYPE, "NULL");
    BAD(fac_index_get(x, NULL, 1), VALUE, "");
    BAD(fac_index_get(x, &at, -1), VALUE, "");
    BAD(fac_index_set(x, &at, 1, FAC_VALUE(0)), INDEX, "index 5");
    const double wild[] = {NAN, INFINITY, 0x1p63, -0x1p64};
    for (int i = 0; i < 4; i++)
        FAILS(fac_item_int(fac_full(FAC_NO_DIMS, wild[i])) == 0, OVERFLOW, "int64's range");
    fac_tensor *most = fac_full(FAC_NO_DIMS, fac_unsigned(UINT64_MAX), .dtype = FAC_UINT64);
    FAILS(fac_item_int(most) == 0, OVERFLOW, "1.8446744073709552e+19 is out of int64's range");
    CHECK(fac_item_int(fac_full(FAC_NO_DIMS, -0x1p63)) == INT64_MIN);
    BAD(fac_narrow(x, 0, 1, 5), RUNTIME, "exceeds");
    BAD(fac_narrow(x, 1, INT64_MAX, INT64_MAX), INDEX, "start out of range");
    CHECK(fac_size(x, 2) == -1 && fac_size(x, -3) == -1 && fac_size(x, -1) == 3);
    CHECK(fac_stride(x, 9) == -1);
    CHECK(fac_item_float(fac_sum(x)) == 6);
}

/* --- options -----------------------------------------------------------------------------------
 */

/* fac_sum_options as a caller knew it before `keepdim` was appended, and as a later one knows it.
 */
struct older_sum {
    size_t size_;
    fac_ints dim;
};
struct newer_sum {
    fac_sum_options now;
    int64_t later;
};

static void options(void) {
    fac_tensor *x = fac_ones(fac_dims(2, 3));
    struct {
        struct older_sum known;
        unsigned char garbage[64];
    } old = {.known = {sizeof(struct older_sum), fac_dims(1)}};
    memset(old.garbage, 0xff, sizeof old.garbage);
    fac_tensor *y = fac_sum_ex(x, (const void *)&old);
    CHECK(fac_dim(y) == 1 && fac_size(y, 0) == 2 && fac_dtype_of(y) == FAC_FLOAT32);
    struct newer_sum newer = {.now = {.size_ = sizeof newer, .dim = fac_dims(1), .keepdim = true}};
    CHECK(fac_dim(fac_sum_ex(x, &newer.now)) == 2);
    newer.later = 1;
    BAD(fac_sum_ex(x, &newer.now), NOT_IMPLEMENTED, "does not know");
    CHECK(fac_dim(fac_sum_ex(x, NULL)) == 0);
    BAD(fac_sum_ex(x, &(fac_sum_options){0}), VALUE, "size");
    BAD(fac_sum_ex(fac_bad, &(fac_sum_options){0}), VALUE, "size");
    fac_tensor *p = fac_ones(fac_dims(1));
    fac_set_requires_grad(p, true);
    FAILS(fac_sgd_ex(fac_list(p), 0.1, &(fac_sgd_options){.momentum = 0.9}) == NULL, VALUE, "size");
    FAILS(!fac_backward_ex(p, &(fac_backward_options){.retain_graph = true}), VALUE, "size");
    CHECK(fac_backward_ex(p, NULL) && fac_item_float(fac_grad(p)) == 1);
    FAILS(!fac_backward_ex(p, &(fac_backward_options){.size = sizeof(fac_backward_options),
                                                      .inputs = {NULL, 2}}),
          VALUE, "2 tensors");
    FAILS(fac_adamw(fac_list(p), -1) == NULL, VALUE, "learning rate");
    FAILS(fac_adamw(fac_list(p, p), 1) == NULL, VALUE, "twice");
    FAILS(fac_adamw(((fac_tensors){NULL, 3}), 1) == NULL, VALUE, "3 ");
    FAILS(fac_adamw(((fac_tensors){&p, -3}), 1) == NULL, VALUE, "-3 ");
}

/* --- gradients ---------------------------------------------------------------------------------
 */

static void gradients(void) {
    fac_tensor *x = fac_ones(fac_dims(3)), *r = fac_bad;
    FAILS(!fac_backward(x), RUNTIME, "does not require grad");
    fac_set_requires_grad(x, true);
    FAILS(!fac_backward(fac_mul(x, 2)), RUNTIME, "scalar outputs");
    FAILS(!fac_set_grad(x, fac_ones(fac_dims(4))), RUNTIME, "");
    FAILS(!fac_set_grad(x, fac_ones(fac_dims(3), .dtype = FAC_FLOAT64)), RUNTIME, "");
    FAILS(!fac_set_requires_grad(fac_mul(x, 2), false), RUNTIME, "leaf");
    FAILS(!fac_gradients(fac_list(NULL), (fac_tensors){0}, fac_list(x), false, false, false, &r) &&
              r == fac_bad,
          TYPE, "NULL");
    FAILS(
        !fac_gradients(fac_list(fac_sum(x)), fac_list(x, x), fac_list(x), false, false, false, &r),
        VALUE, "2 gradients");
    FAILS(!fac_gradients(fac_list(fac_sum(x)), (fac_tensors){0}, fac_list(x), false, false, false,
                         NULL),
          TYPE, "no room");
    fac_tensor *elsewhere = fac_empty(fac_dims(3), .device = {FAC_META, -1});
    FAILS(!fac_set_grad(x, elsewhere), RUNTIME, "device type 'meta' to a tensor");
    FAILS(!fac_gradients(fac_list(fac_mul(x, 2)), fac_list(elsewhere), fac_list(x), false, false,
                         false, &r),
          RUNTIME, "expected device cpu but got meta");
    FAILS(!fac_gradients(fac_list(fac_sum(x)), fac_list(x), fac_list(x), false, false, false, &r),
          RUNTIME, "hape");
    fac_tensor *y = fac_sum(fac_mul(x, x));
    CHECK(fac_backward(y));
    FAILS(!fac_backward(y), RUNTIME, "second time");
    BAD(fac_add_(x, 1), RUNTIME, "leaf");
    BAD(fac_exp_out(x, fac_ones(fac_dims(3))), RUNTIME, "out=");
    BAD(fac_exp_out(fac_ones(fac_dims(3)), x), RUNTIME, "exp(): functions with out=");
    BAD(fac_xlogy_out(fac_ones(fac_dims(3)), x, x), RUNTIME, "xlogy(): functions with out=");
    CHECK(fac_item_float(fac_sum(fac_grad(x))) == 6);
}

/* --- captures ----------------------------------------------------------------------------------
 */

static void *free_elsewhere(void *program) {
    fac_program_free(program);
    return fac_error_kind() == FAC_ERROR_RUNTIME ? program : NULL;
}

static void captures(void) {
    const int64_t rows[] = {1, 2};
    fac_tensor *w = fac_ones(fac_dims(4, 2)), *at = fac_from_data(rows, FAC_INT64, fac_dims(2));
    FAILS(!fac_replay(NULL), RUNTIME, "not ended");
    FAILS(!fac_capture_end(NULL), RUNTIME, "not what is being recorded");
    fac_program *outer = fac_capture_begin(), *inner = fac_capture_begin();
    fac_tensor *y = fac_sum(fac_embedding(w, at));
    FAILS(!fac_capture_end(outer), RUNTIME, "not what is being recorded");
    FAILS(!fac_replay(inner), RUNTIME, "not ended");
    FAILS(isnan(fac_item_float(y)), RUNTIME, "frozen");
    pthread_t other;
    void *refused = NULL;
    CHECK(pthread_create(&other, NULL, free_elsewhere, outer) == 0);
    pthread_join(other, &refused);
    CHECK_SAYS(refused == outer, "only its own thread frees what is recorded");
    fac_program_free(outer); /* while it is recorded, with another within it */
    CHECK(fac_ok(fac_mul(w, 2)) && fac_program_length(inner) == 3);
    CHECK(fac_capture_end(inner) && fac_replay(inner) && fac_item_float(y) == 4);
    fac_fill_(at, 77);
    FAILS(!fac_replay(inner), INDEX, "out of range"); /* and what was begun is let go of */
    fac_program_free(inner);
}

/* --- scopes and errors -------------------------------------------------------------------------
 */

static void scopes(void) {
    fac_scope *outer = fac_scope_open();
    fac_tensor *x = fac_ones(fac_dims(3));
    fac_scope *a = fac_scope_open(), *b = fac_scope_open();
    fac_tensor *kept = fac_keep(fac_exp(x));
    fac_scope_close(a); /* and b */
    fac_scope_close(b);
    FAILS(true, VALUE, "no such scope is open");
    fac_scope_close((fac_scope *)&kept);
    FAILS(true, VALUE, "no such scope is open");
    fac_scope_close(NULL);
    CHECK(fac_item_float(fac_sum(x)) == 3 && fac_item_float(fac_sum(kept)) > 8);
    fac_release(kept);
    fac_scope_close(outer);
}

static void errors(void) {
    fac_tensor *x = fac_ones(fac_dims(2));
    fac_add(x, fac_ones(fac_dims(3))); /* nobody reads this */
    fac_tensor *y = fac_add(x, 1);
    CHECK(fac_ok(y));
    fac_add(x, fac_ones(fac_dims(3)));
    fac_select(x, 0, 9);
    CHECK_SAYS(strstr(fac_error(), "(3)") != NULL, "the first error is kept");
    fac_select(x, 0, 9);
    CHECK(fac_error_kind() == FAC_ERROR_INDEX && strcmp(fac_error_op(), "select") == 0);
    fac_select(x, 0, 9);
    CHECK(strstr(fac_error(), "out of range") != NULL && strcmp(fac_error(), "") == 0);
    fac_select(x, 0, 9);
    fac_clear_error();
    CHECK(fac_error_kind() == FAC_OK && strcmp(fac_error_op(), "") == 0);
    fac_set_error(FAC_ERROR_VALUE, "%0300d", 7);
    CHECK(strlen(fac_error()) == 300);
    for (int n = 10; n < 1000; n *= 50) { /* of what was read last, short and long */
        fac_set_error(FAC_ERROR_VALUE, "%0*d", n, 7);
        fac_set_error(FAC_ERROR_VALUE, "before: %s", (fac_error()));
        const char *text = fac_error();
        CHECK(strlen(text) == (size_t)n + 8 && memcmp(text, "before: 00", 10) == 0);
    }
    fac_set_error(FAC_OK, "not an error");
    CHECK(fac_error_kind() == FAC_OK);
}

/* --- every operator ----------------------------------------------------------------------------
 */

enum { TENSORS = 24, DRAWS = 60 };
static fac_tensor *chest[TENSORS];
static int in_chest;
static uint64_t seed = 1;

static int draw(int n) { /* splitmix64, Steele, Lea and Flood 2014 */
    uint64_t z = seed += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (int)((z ^ (z >> 31)) % (uint64_t)n);
}

static void put(fac_tensor *t) {
    if (fac_ok(t))
        chest[in_chest++] = t;
    CHECK(fac_ok(t));
}

static void fill_chest(void) {
    in_chest = 0;
    put(fac_ones(fac_dims(2, 3)));
    put(fac_ones(fac_dims(3)));
    put(fac_ones(FAC_NO_DIMS));
    put(fac_ones(fac_dims(0)));
    put(fac_ones(fac_dims(2, 0, 3)));
    put(fac_ones(fac_dims(1, 2, 4, 4)));
    put(fac_ones(fac_dims(2, 2, 3, 3)));
    put(fac_ones(fac_dims(2, 3, 4)));
    put(fac_transpose(fac_ones(fac_dims(3, 2)), 0, 1));
    put(fac_expand(fac_ones(fac_dims(1, 3)), fac_dims(2, 3)));
    put(fac_ones(fac_dims(2, 3), .dtype = FAC_FLOAT64));
    put(fac_ones(fac_dims(2, 3), .dtype = FAC_BFLOAT16));
    put(fac_ones(fac_dims(2, 3), .dtype = FAC_COMPLEX64));
    put(fac_conj(fac_ones(fac_dims(2, 3), .dtype = FAC_COMPLEX64)));
    put(fac_ones(fac_dims(2, 3), .dtype = FAC_BOOL));
    put(fac_arange(0, 3));
    put(fac_full(fac_dims(2, 3), -100, .dtype = FAC_INT64));
    put(fac_full(fac_dims(3), INT64_MAX, .dtype = FAC_INT64));
    put(fac_full(fac_dims(2, 3), 200, .dtype = FAC_UINT8));
    put(fac_full(fac_dims(2, 3), NAN));
    put(fac_to_sparse(fac_ones(fac_dims(2, 3))));
    put(fac_empty(fac_dims(2, 3), .device = {FAC_META, -1}));
    fac_tensor *leaf = fac_ones(fac_dims(2, 3));
    CHECK(fac_set_requires_grad(leaf, true));
    put(leaf);
    put(fac_mul(leaf, 2));
}

static int64_t any_int(void) {
    static const int64_t values[] = {
        0, 1, 2, 3, -1, -2, 5, -7, 100, INT64_MAX, INT64_MIN, INT64_MAX / 2, (int64_t)1 << 62};
    return values[draw(draw(2) ? 5 : (int)(sizeof values / sizeof *values))];
}

static double any_float(void) {
    static const double values[] = {0, 1, -1, 0.5, 1e-5, NAN, INFINITY, -INFINITY, 1e300};
    return values[draw(9)];
}

static fac_scalar any_number(void) {
    switch (draw(6)) {
    case 0:
        return fac_float(any_float());
    case 1:
        return fac_boolean(draw(2));
    case 2:
        return fac_complex_number(1, -1);
    case 3:
        return draw(4) ? fac_int(2) : (fac_scalar){.kind = (fac_dtype)draw(30)};
    case 4:
        return fac_unsigned(UINT64_MAX);
    default:
        return fac_int(any_int());
    }
}

static bool gave_bad; /* fac_bad, which may pass without an error */

static fac_tensor *any_tensor(void) {
    int i = draw(in_chest + 2);
    if (i > in_chest && draw(4) == 0) {
        gave_bad = true;
        return fac_bad;
    }
    return i < in_chest ? chest[i] : i == in_chest ? NULL : chest[0];
}

/* Room for the lists of one call. */
static int64_t ints[16][4];
static fac_tensor *lists[8][4];

static void fill(const fac__param *p, void *field, int k) {
    static const char *const strings[] = {"mean", "none", "sum", "floor", "trunc", "tanh", "", "?"};
    bool leave = (p->flags & FAC__P_OPTIONAL) && draw(2);
    fac_ints l;
    if (leave && p->type != FAC__T_STR && p->type != FAC__T_SCALAR && p->type != FAC__T_INTS)
        return;
    switch (p->type) {
    case FAC__T_TENSOR:
        *(fac_tensor **)field = any_tensor();
        break;
    case FAC__T_VALUE:
        *(fac_value *)field =
            draw(3) ? fac_value_of_tensor(any_tensor()) : fac_value_of_number(any_number());
        break;
    case FAC__T_TENSORS:
        for (int i = 0; i < 4; i++)
            lists[k % 8][i] = draw(3) ? chest[0] : any_tensor();
        *(fac_tensors *)field = (fac_tensors){draw(20) ? lists[k % 8] : NULL, draw(6) - 1};
        if (((fac_tensors *)field)->n > 4)
            ((fac_tensors *)field)->n = 4;
        break;
    case FAC__T_SCALAR:
        *(fac_scalar *)field = any_number();
        break;
    case FAC__T_INT:
        *(int64_t *)field = any_int();
        break;
    case FAC__T_OPT_INT:
        *(fac_opt_int *)field = fac_some(any_int());
        break;
    case FAC__T_INTS:
        for (int i = 0; i < 4; i++)
            ints[k % 16][i] = any_int();
        l = (fac_ints){draw(20) ? ints[k % 16] : NULL, draw(6) - 1, draw(20) != 0};
        if (p->list_size > 0 && draw(4))
            l.n = p->list_size < 4 ? p->list_size : 4;
        *(fac_ints *)field = l;
        break;
    case FAC__T_FLOAT:
        *(double *)field = any_float();
        break;
    case FAC__T_OPT_FLOAT:
        *(fac_opt_float *)field = fac_some_float(any_float());
        break;
    case FAC__T_BOOL:
        *(bool *)field = draw(2);
        break;
    case FAC__T_OPT_BOOL:
        *(fac_opt_bool *)field = (fac_opt_bool)draw(3);
        break;
    case FAC__T_STR:
        *(const char **)field = draw(10) || (p->flags & FAC__P_OPTIONAL) ? strings[draw(8)] : NULL;
        break;
    case FAC__T_DTYPE:
        *(fac_dtype *)field = (fac_dtype)(draw(20) - 1);
        break;
    case FAC__T_LAYOUT:
        *(fac_layout *)field = (fac_layout)(draw(5) - 1);
        break;
    case FAC__T_DEVICE:
        *(fac_device *)field = (fac_device){(int8_t)(draw(6) - 1), (int8_t)(draw(4) - 2)};
        break;
    case FAC__T_FORMAT:
        *(fac_memory_format *)field = (fac_memory_format)(draw(7) - 1);
        break;
    default:
        break; /* the default generator */
    }
}

/* An op that saves an argument and writes into it is saved by itself and never goes, as in PyTorch:
 * such calls are not recorded. */
static bool would_keep_itself(const fac__op *op, const void *args) {
    const fac_tensor *self = fac__arg_tensor(args, op->tensor_offsets[0]);
    bool shared = self == NULL;
    for (int i = 1; i < op->ntensors && !shared; i++) {
        const fac_tensor *t = fac__arg_tensor(args, op->tensor_offsets[i]);
        shared = t != NULL && t->storage == self->storage;
    }
    for (int i = 0; i < op->nlists && !shared; i++) {
        const fac_tensors *l = (const void *)((const char *)args + op->list_offsets[i]);
        for (int k = 0; k < l->n && l->values != NULL && !shared; k++)
            shared = l->values[k] != NULL && l->values[k]->storage == self->storage;
    }
    return shared;
}

static bool call_inplace(const fac__op *op, void *args) {
    bool mode = fac_set_grad_mode(!would_keep_itself(op, args));
    bool ok = fac_ok(fac__api_inplace(op, args));
    fac_set_grad_mode(mode);
    return ok;
}

static bool call_any(const fac__op *op, void *args) {
    bool one = op->nout == 1 && !(op->flags & (FAC__OP_NUMBER | FAC__OP_LIST));
    int how = one ? draw(4) : 3;
    if (how == 0 && (op->flags & FAC__OP_INPLACE) && op->ntensors > 0)
        return call_inplace(op, args);
    if (how == 1 && (op->flags & FAC__OP_OUT))
        return fac_ok(fac__api_out(op, args, any_tensor()));
    return call_new(op, args);
}

static void every_operator(void) {
    bool trace = getenv("FACULA_TEST_TRACE") != NULL; /* for finding out which one crashed */
    const char *only = getenv("FACULA_TEST_OP");
    int calls = 0, succeeded = 0;
    for (int id = 0; id < FAC__NUM_OPS; id++) {
        const fac__op *op = fac__ops[id];
        if (only != NULL && strcmp(only, op->name) != 0)
            continue;
        seed = (uint64_t)id; /* whatever is drawn for the others */
        for (int k = 0; k < DRAWS; k++) {
            _Alignas(16) char args[512] = {0};
            fac_scope *s = fac_scope_open();
            fill_chest();
            gave_bad = false;
            for (int i = 0; i < op->nparams; i++)
                fill(&op->params[i], args + op->params[i].offset, i);
            if (trace)
                fprintf(stderr, "%s\n", op->name);
            bool ok = call_any(op, args);
            bool told = fac_error_kind() != FAC_OK;
            if (ok == told && (told || !gave_bad))
                check_at(false, op->name, ok ? "succeeded with an error" : "silent", k);
            calls++;
            succeeded += ok;
            fac_clear_error();
            fac_scope_close(s);
        }
    }
    printf("%d calls, of which %d found something to compute\n", calls, succeeded);
    CHECK(succeeded > calls / 50);
}

int main(void) {
    fac_scope *s = fac_scope_open();
    nothing_given();
    bad_given();
    null_inspected();
    sizes();
    absurd();
    gradients_by_hand();
    kinds();
    numbers();
    reductions();
    indices();
    options();
    gradients();
    captures();
    scopes();
    errors();
    every_operator();
    fac_scope_close(s);
    return check_report();
}
