/* The C tests' harness: checks are counted, failures printed with their place, and the exit status
 * tells. A test file is `int main(void) { ...; return check_report(); }`. */
#ifndef FAC_TESTS_CHECK_H
#define FAC_TESTS_CHECK_H

#include <facula/error.h>

#include <stdio.h>
#include <string.h>

static int check_passed, check_failed;

static inline void check_at(bool ok, const char *what, const char *file, int line) {
    if (ok) {
        check_passed++;
    } else {
        check_failed++;
        printf("%s:%d: FAILED: %s (error: '%s')\n", file, line, what, fac_error());
    }
    fac_clear_error();
}

/* CHECK(condition), CHECK_SAYS(condition, "what was meant") */
#define CHECK(condition) check_at(condition, #condition, __FILE__, __LINE__)
#define CHECK_SAYS(condition, what) check_at(condition, what, __FILE__, __LINE__)

static inline int check_report(void) {
    printf("%d passed, %d failed\n", check_passed, check_failed);
    return check_failed == 0 && check_passed > 0 ? 0 : 1;
}

#endif
