/* SPDX-License-Identifier: MIT */
/*
 * Where Unicorn's functions are.
 */
#include "engine/unicorn_library.h"

#include <smudge/error.h>

#include "base/library.h"

#define TEXT_OF(value) #value
#define TEXT(value)    TEXT_OF(value)
#define FILE_NAME      "libunicorn.so." TEXT(UC_API_MAJOR)

struct engine_unicorn_library engine_unicorn_library;

#define NAME(name) #name,

int engine_unicorn_load(struct smudge_error *err)
{
	static const char *const names[] = {ENGINE_UNICORN_FUNCTIONS(NAME)};

	return library_load(FILE_NAME, names, sizeof(names) / sizeof(names[0]),
			    (void **)&engine_unicorn_library, err);
}
