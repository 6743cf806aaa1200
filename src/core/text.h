/* A text that grows. Failures are remembered, so that only the end needs a check. */
#ifndef FAC_TEXT_H
#define FAC_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    char *s; /* NUL-terminated once something was added */
    size_t n, capacity;
    bool failed; /* no memory; the error is set */
} fac__text;

void fac__text_add(fac__text *t, const char *s, size_t n);
void fac__text_str(fac__text *t, const char *s);
void fac__text_pad(fac__text *t, char c, int64_t n); /* nothing for n <= 0 */
void fac__text_format(fac__text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* printf's conversions e and f as Python writes them: nan without sign, a point in every locale. */
void fac__text_double(fac__text *t, double v, int precision, char conversion);
/* The text, the caller's to free(); NULL where memory failed. */
char *fac__text_take(fac__text *t);
void fac__text_drop(fac__text *t);

#endif
