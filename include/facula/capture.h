/* Capture: recording a step and replaying it.
 *
 *     fac_program *p = fac_capture_begin();
 *     ... one step: forward, backward, update ...
 *     fac_capture_end(p);
 *     ... new data into the inputs' memory (fac_copy_) ...
 *     fac_replay(p);
 *
 * A replay runs the same primitives on the same tensors: what was computed is computed anew in
 * place, random ops draw anew, and numbers (learning rates, sizes) are those of the recording.
 * Reading a value while recording is an error. Capture is the calling thread's own. */
#ifndef FACULA_CAPTURE_H
#define FACULA_CAPTURE_H

#include <facula/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fac_program fac_program;

FAC_API fac_program *fac_capture_begin(void); /* NULL: the thread's error says why */
/* Ends the recording begun last in this thread; false sets the error: p is not that. */
FAC_API bool fac_capture_end(fac_program *p);
/* False sets the error, of the primitive that failed; those before it have run. */
FAC_API bool fac_replay(fac_program *p);
FAC_API size_t fac_program_length(const fac_program *p);            /* primitives */
FAC_API const char *fac_program_op(const fac_program *p, size_t i); /* NULL past the end */
/* Ends the recording too, where p is still being recorded by this thread. NULL passes. */
FAC_API void fac_program_free(fac_program *p);

#ifdef __cplusplus
}
#endif

#endif
