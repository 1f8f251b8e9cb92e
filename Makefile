# SPDX-License-Identifier: MIT
# Short commands for meson. Everything is built in build/.

BUILD = build

.PHONY: all demo demo-screen web check test test-cross test-model test-web bench clean install

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@scripts/install-packages.sh build
	meson setup $(BUILD) -Dtests=false

demo: all
	$(BUILD)/tools/smudge demo

# Pictures of both screens are saved in $(BUILD).
demo-screen: all
	$(BUILD)/tools/smudge demo --screen $(BUILD)

# The page of smudge-vm --vnc :N,web, with noVNC from npm.
web: all
	@scripts/install-packages.sh web
	@scripts/make-web.sh $(BUILD)

test:
	@scripts/install-packages.sh test
	@scripts/install-packages.sh web || echo "no browser: its test is skipped"
	@python3 scripts/test.py

# Quick checks while editing: unit tests, format, includes, calls, symbols.
check:
	@scripts/install-packages.sh test
	@python3 scripts/test.py --row gcc-release --row checks --suite unit

test-cross:
	@scripts/test-cross.sh

test-model:
	@scripts/install-packages.sh test
	@python3 tests/model/run.py

test-web:
	@scripts/install-packages.sh web
	@SMUDGE_REQUIRE=web python3 scripts/test.py --row gcc-release --test test_web

bench: all
	$(BUILD)/bench/bench-bitmap
	$(BUILD)/bench/bench-code
	$(BUILD)/bench/bench-display
	$(BUILD)/bench/bench-migrate

install: all
	meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) build-test
