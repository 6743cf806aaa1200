/* Threads: how many work on one operator. */
#ifndef FACULA_THREADS_H
#define FACULA_THREADS_H

#include <facula/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The threads that share large operators from now on, the caller's included: 64 at most, more mean
 * 64. Results have the same bits at any number. To begin with it is FACULA_NUM_THREADS or
 * OMP_NUM_THREADS of the environment, or else as many as there are cores that this process may use.
 * Waits for an operator that other threads are busy with. False sets the error: n is less than
 * 1. */
FAC_API bool fac_set_num_threads(int n);
FAC_API int fac_get_num_threads(void);

#ifdef __cplusplus
}
#endif

#endif
