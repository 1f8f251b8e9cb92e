/* SPDX-License-Identifier: MIT */
/*
 * The version of the library that is linked, as the build knows it.
 */
#include <smudge/smudge.h>

#include "smudge-version.h"

const char *smudge_version(void)
{
	return SMUDGE_VERSION;
}
