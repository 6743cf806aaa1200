/* Tensors as text: PyTorch's, character for character.
 *
 *     fac_print(x, stdout);     tensor([[0.1000, 1.2000],
 *                                       [2.2000, 3.1000]])
 */
#ifndef FACULA_PRINT_H
#define FACULA_PRINT_H

#include <facula/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How tensors are written; one setting for the whole process, torch.set_printoptions in Python. */
typedef struct {
    int precision;     /* digits after the point: 4 */
    int64_t threshold; /* more elements than this are summarised: 1000; INT64_MAX never */
    int edgeitems;     /* of a summarised dimension, at either end: 3 */
    int linewidth;     /* characters: 80 */
    int sci_mode;      /* 1 scientific notation, 0 never, -1 as the values suggest: -1 */
} fac_print_options;

FAC_API fac_print_options fac_get_print_options(void);
/* False sets the error: a precision that is negative or above 10000, negative edgeitems, another
 * sci_mode. */
FAC_API bool fac_set_print_options(fac_print_options options);

/* The text of t, to be given back by fac_free_string(); NULL sets the error. A NULL tensor, a
 * gradient not there yet say, is "None". */
FAC_API char *fac_to_string(const fac_tensor *t);
FAC_API void fac_free_string(char *s);

/* Writes the text of t and a newline. False sets the error: fac_bad was given, memory ran out, or
 * the file could not be written. */
FAC_API bool fac_print(const fac_tensor *t, FILE *file);

#ifdef __cplusplus
}
#endif

#endif
