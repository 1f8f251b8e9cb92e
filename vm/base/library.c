/* SPDX-License-Identifier: MIT */
/*
 * Loading a library late.
 */
#include "base/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include <smudge/error.h>

#define MAX_FUNCTIONS 32

int library_load(const char *file, const char *const *names, size_t n,
		 void **ret_functions, struct smudge_error *err)
{
	void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	void *found[MAX_FUNCTIONS] = {0};

	for (size_t i = 0; handle && i < n && i < MAX_FUNCTIONS; i++) {
		found[i] = dlsym(handle, names[i]);
		if (!found[i])
			handle = NULL;
	}
	if (!handle)
		return smudge_error_set(err, -ENODEV, "library",
					"%s cannot be loaded: %.200s", file,
					dlerror());
	memcpy(ret_functions, found, n * sizeof(found[0]));
	return 0;
}
