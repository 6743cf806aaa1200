/* What is said of arguments that fit no signature, in PyTorch's words. */
#include "args.h"

#include <string.h>

void fac__complain(fac__failure *f, PyObject *type, const char *format, ...) {
    if (f == NULL)
        return;
    va_list v;
    va_start(v, format);
    f->type = type;
    vsnprintf(f->text, sizeof f->text, format, v);
    va_end(v);
}

void fac__missing_complaint(fac__failure *f, const fac__entry *e, const fac__op *op,
                            uint64_t seen) {
    if (f == NULL)
        return;
    char missing[256] = "";
    int n = 0;
    for (int i = 0; i < op->nparams; i++) {
        if ((seen & (1ull << i)) || !(op->required & (1u << i)))
            continue;
        size_t used = strlen(missing);
        snprintf(missing + used, sizeof missing - used, "%s\"%s\"", n > 0 ? ", " : "",
                 op->params[i].name);
        n++;
    }
    fac__complain(f, PyExc_TypeError, "%s() missing %d required positional argument%s: %s", e->name,
                  n, n == 1 ? "s" : "", missing); /* as PyTorch has it */
}

void fac__type_complaint(fac__failure *f, const fac__entry *e, const fac__param *p, int position,
                         PyObject *o) {
    if (f == NULL)
        return;
    char where[32] = "";
    if (position > 0)
        snprintf(where, sizeof where, " (position %d)", position);
    if ((p->type == FAC__T_TENSORS || p->type == FAC__T_INTS) &&
        (PyTuple_Check(o) || PyList_Check(o))) {
        for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); i++) {
            PyObject *item = PySequence_Fast_GET_ITEM(o, i);
            int64_t unused;
            bool fits = p->type == FAC__T_TENSORS ? fac__tensor_check(item)
                                                  : fac__to_int(item, &unused) == 1;
            PyErr_Clear();
            if (fits)
                continue;
            if (p->type == FAC__T_TENSORS)
                fac__complain(f, PyExc_TypeError,
                              "expected Tensor as element %d in argument %d, but got %s", (int)i,
                              position - 1, Py_TYPE(item)->tp_name);
            else
                fac__complain(
                    f, PyExc_TypeError,
                    "%s(): argument '%s'%s must be %s, but found element of type %s at pos %d",
                    e->name, p->name, where, p->text, Py_TYPE(item)->tp_name, (int)i);
            return;
        }
    }
    fac__complain(f, PyExc_TypeError, "%s(): argument '%s'%s must be %s, not %s", e->name, p->name,
                  where, p->text, Py_TYPE(o)->tp_name);
}

/* "(Tensor input, *, Number alpha = 1, Tensor out = None)" */
static void signature(const fac__op *op, bool method, char *s, size_t size) {
    size_t n = 0;
    bool star = false;
#define PUT(...) n += (size_t)snprintf(s + n, n < size ? size - n : 0, __VA_ARGS__)
    PUT("(");
    int first = method ? 1 : 0;
    bool out = (op->flags & FAC__OP_OUT) && !method;
    const char *out_text = op->nout > 1 ? "tuple of Tensors out = None" : "Tensor out = None";
    for (int i = first; i < op->nparams; i++) {
        const fac__param *p = &op->params[i];
        if (i > first)
            PUT(", ");
        if ((p->flags & FAC__P_KEYWORD) && !star) {
            PUT("*, ");
            star = true;
        }
        if (out && (op->flags & FAC__OP_CREATION) && p->type == FAC__T_DTYPE) {
            PUT("%s, ", out_text);
            out = false;
        }
        PUT("%s %s", p->text, p->name);
        if (p->initial != NULL)
            PUT(p->type == FAC__T_STR && strcmp(p->initial, "None") != 0 ? " = \"%s\"" : " = %s",
                p->initial);
    }
    if (out)
        PUT("%s%s%s", op->nparams > first ? ", " : "", star ? "" : "*, ", out_text);
    if (op->flags & FAC__OP_CREATION)
        PUT(", bool pin_memory = False, bool requires_grad = False");
    PUT(")");
#undef PUT
}

/* The entry's signatures as a tuple of texts. */
static PyObject *signatures(const fac__entry *e, bool method) {
    PyObject *list = PyList_New(0);
    const char *given = e->signature;
    for (int i = 0; list != NULL && (e->signature != NULL ? given != NULL : i < e->n); i++) {
        char s[1024];
        if (e->signature != NULL) {
            const char *end = strchr(given, '\n');
            size_t n = end == NULL ? strlen(given) : (size_t)(end - given);
            snprintf(s, sizeof s, "%.*s", (int)n, given);
            given = end == NULL ? NULL : end + 1;
        } else {
            signature(e->ops[i], method, s, sizeof s);
        }
        PyObject *text = PyUnicode_FromString(s);
        if (text == NULL || PyList_Append(list, text) < 0)
            Py_CLEAR(list);
        Py_XDECREF(text);
    }
    PyObject *texts = list == NULL ? NULL : PyList_AsTuple(list);
    Py_XDECREF(list);
    return texts;
}

PyObject *fac__no_overload(const fac__entry *e, PyObject *self, PyObject *const *args, Py_ssize_t n,
                           PyObject *names, const fac__failure *failure) {
    PyObject *module = PyImport_ImportModule("facula._signatures");
    PyObject *texts = signatures(e, self != NULL), *given = PyTuple_New(n), *named = PyDict_New();
    PyObject *text = NULL, *result = NULL;
    bool ok = module != NULL && texts != NULL && given != NULL && named != NULL;
    for (Py_ssize_t i = 0; ok && i < n; i++)
        PyTuple_SET_ITEM(given, i, Py_NewRef(args[i]));
    Py_ssize_t nnames = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    for (Py_ssize_t i = 0; ok && i < nnames; i++)
        ok = PyDict_SetItem(named, PyTuple_GET_ITEM(names, i), args[n + i]) == 0;
    if (ok)
        result = PyObject_CallMethod(module, "deprecated", "sOOOO", e->name,
                                     self == NULL ? Py_None : self, texts, given, named);
    if (result == Py_NotImplemented) {
        Py_CLEAR(result);
        text = PyObject_CallMethod(module, "error", "sOOO", e->name, texts, given, named);
    }
    if (text != NULL && text != Py_None)
        PyErr_SetObject(PyExc_TypeError, text);
    else if (text != NULL && failure->type != NULL)
        PyErr_SetString(failure->type, failure->text);
    else if (text != NULL)
        PyErr_Format(PyExc_TypeError, "%s() received an invalid combination of arguments", e->name);
    Py_XDECREF(text);
    Py_XDECREF(module);
    Py_XDECREF(texts);
    Py_XDECREF(given);
    Py_XDECREF(named);
    return result;
}
