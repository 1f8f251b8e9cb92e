/* SPDX-License-Identifier: MIT */
/*
 * What the command line of smudge restore asks for.
 */
#ifndef TOOLS_RESTORE_REQUEST_H
#define TOOLS_RESTORE_REQUEST_H

#include <stdbool.h>

#include "common/layer_name.h"

struct restore_request {
	struct layer_name layer;
	const char *memory;  /* path of the memory's file */
	char *const *words;  /* the command line to use; NULL: the layer's */
	bool is_run;	     /* become QEMU */
	bool replaces_files; /* that have the names of the new ones */
	bool is_json;
	bool is_qemu;
};

#endif
