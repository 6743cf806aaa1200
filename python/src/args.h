/* Between the parts of the argument parser: args.c, values.c, complain.c. */
#ifndef FAC_ARGS_H
#define FAC_ARGS_H

#include "ext.h"

/* Room for what argument structs point to. */
typedef struct {
    int64_t ints[192];
    int nints;
    fac_tensor *tensors[64];
    int ntensors;
    fac_tensor **more[6]; /* longer lists, one a list parameter at the most */
    int nmore;
    fac_tensor *out[4];
    int nout;                 /* out= tensors; -1: not given */
    PyObject *device;         /* what was given as one, NULL: nothing; */
    fac_device *device_field; /* where it goes */
    bool requires_grad;
    bool pin_memory;
} fac__pool;

/* 1 converted, 0 another type, -1 exception set. */
int fac__convert(const fac__entry *e, fac__pool *pool, const fac__param *p, PyObject *o,
                 char *args);
/* One of several integers. What the first of them is decides whether the overload fits; of the
 * others, and of numbers too large, the complaint is final. */
int fac__to_element(const fac__entry *e, const fac__param *p, PyObject *o, Py_ssize_t i,
                    int64_t *out);

/* The precise complaint of a single overload. The functions take NULL for one while nobody wants to
 * know yet. */
typedef struct {
    char text[512];
    PyObject *type;
} fac__failure;

void fac__complain(fac__failure *f, PyObject *type, const char *format, ...);
/* position from 1, 0: given by name */
void fac__type_complaint(fac__failure *f, const fac__entry *e, const fac__param *p, int position,
                         PyObject *o);
void fac__missing_complaint(fac__failure *f, const fac__entry *e, const fac__op *op, uint64_t seen);
/* A call that no overload took: facula._signatures knows a deprecated form that it is, or what to
 * say of it; `failure` is raised where it finds nothing wrong. */
PyObject *fac__no_overload(const fac__entry *e, PyObject *self, PyObject *const *args, Py_ssize_t n,
                           PyObject *names, const fac__failure *failure);

#endif
