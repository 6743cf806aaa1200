#!/bin/sh
# The C tests under address and undefined-behaviour sanitizers, and the thread pool's and
# autograd's under the thread sanitizer.
#
#   sanitize.sh FOLDER_OF_MESON FOLDER_OF_REPORTS
set -eu
PATH="$1:$PATH"
export PATH
reports="$2"
mkdir -p "$reports"
# -O1 and no AVX-512: with sanitizers the kernels take minutes to compile otherwise.
options="-Dpython_package=false -Doptimization=1 -Ddebug=true -Db_ndebug=false -Db_lundef=false"

build() { # build FOLDER SANITIZERS INSTRUCTION_SETS
    test -f "$1/build.ninja" ||
        meson setup "$1" $options "-Db_sanitize=$2" "-Dinstruction_sets=$3" >"$1.log"
    ninja -C "$1" >>"$1.log" 2>&1 || { tail -50 "$1.log"; exit 1; }
}

status=0
build build-asan address,undefined v3
ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 \
UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
    meson test -C build-asan --suite c --print-errorlogs --timeout-multiplier 6 || status=1
cp build-asan/meson-logs/testlog.junit.xml "$reports/asan.xml"

build build-tsan thread ''
TSAN_OPTIONS=halt_on_error=1 \
    meson test -C build-tsan --suite threads --print-errorlogs --timeout-multiplier 6 || status=1
cp build-tsan/meson-logs/testlog.junit.xml "$reports/tsan.xml"
exit $status
