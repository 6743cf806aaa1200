/* The whole of facula: tensors, operators, differentiation, randomness, printing.
 *
 *     fac_scope *s = fac_scope_open();
 *     fac_tensor *x = fac_randn(fac_dims(3, 4));
 *     fac_print(fac_sum(fac_mul(x, x)), stdout);
 *     fac_scope_close(s);
 *
 * Results belong to the innermost open scope and live until it closes, or longer where
 * fac_keep() says so. A call that fails returns fac_bad, which every other call passes on, and
 * leaves its message in fac_error(); so one test at the end of a computation is enough.
 */
#ifndef FACULA_H
#define FACULA_H

#include <facula/autograd.h>
#include <facula/capture.h>
#include <facula/data.h>
#include <facula/error.h>
#include <facula/indexing.h>
#include <facula/io.h>
#include <facula/memory.h>
#include <facula/ops.h>
#include <facula/optim.h>
#include <facula/print.h>
#include <facula/random.h>
#include <facula/scope.h>
#include <facula/tensor.h>
#include <facula/threads.h>
#include <facula/values.h>

#endif
