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

/* As RFC 3986 has schemes. */
bool nbd_uri_is_other(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char rest[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789+.-";
	size_t len = strspn(text, rest);

	return strspn(text, letters) > 0 &&
	       strncmp(text + len, "://", 3) == 0 && !nbd_uri_is(text);
}

const char nbd_uri_known[] =
	"of URIs there are nbd://, nbds://, nbd+unix:// and nbds+unix://; a "
	"folder of that name is ./NAME";
