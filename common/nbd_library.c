/* SPDX-License-Identifier: MIT */
/*
 * It is never unloaded: its own libraries do not all survive that.
 */
#include "common/nbd_library.h"

#include <smudge/error.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define NAME	"nbd"
#define LIBRARY "libnbd.so.0"

static pthread_once_t once = PTHREAD_ONCE_INIT;
/* written once, before nbd_library_get returns for the first time */
static struct nbd_library library;
static const char *missing; /* NULL: all is there */

/* A pointer to a function, as dlsym(3) says it is to be read. */
static bool find(void *handle, const char *name, void *ret_call)
{
	void *call = dlsym(handle, name);

	memcpy(ret_call, &call, sizeof(call));
	return call;
}

static void load(void)
{
	void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!handle) {
		missing = LIBRARY;
		return;
	}
#define NBD_LIBRARY_FIND(name)                                  \
	if (!find(handle, "nbd_" #name, (void *)&library.name)) \
		missing = "nbd_" #name;
	NBD_LIBRARY_CALLS(NBD_LIBRARY_FIND)
#undef NBD_LIBRARY_FIND
}

int nbd_library_get(const struct nbd_library **ret, struct smudge_error *err)
{
	pthread_once(&once, load);
	if (missing)
		return smudge_error_set(err, -EOPNOTSUPP, NAME,
					"NBD needs libnbd, which is not "
					"installed here or too old: %s is "
					"missing",
					missing);
	*ret = &library;
	return 0;
}
