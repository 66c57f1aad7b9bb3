# d2d: a thin layer over CMake. `make help` lists what there is. Each target installs the Debian packages that it
# needs and that are missing (packages.txt); with DEPS=no it leaves that to you.

PREFIX  ?= /usr/local
DESTDIR ?=
DEPS    ?= yes
BUILD   := build

# $(call deps,WORD…): the packages of packages.txt for these words.
deps = @[ "$(DEPS)" = no ] || tools/deps.sh $(1)

.PHONY: all help deps deps-build demo test fresh fresh-all check lint fuzz coverage bench soak install uninstall deb clean

all:
	$(call deps,build)
	@tools/build.sh release

help:
	@echo "make            build d2dhub, d2d, libd2d and the examples into build/release"
	@echo "make demo       from nothing to a phone opening a garage door through a hub of your own"
	@echo "make install    what is built: PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)"
	@echo "make uninstall  what was installed"
	@echo "make deb        Debian packages of it: build/deb"
	@echo "make check      the tests that run in memory, with sanitizers"
	@echo "make test       all tests (make fresh: of them, only those on bare Debian machines)"
	@echo "make fresh-all  Debian 13, every target on a bare machine, arm64 and armhf under emulation: takes hours"
	@echo "make lint       layout, clang-tidy, cppcheck"
	@echo "make bench      measure, beside mosquitto in the same run"
	@echo "make soak fuzz  long runs: thousands of kills, hours of odd bytes"
	@echo "make coverage   whether the corpora of the fuzz targets reach what they must"
	@echo "make deps       install what all of them need (Debian 12 or 13; deps-build: only what building needs)"
	@echo "make clean"
	@echo "Each of them first installs the Debian packages that it needs, as root or with sudo; not with DEPS=no."

deps:
	@tools/deps.sh build deb demo tests lint fuzz bench test

deps-build:
	@tools/deps.sh build

demo:
	$(call deps,build demo)
	@tools/build.sh release
	@examples/demo.sh $(BUILD)/release

# Everything that runs in memory, under the address and undefined-behaviour sanitizers.
check:
	$(call deps,build tests)
	@tools/build.sh asan
	@ctest --test-dir $(BUILD)/asan --output-on-failure -j 2

test:
	$(call deps,build demo tests lint fuzz bench test)
	@tools/test.sh

# Bare Debian machines (roots), in which the README is followed.
fresh:
	$(call deps,build tests test)
	@tools/test.sh --only "fresh machine"

fresh-all:
	$(call deps,build tests test emulated)
	@test/fresh/all.sh

lint:
	$(call deps,build tests lint)
	@tools/build.sh clang
	@tools/lint.sh $(BUILD)/clang

fuzz:
	$(call deps,build tests fuzz)
	@tools/build.sh fuzz
	@tools/fuzz.sh $(BUILD)/fuzz

# Which lines the stored corpora reach.
coverage:
	$(call deps,build tests)
	@tools/build.sh coverage test/fuzz/all
	@tools/coverage.sh $(BUILD)/coverage

bench:
	$(call deps,build tests bench)
	@tools/build.sh test
	@bench/run.sh $(BUILD)/test
	@bench/receive.sh $(BUILD)/test
	@bench/misbehaving.sh $(BUILD)/test
	@bench/login.sh $(BUILD)/test
	@bench/state.sh $(BUILD)/test
	@bench/fleet.sh $(BUILD)/test
	@bench/queries.sh $(BUILD)/test

soak:
	$(call deps,build tests bench test)
	@tools/build.sh test
	@D2D_KILLS=$${D2D_KILLS:-3000} tools/soak.sh $(BUILD)/test

# Builds nothing: `make && sudo make install` leaves nothing of root's in the build folder.
install:
	@DESTDIR=$(DESTDIR) tools/install.sh $(BUILD)/release $(PREFIX)

uninstall:
	@DESTDIR=$(DESTDIR) tools/uninstall.sh $(PREFIX)

# Of what git knows of this tree, with debhelper.
deb:
	$(call deps,build deb)
	@tools/deb.sh

clean:
	@rm -rf $(BUILD)
