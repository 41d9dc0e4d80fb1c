# One command each. `make help` lists them; CI calls nothing else.
SHELL := /bin/bash
.DEFAULT_GOAL := build
PRESET ?= release
EXAMPLE ?= examples/users
JOBS ?= $(shell nproc)
VERSION := $(shell awk '/^project/ {print $$3}' CMakeLists.txt)
export CCACHE_SLOPPINESS := pch_defines,time_macros,include_file_mtime,include_file_ctime
# Objects are the same in every checkout: a second clone builds from the first one's cache.
export CCACHE_BASEDIR := $(abspath $(CURDIR)/..)
export CCACHE_NOHASHDIR := true
export CCACHE_PCH_EXTSUM := true

.PHONY: help run test check build dev asan tsan fuzz real bench lint fmt docs clean install setup setup-test setup-real deb image

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

run: ## set up, build, and run the example pipeline: API -> topic -> SQL -> table
	@$(MAKE) --no-print-directory build TARGET=penstock
	@build/release/src/penstock up $(EXAMPLE)

test: setup setup-real ## set up, build and run all tests, those against the real systems too
	@tools/run_tests.sh

check: setup ## quick tests while working: layers, style, unit and SQL tests
	@tools/run_tests.sh quick

build: setup ## the release build: build/release/src/penstock
	@cmake --preset $(PRESET) -DPENSTOCK_ROCKSDB="$(if $(filter release,$(PRESET)),$$(tools/release_rocksdb.sh))" >build/$(PRESET)-configure.log 2>&1 || { cat build/$(PRESET)-configure.log; exit 1; }
	@cmake --build build/$(PRESET) -j $(JOBS) $(if $(TARGET),--target $(TARGET))

dev: ## a debug build, quick to compile: build/dev
	@$(MAKE) build PRESET=dev
asan: ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) build PRESET=asan && ctest --test-dir build/asan --output-on-failure -j $(JOBS)
tsan: ## the tests under ThreadSanitizer
	@$(MAKE) build PRESET=tsan && ctest --test-dir build/tsan --output-on-failure -j $(JOBS)
fuzz: ## T=name SECONDS=60: one fuzzer, with its kept corpus
	@$(MAKE) build PRESET=fuzz TARGET=$(T) && mkdir -p build/corpus/$(T) && \
	  build/fuzz/src/$(T) -max_total_time=$(or $(SECONDS),60) build/corpus/$(T) tests/corpus/$(T)

real: setup setup-real ## the tests against the real systems alone; writes docs/compatibility.md
	@$(MAKE) build && \
	  .venv/bin/python -m pytest tests/real -q --timeout 1800 --compatibility docs/compatibility.md

bench: build setup-test ## measure: first row, memory, CPU-seconds per million records
	@cmake --build build/release -j $(JOBS) --target benches >/dev/null && .venv/bin/python bench/main_job.py

lint: setup ## layers, style, format, clang-tidy on what changed
	@tools/check_layers.py && tools/tidy.py && tools/lint.sh

fmt: ## format the C++ sources
	@git ls-files 'src/*.h' 'src/*.cc' | xargs clang-format-19 -i

docs: ## redraw what is generated in docs/
	@tools/check_layers.py --update docs/architecture.md

install: build ## PREFIX=/usr/local: install the program
	@install -D -m 755 build/release/src/penstock $(DESTDIR)$(or $(PREFIX),/usr/local)/bin/penstock

deb: ## the Debian package: build/deb
	@$(MAKE) --no-print-directory build TARGET=penstock
	@tools/make_deb.sh build/release/src/penstock build/deb

image: ## TAG=penstock:0.1.0: the container image, by docker, podman or buildah
	@$(MAKE) --no-print-directory build TARGET=penstock
	@tools/make_image.sh build/release/src/penstock $(or $(TAG),penstock:$(VERSION))

clean: ## remove all that was built
	@rm -rf build

setup: ## install what is missing to build
	@mkdir -p build && tools/setup.sh build
setup-test:
	@tools/setup.sh test
setup-real:
	@mkdir -p build && tools/setup.sh real
