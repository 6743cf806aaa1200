/* Growing texts, and numbers in them as Python writes them. */
#include "text.h"

#include "core.h"

#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Room for n more bytes and the NUL. */
static bool reserve(fac__text *t, size_t n) {
    if (t->failed)
        return false;
    if (n < t->capacity - t->n)
        return true;
    size_t want = t->n + n + 1, capacity = t->capacity < 64 ? 64 : t->capacity;
    while (capacity < want && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    char *s = want < n || capacity < want ? NULL : realloc(t->s, capacity);
    if (s == NULL) {
        fac__fail(FAC_ERROR_MEMORY, "not enough memory for a text of %zu bytes", want);
        t->failed = true;
        return false;
    }
    t->s = s;
    t->capacity = capacity;
    return true;
}

void fac__text_add(fac__text *t, const char *s, size_t n) {
    if (!reserve(t, n))
        return;
    if (n != 0)
        memcpy(t->s + t->n, s, n);
    t->n += n;
    t->s[t->n] = '\0';
}

void fac__text_str(fac__text *t, const char *s) {
    fac__text_add(t, s, strlen(s));
}

void fac__text_pad(fac__text *t, char c, int64_t n) {
    if (n <= 0 || !reserve(t, (size_t)n))
        return;
    memset(t->s + t->n, c, (size_t)n);
    t->n += (size_t)n;
    t->s[t->n] = '\0';
}

void fac__text_format(fac__text *t, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    if (reserve(t, 64)) {
        size_t room = t->capacity - t->n;
        int n = vsnprintf(t->s + t->n, room, format, args);
        if (n >= 0 && (size_t)n >= room) {
            t->s[t->n] = '\0';
            if (reserve(t, (size_t)n))
                vsnprintf(t->s + t->n, (size_t)n + 1, format, again);
        }
        if (n >= 0 && !t->failed)
            t->n += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void fac__text_double(fac__text *t, double v, int precision, char conversion) {
    if (!isfinite(v)) {
        fac__text_str(t, isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
        return;
    }
    size_t start = t->n;
    if (conversion == 'e')
        fac__text_format(t, "%.*e", precision, v);
    else
        fac__text_format(t, "%.*f", precision, v);
    const char *point = localeconv()->decimal_point;
    if (t->failed || strcmp(point, ".") == 0)
        return;
    char *at = strstr(t->s + start, point);
    if (at == NULL)
        return;
    size_t length = strlen(point);
    *at = '.';
    memmove(at + 1, at + length, strlen(at + length) + 1);
    t->n -= length - 1;
}

char *fac__text_take(fac__text *t) {
    if (!reserve(t, 0)) {
        fac__text_drop(t);
        return NULL;
    }
    t->s[t->n] = '\0';
    char *s = t->s;
    *t = (fac__text){0};
    return s;
}

void fac__text_drop(fac__text *t) {
    free(t->s);
    *t = (fac__text){0};
}
