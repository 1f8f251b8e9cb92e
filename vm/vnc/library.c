/* SPDX-License-Identifier: MIT */
/*
 * Where libvncserver's functions are.
 */
#include "vnc/library.h"

#include <smudge/error.h>

#include "base/library.h"

#define FILE_NAME "libvncserver.so.1"

struct vnc_library vnc_library;

#define NAME(name) #name,

int vnc_load(struct smudge_error *err)
{
	static const char *const names[] = {VNC_FUNCTIONS(NAME)};

	return library_load(FILE_NAME, names, sizeof(names) / sizeof(names[0]),
			    (void **)&vnc_library, err);
}
