/* Where C programs come in: what generated wrappers call before and after the gate.
 *
 * Python's parser hands over arguments that have the right types; C's compiler lets more through: a
 * NULL where a tensor is needed, a list without its integers, an enumerator that there is not, an
 * options struct of another version. These are found here, so that nothing behind the gate meets
 * them. Results go to the innermost scope. */
#include "core.h"

#include <string.h>

/* --- options --------------------------------------------------------------------------------- */

/* Note [Options]. An options struct begins with its size as its caller's header had it, and fields
 * are only ever appended. What an older caller's struct lacks is zero, which means the default;
 * what a newer one has more must be zero, since this library cannot heed it. */
const void *fac__options_other(const void *given, void *room, size_t size) {
    memset(room, 0, size);
    if (given == NULL)
        return room;
    const unsigned char *bytes = given;
    size_t theirs = *(const size_t *)given;
    if (theirs < sizeof theirs) {
        fac__fail(FAC_ERROR_VALUE, "the options do not begin with their size; set it to sizeof");
        return NULL;
    }
    for (size_t i = size; i < theirs; i++)
        if (bytes[i] != 0) {
            fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                      "an option is given that this version of facula does not know");
            return NULL;
        }
    memcpy(room, given, theirs < size ? theirs : size);
    return room;
}

/* --- arguments ------------------------------------------------------------------------------- */

static int not_given(const fac__op *op, const fac__param *p) {
    return fac__fail(FAC_ERROR_TYPE, "%s(): argument '%s' must be %s, not NULL", op->python,
                     p->name, p->text);
}

static int no_such(const fac__op *op, const fac__param *p, int value) {
    return fac__fail(FAC_ERROR_VALUE, "%s(): argument '%s' is %d, which is no %s", op->python,
                     p->name, value, p->text);
}

int fac__check_list(const char *function, fac_tensors l) {
    if (l.n >= 0 && (l.n == 0 || l.values != NULL))
        return 0;
    return fac__fail(FAC_ERROR_VALUE, "%s: a list says it has %d tensors%s", function, l.n,
                     l.n < 0 ? "" : " and gives none");
}

static int check_number(const fac__op *op, const fac__param *p, fac_scalar s) {
    if (fac__is_number(s))
        return 0;
    if (!fac__given(s))
        return p->flags & (FAC__P_OPTIONAL | FAC__P_NONE) ? 0 : not_given(op, p);
    return fac__fail(FAC_ERROR_VALUE, "%s(): argument '%s' is a number of kind %d, which is none",
                     op->python, p->name, (int)s.kind);
}

/* A tensor argument that is NULL. */
static int check_absent(const fac__op *op, const void *args, uint16_t offset) {
    const fac__param *p = op->params;
    while (p->offset != offset)
        p++;
    if (p->type == FAC__T_VALUE)
        return check_number(
            op, p, ((const fac_value *)(const void *)((const char *)args + offset))->number);
    return p->flags & (FAC__P_OPTIONAL | FAC__P_NONE) ? 0 : not_given(op, p);
}

static int check_list(const fac__op *op, const fac__param *p, const fac_tensors *l) {
    if (l->n < 0 || (l->n > 0 && l->values == NULL))
        return fac__fail(FAC_ERROR_VALUE, "%s(): argument '%s' says it has %d tensors%s",
                         op->python, p->name, l->n, l->n < 0 ? "" : " and gives none");
    for (int i = 0; i < l->n && !(p->flags & FAC__P_LIST_NONE); i++)
        if (l->values[i] == NULL)
            return fac__fail(FAC_ERROR_TYPE, "%s(): element %d of argument '%s' is NULL",
                             op->python, i, p->name);
    return 0;
}

static int check_ints(const fac__op *op, const fac__param *p, const fac_ints *l) {
    if (l->n < 0 || (l->n > 0 && l->values == NULL))
        return fac__fail(FAC_ERROR_VALUE, "%s(): argument '%s' says it has %d integers%s",
                         op->python, p->name, l->n, l->n < 0 ? "" : " and gives none");
    if (l->n > FAC_MAX_DIMS && !(op->flags & FAC__OP_LIST))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "%s(): argument '%s' has %d integers; tensors have at most %d dimensions",
                         op->python, p->name, l->n, FAC_MAX_DIMS);
    if (l->n > 0 && !l->given)
        return fac__fail(FAC_ERROR_VALUE, "%s(): argument '%s' has integers but is not `given`",
                         op->python, p->name);
    return 0;
}

static int check_range(const fac__op *op, const fac__param *p, int value, int end) {
    return value >= 0 && value < end ? 0 : no_such(op, p, value);
}

static int check_one(const fac__op *op, const fac__param *p, const void *a) {
    switch (p->type) {
    case FAC__T_TENSORS:
        return check_list(op, p, a);
    case FAC__T_INTS:
        return check_ints(op, p, a);
    case FAC__T_SCALAR:
        return check_number(op, p, *(const fac_scalar *)a);
    case FAC__T_DTYPE:
        if (*(const fac_dtype *)a == FAC_DTYPE_NONE &&
            !(p->flags & (FAC__P_OPTIONAL | FAC__P_NONE)))
            return no_such(op, p, FAC_DTYPE_NONE);
        return check_range(op, p, (int)*(const fac_dtype *)a, FAC_NUM_DTYPES);
    case FAC__T_LAYOUT:
        return check_range(op, p, (int)*(const fac_layout *)a, FAC_SPARSE_COO + 1);
    case FAC__T_FORMAT:
        return check_range(op, p, (int)*(const fac_memory_format *)a, FAC_CHANNELS_LAST_3D + 1);
    case FAC__T_DEVICE:
        return check_range(op, p, ((const fac_device *)a)->type, FAC_NUM_DEVICE_TYPES);
    case FAC__T_STR:
        return *(const char *const *)a == NULL && !(p->flags & (FAC__P_OPTIONAL | FAC__P_NONE))
                   ? not_given(op, p)
                   : 0;
    default:
        return 0;
    }
}

