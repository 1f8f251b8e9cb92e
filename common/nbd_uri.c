/* SPDX-License-Identifier: MIT */
/*
 * The schemes that libnbd takes, but for those that start a program or go to
 * another machine's sockets.
 */
#include "common/nbd_uri.h"

#include <stddef.h>
#include <string.h>

bool nbd_uri_is(const char *text)
{
	static const char *const schemes[] = {"nbd://", "nbds://",
					      "nbd+unix://", "nbds+unix://"};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return false;
}
