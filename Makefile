# SPDX-License-Identifier: MIT
# A short front to meson, for people. Everything is built in build/.

BUILD = build

.PHONY: all demo test test-cross test-model bench clean install

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@scripts/install-packages.sh build
	meson setup $(BUILD) -Dtests=false

demo: all
	$(BUILD)/tools/smudge demo

test:
	@scripts/install-packages.sh test
	@python3 scripts/test.py

test-cross:
	@scripts/test-cross.sh

test-model:
	@scripts/install-packages.sh test
	@python3 tests/model/run.py

bench: all
	$(BUILD)/bench/bench-bitmap

install: all
	meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) build-test
