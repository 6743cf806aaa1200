/* .npy from memory: an error or a tensor, all of whose elements can be read. */
#include "fuzz.h"

#include <facula/error.h>
#include <facula/io.h>
#include <facula/memory.h>
#include <facula/scope.h>

#include <stdio.h>
#include <string.h>

const char *const fuzz_words[] = {"'descr'",   "'fortran_order'",
                                  "'shape'",   "True",
                                  "False",     "<f8",
                                  ">i4",       "|b1",
                                  "<c16",      "(1,)",
                                  "()",        ", ",
                                  "{",         "}",
                                  "\x93NUMPY", "L",
                                  "[(",        NULL};

bool fuzz_seed(size_t i, uint8_t *out, size_t room, size_t *n) {
    static const char *const headers[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': '>i8', 'fortran_order': True, 'shape': (3,), }",
        "{'descr': '|b1', 'fortran_order': False, 'shape': (), }",
        "{'descr': '<c16', 'fortran_order': False, 'shape': (0, 5), }",
    };
    if (i >= sizeof headers / sizeof *headers || room < 256)
        return false;
    size_t length = strlen(headers[i]);
    const uint8_t front[] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t)length, 0};
    memcpy(out, front, sizeof front);
    memcpy(out + sizeof front, headers[i], length);
    memset(out + sizeof front + length, 1, 24);
    *n = sizeof front + length + 24;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    fac_scope *s = fac_scope_open();
    fac_tensor *t = fac_npy_from_memory(bytes, n);
    if (fac_ok(t)) {
        size_t size = (size_t)fac_numel(t) * fac_dtype_size(fac_dtype_of(t));
        uint8_t sum = 0;
        for (size_t i = 0; i < size; i++)
            sum ^= ((const uint8_t *)fac_data(t))[i];
        volatile uint8_t used = sum;
        (void)used;
    } else if (fac_error()[0] == '\0') {
        __builtin_trap(); /* a failure must say why */
    }
    fac_clear_error();
    fac_scope_close(s);
    return 0;
}
