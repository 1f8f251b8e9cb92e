# SPDX-License-Identifier: MIT
# Short commands for meson; make help lists them. Everything is built in build/.

BUILD = build
PREFIX ?= /usr/local

.PHONY: all help demo demo-screen demo-checkpoint web check format test test-cross \
	test-kernels test-model test-web bench clean install uninstall

## make              build the library, the programs and the guests
all: $(BUILD)/build.ninja
	@scripts/install-packages.sh build $(BUILD)
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@scripts/install-packages.sh build $(BUILD)
	meson setup $(BUILD) -Dtests=false -Dprefix=$(PREFIX)

help:
	@sed -n 's/^## //p' Makefile

## make demo         a guest moves, live, between two processes
demo: all
	$(BUILD)/tools/smudge demo

## make demo-screen  the same with a screen; pictures are saved in build/
demo-screen: all
	$(BUILD)/tools/smudge demo --screen $(BUILD)

## make demo-checkpoint  a stock QEMU with Linux, saved each second, killed, restored
demo-checkpoint: all
	@scripts/install-packages.sh demo
	@scripts/demo-checkpoint.py $(BUILD)

## make web          the page of smudge-vm --vnc :N,web, with noVNC from npm
web: all
	@scripts/install-packages.sh web
	@scripts/make-web.sh $(BUILD)

## make test         everything that is tested
test:
	@scripts/install-packages.sh test
	@scripts/install-packages.sh web || echo "no browser: its test is skipped"
	@python3 scripts/test.py

## make check        unit tests, format, includes, calls, symbols: in a minute
check:
	@scripts/install-packages.sh test
	@python3 scripts/test.py --row gcc-release --row checks --suite unit

## make format       write all C files as clang-format 14 does, new ones too
format:
	git ls-files -z -co --exclude-standard '*.c' '*.h' ':(exclude)tests/abi/[0-9]*' | \
		xargs -0 clang-format -i

## make test-cross   on aarch64 and s390x, by emulation
test-cross:
	@scripts/test-cross.sh

## make test-kernels on Debian's kernels, in emulated machines; UPDATE=1: its table
test-kernels:
	@scripts/install-packages.sh test
	@scripts/test-kernels.py $(if $(filter-out 0 no,$(UPDATE)),--update)

## make test-model   the models of the lock-free protocols
test-model:
	@scripts/install-packages.sh test
	@python3 tests/model/run.py

## make test-web     the page in a browser
test-web:
	@scripts/install-packages.sh web
	@SMUDGE_REQUIRE=web python3 scripts/test.py --row gcc-release --test test_web

## make bench        measure, in some minutes; FULL=1: everything, an hour
BENCH_SCOPE = $(if $(filter-out 0 no,$(FULL)),--full)
bench: all
	$(BUILD)/bench/bench-marks $(BENCH_SCOPE) $(BUILD)/lib/libsmudge.so.0
	$(BUILD)/bench/bench-code $(BENCH_SCOPE)
	$(BUILD)/bench/bench-migrate $(BENCH_SCOPE)
	$(BUILD)/bench/bench-harvest $(BENCH_SCOPE) || [ $$? = 77 ]
	[ ! -e $(BUILD)/bench/bench-ring ] || $(BUILD)/bench/bench-ring $(BENCH_SCOPE) || [ $$? = 77 ]
	$(BUILD)/bench/bench-sources $(BENCH_SCOPE) || [ $$? = 3 ]
	$(BUILD)/bench/bench-process $(BENCH_SCOPE) || [ $$? = 3 ]
	$(BUILD)/bench/bench-checkpoint $(BENCH_SCOPE) || [ $$? = 3 ]
	$(BUILD)/bench/bench-display $(BENCH_SCOPE)
	$(BUILD)/bench/bench-bitmap $(BENCH_SCOPE)

## make install      to PREFIX (/usr/local), below DESTDIR; then run ldconfig
install: all
	@scripts/install.py install $(BUILD) $(PREFIX)

## make uninstall    remove it from there again
uninstall: $(BUILD)/build.ninja
	@scripts/install.py uninstall $(BUILD) $(PREFIX)

## make clean        remove what was built
clean:
	rm -rf $(BUILD) build-test