static int check(const fac__op *op, const void *args) {
    for (int i = 0; i < op->ntensors; i++)
        if (FAC_UNLIKELY(fac__arg_tensor(args, op->tensor_offsets[i]) == NULL) &&
            check_absent(op, args, op->tensor_offsets[i]) != 0)
            return -1;
    if (!(op->flags & FAC__OP_CHECKED))
        return 0;
    for (int i = 0; i < op->nparams; i++)
        if (check_one(op, &op->params[i], (const char *)args + op->params[i].offset) != 0)
            return -1;
    return 0;
}

static int refuse(const fac__op *op) {
    fac__error_op(op);
    return -1;
}

static inline int call(const fac__op *op, void *args, fac__outs *outs) {
    bool checked = (op->flags & FAC__OP_CHECKED) != 0; /* before lists are read */
    if (FAC_UNLIKELY(checked) && check(op, args) != 0)
        return refuse(op);
    uint32_t f = fac__features_of(op, args);
    if (FAC_UNLIKELY(f & FAC__L_ABSENT) && !checked && check(op, args) != 0)
        return refuse(op);
    return fac__call_as(op, args, outs, f);
}

/* --- calls ----------------------------------------------------------------------------------- */

static fac_tensor *first(const fac__op *op, void *args, fac__outs *outs) {
    if (call(op, args, outs) != 0)
        return fac_bad;
    return fac__scope_adopt(outs->v[0]);
}

fac_tensor *fac__api_call(const fac__op *op, void *args) {
    fac__outs outs;
    fac__outs_init(&outs, op->nout);
    return first(op, args, &outs);
}

fac_tensor *fac__api_inplace(const fac__op *op, void *args) {
    fac__outs outs;
    fac__outs_init(&outs, 1);
    outs.how = FAC__CALL_INPLACE;
    memset(outs.given, 0, sizeof outs.given);
    outs.given[0] = fac__arg_tensor(args, op->tensor_offsets[0]);
    if (outs.given[0] == NULL) {
        fac__fail(FAC_ERROR_TYPE, "%s_(): the tensor to write into is not given", op->python);
        fac__error_op(op);
    }
    if (fac__is_bad(outs.given[0]) || outs.given[0] == NULL)
        return fac_bad;
    return first(op, args, &outs);
}

fac_tensor *fac__api_out(const fac__op *op, void *args, fac_tensor *out) {
    fac__outs outs;
    fac__outs_init(&outs, op->nout);
    memset(outs.given, 0, sizeof outs.given);
    outs.how = FAC__CALL_OUT;
    outs.given[0] = out;
    if (out == NULL) {
        fac__fail(FAC_ERROR_TYPE, "%s(): out is not given", op->python);
        fac__error_op(op);
    }
    if (fac__is_bad(out) || out == NULL)
        return fac_bad;
    return first(op, args, &outs);
}

int fac__api_failed(int n, fac_tensor **results) {
    for (int i = 0; i < n && results != NULL; i++)
        results[i] = fac_bad;
    return -1;
}

int fac__api_multi(const fac__op *op, void *args, int n, fac_tensor **results) {
    fac__outs outs;
    fac__outs_init(&outs, op->nout);
    if (n > 0 && results == NULL)
        return fac__fail(FAC_ERROR_TYPE, "%s(): no room is given for its results", op->python);
    if (call(op, args, &outs) != 0)
        return fac__api_failed(n, results);
    int r = 0;
    for (int i = 0; i < n; i++) {
        fac_tensor *t = i < outs.n ? outs.v[i] : NULL;
        results[i] = t == NULL ? NULL : fac__scope_adopt(t);
        if (fac__is_bad(results[i]))
            r = -1;
    }
    return r == 0 ? 0 : fac__api_failed(n, results);
}

/* A failed list is empty, but whoever reads its elements without asking finds fac_bad there. */
fac_tensor *const fac__bad_list[FAC_MAX_DIMS] = {
#define BAD4 &fac__bad_tensor, &fac__bad_tensor, &fac__bad_tensor, &fac__bad_tensor
    BAD4, BAD4, BAD4, BAD4, BAD4, BAD4, BAD4, BAD4, BAD4, BAD4, BAD4, BAD4, BAD4, BAD4, BAD4, BAD4,
#undef BAD4
};

fac_tensors fac__api_no_list(void) {
    return (fac_tensors){fac__bad_list, 0};
}

fac_tensors fac__api_list(const fac__op *op, void *args) {
    fac_tensors result = fac__api_no_list();
    fac__outs outs;
    fac__outs_init(&outs, 0);
    fac_tensor **values = call(op, args, &outs) != 0 ? NULL : fac__scope_array(outs.n);
    if (values == NULL) {
        fac__outs_clear(&outs);
    } else {
        bool all = true;
        for (int i = 0; i < outs.n; i++) {
            values[i] = fac__scope_adopt(outs.v[i]);
            all = all && !fac__is_bad(values[i]);
        }
        if (all)
            result = (fac_tensors){values, outs.n};
    }
    fac__outs_done(&outs);
    return result;
}

fac_scalar fac__api_number(const fac__op *op, void *args) {
    fac__outs outs;
    fac__outs_init(&outs, 0);
    if (call(op, args, &outs) != 0)
        return (fac_scalar){0};
    return outs.number;
}
