/* safetensors from memory: an error on opening, or names, notes and tensors that can be read. */
#include "fuzz.h"

#include <facula/error.h>
#include <facula/io.h>
#include <facula/scope.h>

#include <string.h>

const char *const fuzz_words[] = {"\"__metadata__\"",
                                  "\"dtype\"",
                                  "\"shape\"",
                                  "\"data_offsets\"",
                                  "\"F32\"",
                                  "\"BOOL\"",
                                  "\"I64\"",
                                  "\"F8_E4M3\"",
                                  "[0,4]",
                                  "[]",
                                  "\\u0041",
                                  "\\ud83d\\udd25",
                                  "\xf0\x9f\x94\xa5",
                                  "{",
                                  "}",
                                  ":",
                                  ",",
                                  NULL};

bool fuzz_seed(size_t i, uint8_t *out, size_t room, size_t *n) {
    static const char *const headers[] = {
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
        "\"b\":{\"dtype\":\"BOOL\",\"shape\":[],\"data_offsets\":[8,9]}}",
        "{\"__metadata__\":{\"k\":\"v\\n\"},"
        "\"x\":{\"dtype\":\"I64\",\"shape\":[0,3],\"data_offsets\":[0,0]},"
        "\"y\":{\"dtype\":\"U8\",\"shape\":[3,3],\"data_offsets\":[0,9]}}",
    };
    if (i >= sizeof headers / sizeof *headers || room < 512)
        return false;
    size_t length = strlen(headers[i]);
    memset(out, 0, 8);
    out[0] = (uint8_t)length;
    memcpy(out + 8, headers[i], length);
    memset(out + 8 + length, 2, 9);
    *n = 8 + length + 9;
    return true;
}

static uint8_t bytes_of(const void *p, size_t n) {
    uint8_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum ^= ((const uint8_t *)p)[i];
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    volatile uint8_t used = 0;
    fac_safetensors *f = fac_safetensors_from_memory(bytes, n);
    if (f == NULL) {
        if (fac_error()[0] == '\0')
            __builtin_trap(); /* a failure must say why */
        fac_clear_error();
        return 0;
    }
    fac_scope *s = fac_scope_open();
    for (int64_t i = 0; i < fac_safetensors_count(f); i++) {
        fac_tensor *t = fac_safetensors_get(f, fac_safetensors_name(f, i));
        if (fac_ok(t))
            used ^= bytes_of(fac_data(t), (size_t)fac_numel(t) * fac_dtype_size(fac_dtype_of(t)));
    }
    const char *key;
    for (int64_t i = 0; (key = fac_safetensors_metadata_key(f, i)) != NULL; i++)
        used ^= bytes_of(key, strlen(key)) ^ (uint8_t)strlen(fac_safetensors_metadata(f, key));
    fac_clear_error();
    fac_scope_close(s);
    fac_safetensors_close(f);
    return 0;
}
