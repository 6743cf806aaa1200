/* The thread pool's settings; fac__parallel_for is in backend.h. */
#ifndef FAC_POOL_H
#define FAC_POOL_H

void fac__set_num_threads(int n);

#endif
