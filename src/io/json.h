/* Strict JSON, as much of it as file headers hold: objects, arrays of integers, strings. The
 * reader is told what comes next and refuses anything else, so it neither recurses nor allocates
 * but for strings. */
#ifndef FAC_IO_JSON_H
#define FAC_IO_JSON_H

#include "../core/text.h"

typedef struct {
    const char *start, *at, *end;
    const char *name; /* of the file, for messages */
} fac__json;

/* The character c after white space; -1 sets the error. */
int fac__json_expect(fac__json *j, char c);
/* Whether the next character after white space is c; consumes it if so. */
bool fac__json_take(fac__json *j, char c);
/* A string, unescaped and checked to be UTF-8 without NUL, appended to out with a NUL behind it. */
int fac__json_string(fac__json *j, fac__text *out);
/* An integer in [0, 2^63). */
int fac__json_int(fac__json *j, int64_t *out);
/* Nothing but white space is left. */
int fac__json_end(fac__json *j);
int fac__json_fail(fac__json *j, const char *what);

/* s as a JSON string, appended to out; -1 where it is not UTF-8. */
int fac__json_quote(fac__text *out, const char *s);

#endif
