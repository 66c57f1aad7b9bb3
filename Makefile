# d2d: a thin layer over CMake. `make help` lists what there is.

PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   := build

.PHONY: all help deps deps-build deps-demo demo test check lint fuzz bench soak install clean

all: $(BUILD)/release/build.ninja
	@cmake --build $(BUILD)/release

help:
	@echo "make            build d2dhub, d2d, libd2d and the examples into build/release"
	@echo "make demo       from nothing to a phone opening a garage door through a hub of your own"
	@echo "make test       all tests (make check: only those in memory, with sanitizers)"
	@echo "make install    PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)"
	@echo "make deps       install what building and testing need (Debian 12, as root or with sudo)"
	@echo "make bench      measure, beside mosquitto in the same run"
	@echo "make soak fuzz  long runs: thousands of kills, hours of odd bytes"
	@echo "make lint clean"

deps:
	@tools/deps.sh test

deps-build:
	@tools/deps.sh build

deps-demo:
	@tools/deps.sh demo

$(BUILD)/%/build.ninja: CMakeLists.txt CMakePresets.json
	@cmake --preset $* >/dev/null

demo: deps-demo
	@$(MAKE) --no-print-directory all
	@examples/demo.sh $(BUILD)/release

# Everything that runs in memory, under the address and undefined-behaviour sanitizers.
check: $(BUILD)/asan/build.ninja
	@cmake --build $(BUILD)/asan
	@ctest --test-dir $(BUILD)/asan --output-on-failure -j 2

test: deps
	@tools/test.sh

lint: $(BUILD)/clang/build.ninja
	@tools/lint.sh $(BUILD)/clang

fuzz: deps $(BUILD)/fuzz/build.ninja
	@cmake --build $(BUILD)/fuzz
	@tools/fuzz.sh $(BUILD)/fuzz

bench: deps all
	@bench/run.sh $(BUILD)/release
	@bench/misbehaving.sh $(BUILD)/release

soak: deps all
	@D2D_KILLS=$${D2D_KILLS:-3000} tools/soak.sh $(BUILD)/release

install: all
	@cmake -DCMAKE_INSTALL_PREFIX=$(PREFIX) $(BUILD)/release >/dev/null
	@DESTDIR=$(DESTDIR) cmake --install $(BUILD)/release

clean:
	@rm -rf $(BUILD)
