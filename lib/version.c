/* SPDX-License-Identifier: MIT */
/*
 * The version of the library, from the build.
 */
#include <smudge/smudge.h>

#include "smudge-version.h"

const char *smudge_version(void)
{
	return SMUDGE_VERSION;
}
