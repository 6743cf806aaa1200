# All of it happens in build/ and .venv/; `make clean` removes both.
#
#   make            build; .venv/bin/python -c "import facula" works then
#   make test       C tests and Python tests
#   make check      format, lint, generated files, exported symbols
#   make sanitize   C tests under address, undefined-behaviour and thread sanitizers
#   make fuzz       fuzzers of the file readers and the argument parser, SECONDS=600 each
#   make demo       the tour in Python and in C, then a network trained on real images
#   make bench      speed, against PyTorch where it is installed
#   make size       what the installed package weighs
#   make install    headers, libraries and facula.pc, into PREFIX, the libraries in its LIBDIR

PYTHON ?= python3
PREFIX ?= /usr/local
LIBDIR ?= lib
WERROR ?= false
REPORTS ?= build/reports
PYTEST_ARGS ?=
BENCH_ARGS ?=
SECONDS ?= 60
IMAGES ?=
FOLDER = $(filter-out -%,$(firstword $(IMAGES)))
VENV := $(CURDIR)/.venv
PY := $(VENV)/bin/python
MESON := PATH="$(VENV)/bin:$$PATH" $(VENV)/bin/meson
NINJA := PATH="$(VENV)/bin:$$PATH" $(VENV)/bin/ninja
SUFFIX = $$($(PY) -c "import sysconfig; print(sysconfig.get_config_var('EXT_SUFFIX'))")
C_FILES = $$(git ls-files '*.c' '*.h' '*.inc')

.PHONY: all build test test-c test-python test-kernels check symbols sanitize fuzz demo bench size install clean
all: build

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# One stamp for each list of packages, so that a change of the list installs it anew.
$(VENV)/%.stamp: requirements/%.txt | $(VENV)/bin/python
	$(PY) -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

build/build.ninja: $(VENV)/build.stamp
	$(MESON) setup build --reconfigure -Dpython=$(PY) -Dwerror=$(WERROR) || \
	    $(MESON) setup build -Dpython=$(PY) -Dwerror=$(WERROR)

# The package is used where it lies: a .pth file leads to python/, and the extension is put there.
build: build/build.ninja
	$(NINJA) -C build
	cp -p build/python/src/_C$(SUFFIX) python/facula/
	echo "$(CURDIR)/python" > $$($(PY) -c "import sysconfig; print(sysconfig.get_path('purelib'))")/facula.pth

test: test-c test-python

# Reports in JUnit's form are kept under $(REPORTS), for tools/summary.py.
test-c: build
	$(MESON) test -C build --suite c --print-errorlogs
	mkdir -p $(REPORTS) && cp build/meson-logs/testlog.junit.xml $(REPORTS)/c.xml

test-python: build $(VENV)/test.stamp
	$(PY) -m pytest --junitxml=$(REPORTS)/python.xml $(PYTEST_ARGS)

# What runs kernels and nothing slow: for another round under FACULA_CPU=base, v3 or v4.
test-kernels: build $(VENV)/test.stamp
	$(PY) -m pytest -m kernels --junitxml=$(REPORTS)/kernels.xml $(PYTEST_ARGS)

check: build symbols $(VENV)/check.stamp $(VENV)/test.stamp
	$(PY) tools/gen.py --check
	$(VENV)/bin/clang-format --dry-run -Werror $(C_FILES)
	$(VENV)/bin/ruff check python tools tests examples bench
	$(VENV)/bin/ruff format --check python tools tests examples bench
	$(PY) -m pytest -q tests/python/test_stubs.py

symbols: build
	$(PY) tools/check_symbols.py build

sanitize: build/build.ninja
	tools/sanitize.sh $(VENV)/bin $(REPORTS)

fuzz: build
	tools/fuzz.sh $(VENV)/bin $(SECONDS)

demo: build $(VENV)/demo.stamp
	$(PY) -m facula examples/python/tour.py
	$(NINJA) -C build examples/c/tour examples/c/custom_gradient examples/c/fashion_mnist
	build/examples/c/tour
	build/examples/c/custom_gradient
	folder="$(FOLDER)"; IFS=:; \
	for share in $${XDG_DATA_DIRS:-/usr/local/share:/usr/share}; do \
	    if test -z "$$folder" && test -d "$$share/datasets/fashion-mnist"; then \
	        folder="$$share/datasets/fashion-mnist"; fi; done; \
	if test -n "$$folder"; then build/examples/c/fashion_mnist "$$folder"; fi
	$(PY) -m facula examples/python/train_images.py $(IMAGES)

bench: build $(VENV)/test.stamp
	$(NINJA) -C build bench/call_overhead && build/bench/call_overhead
	$(PY) bench/run.py $(BENCH_ARGS)

size: build $(VENV)/build.stamp
	$(PY) tools/size.py

install: build/build.ninja
	$(MESON) configure build --prefix=$(abspath $(PREFIX)) --libdir=$(LIBDIR)
	$(NINJA) -C build
	$(MESON) install -C build --no-rebuild --tags runtime,devel

clean:
	rm -rf build build-wheel build-asan build-tsan build-fuzz $(VENV) python/facula/_C*.so
