#!/bin/sh
# SPDX-License-Identifier: MIT
# Every public header compiles alone, as C99 and as C++17. One has macros only.
set -eu
cd "$(dirname "$0")/.."
for header in include/smudge/*.h; do
	clang -std=c99 -Wall -Wextra -Wpedantic -Werror -Iinclude \
		-Wno-empty-translation-unit \
		-fsyntax-only -x c "$header"
	clang++ -std=c++17 -Wall -Wextra -Werror -Iinclude -nostdinc++ \
		-fsyntax-only -x c++ "$header"
done
