#!/bin/sh
# Every fuzzer for some seconds: files in C under sanitizers, the argument parser from Python.
#
#   fuzz.sh FOLDER_OF_MESON SECONDS
set -eu
PATH="$1:$PATH"
export PATH
seconds="$2"
test -f build-fuzz/build.ninja ||
    meson setup build-fuzz -Dfuzz=true -Dpython_package=false -Dinstruction_sets= \
        -Doptimization=1 -Ddebug=true -Db_ndebug=false -Db_lundef=false \
        -Db_sanitize=address,undefined >build-fuzz.log
ninja -C build-fuzz tests/fuzz/fuzz_npy tests/fuzz/fuzz_safetensors >>build-fuzz.log ||
    { tail -50 build-fuzz.log; exit 1; }

export ASAN_OPTIONS=abort_on_error=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:abort_on_error=1
for target in npy safetensors; do
    echo "== $target"
    build-fuzz/tests/fuzz/fuzz_$target "$seconds"
done
echo "== arguments"
python tests/fuzz/arguments.py "$seconds"
