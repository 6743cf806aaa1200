/* The C++ library's orders of equal elements, see Note [Ties] in order_ties.c. All work on words of
 * which the upper 32 bits compare and the lower ones are a place. */
#ifndef FAC_ORDER_TIES_H
#define FAC_ORDER_TIES_H

#include "order.h"

enum { FAC__TIES_LIMIT = 1 << 14 };

void FAC__K(fac__ties_sort)(uint64_t *v, int64_t n);
/* The `middle` smallest, in order, in front. */
void FAC__K(fac__ties_partial_sort)(uint64_t *v, int64_t middle, int64_t n);
/* Places v[nth] as in order, with no greater ones before and no smaller ones after it. */
void FAC__K(fac__ties_select)(uint64_t *v, int64_t nth, int64_t n);
void FAC__K(fac__ties_quickselect)(uint64_t *v, int64_t k, int64_t n);

#endif
