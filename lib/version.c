/* SPDX-License-Identifier: MIT */
/*
 * The version of the library. The text is meson's, the number the headers'; a
 * test compares them.
 */
#include <smudge/smudge.h>

#include "smudge-version.h"

const char *smudge_version(void)
{
	return SMUDGE_PROJECT_VERSION;
}

int smudge_version_number(void)
{
	return SMUDGE_VERSION;
}
