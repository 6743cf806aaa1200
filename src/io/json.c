/* JSON (RFC 8259) for file headers, see json.h. Bytes are checked as UTF-8 (RFC 3629): no overlong
 * forms, no surrogates, nothing above U+10FFFF. */
#include "json.h"

#include "../core/core.h"

#include <string.h>

int fac__json_fail(fac__json *j, const char *what) {
    return fac__fail(FAC_ERROR_VALUE, "%s: header: %s at byte %td", j->name, what,
                     j->at - j->start);
}

static void skip_space(fac__json *j) {
    while (j->at < j->end && (*j->at == ' ' || *j->at == '\n' || *j->at == '\r' || *j->at == '\t'))
        j->at++;
}

bool fac__json_take(fac__json *j, char c) {
    skip_space(j);
    if (j->at == j->end || *j->at != c)
        return false;
    j->at++;
    return true;
}

int fac__json_expect(fac__json *j, char c) {
    if (fac__json_take(j, c))
        return 0;
    const char what[] = {'e', 'x', 'p', 'e', 'c', 't', 'e', 'd', ' ', '\'', c, '\'', '\0'};
    return fac__json_fail(j, what);
}

int fac__json_end(fac__json *j) {
    skip_space(j);
    return j->at == j->end ? 0 : fac__json_fail(j, "something stands behind the end");
}

/* The length in bytes of the character at p, 0 where it is not UTF-8. */
static int character(const char *p, const char *end) {
    const unsigned char *b = (const unsigned char *)p;
    if (b[0] < 0x80)
        return 1;
    int n = b[0] >= 0xc2 && b[0] <= 0xdf  ? 2
            : (b[0] & 0xf0) == 0xe0       ? 3
            : b[0] >= 0xf0 && b[0] < 0xf5 ? 4
                                          : 0;
    if (n == 0 || end - p < n)
        return 0;
    for (int i = 1; i < n; i++)
        if ((b[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xf0 && b[1] < 0x90);
    bool surrogate = b[0] == 0xed && b[1] >= 0xa0, high = b[0] == 0xf4 && b[1] >= 0x90;
    return overlong || surrogate || high ? 0 : n;
}

/* Four hexadecimal digits after \u; -1 where they are not. */
static int hex4(fac__json *j) {
    int v = 0;
    if (j->end - j->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = *j->at++;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        v = v * 16 + digit;
    }
    return v;
}

static void put_utf8(fac__text *out, int c) {
    char b[4];
    size_t n = 0;
    if (c < 0x80) {
        b[n++] = (char)c;
    } else if (c < 0x800) {
        b[n++] = (char)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        b[n++] = (char)(0xe0 | c >> 12);
        b[n++] = (char)(0x80 | (c >> 6 & 0x3f));
    } else {
        b[n++] = (char)(0xf0 | c >> 18);
        b[n++] = (char)(0x80 | (c >> 12 & 0x3f));
        b[n++] = (char)(0x80 | (c >> 6 & 0x3f));
    }
    if (c >= 0x80)
        b[n++] = (char)(0x80 | (c & 0x3f));
    fac__text_add(out, b, n);
}

/* What follows a backslash. */
static int escape(fac__json *j, fac__text *out) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = j->at < j->end ? *j->at++ : '\0';
    const char *known = c != '\0' ? strchr(from, c) : NULL;
    if (known != NULL) {
        fac__text_add(out, &to[known - from], 1);
        return 0;
    }
    int v = c == 'u' ? hex4(j) : -1;
    if (v >= 0xd800 && v < 0xdc00) {
        bool pair = j->end - j->at >= 2 && j->at[0] == '\\' && j->at[1] == 'u';
        j->at += pair ? 2 : 0;
        int low = pair ? hex4(j) : -1;
        v = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00) : -1;
    } else if (v >= 0xdc00 && v < 0xe000) {
        v = -1;
    }
    if (v < 0)
        return fac__json_fail(j, "bad escape in a string");
    if (v == 0)
        return fac__json_fail(j, "NUL in a string");
    put_utf8(out, v);
    return 0;
}

int fac__json_string(fac__json *j, fac__text *out) {
    if (!fac__json_take(j, '"'))
        return fac__json_fail(j, "expected a string");
    for (;;) {
        const char *run = j->at;
        while (j->at < j->end && *j->at != '"' && *j->at != '\\') {
            if ((unsigned char)*j->at < 0x20)
                return fac__json_fail(j, "control character in a string");
            int n = character(j->at, j->end);
            if (n == 0)
                return fac__json_fail(j, "a string that is not UTF-8");
            j->at += n;
        }
        if (j->at == j->end)
            return fac__json_fail(j, "unfinished string");
        fac__text_add(out, run, (size_t)(j->at - run));
        if (*j->at++ == '"')
            break;
        if (escape(j, out) != 0)
            return -1;
    }
    fac__text_add(out, "", 1);
    return out->failed ? -1 : 0;
}

int fac__json_int(fac__json *j, int64_t *out) {
    skip_space(j);
    const char *start = j->at;
    int64_t v = 0;
    bool overflow = false;
    for (; j->at < j->end && *j->at >= '0' && *j->at <= '9'; j->at++)
        overflow |=
            __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *j->at - '0', &v);
    ptrdiff_t digits = j->at - start;
    char next = j->at < j->end ? *j->at : ' ';
    if (digits == 0 || (digits > 1 && *start == '0') || next == '.' || next == 'e' || next == 'E')
        return fac__json_fail(j, "expected an integer that is not negative");
    if (overflow)
        return fac__json_fail(j, "integer too large");
    *out = v;
    return 0;
}

int fac__json_quote(fac__text *out, const char *s) {
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *end = s + strlen(s);
    fac__text_str(out, "\"");
    while (s < end) {
        int n = character(s, end);
        if (n == 0)
            return -1;
        const char *known = strchr(from, *s);
        if (known != NULL)
            fac__text_format(out, "\\%c", to[known - from]);
        else if ((unsigned char)*s < 0x20)
            fac__text_format(out, "\\u%04x", (unsigned char)*s);
        else
            fac__text_add(out, s, (size_t)n);
        s += n;
    }
    fac__text_str(out, "\"");
    return 0;
}
