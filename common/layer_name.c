/* SPDX-License-Identifier: MIT */
/*
 * Names of layers.
 */
#include "common/layer_name.h"

#include <errno.h>
#include <string.h>

#include "common/nbd_uri.h"

/* UINT64_MAX: too large. */
static uint64_t number_of(const char *digits)
{
	uint64_t number = 0;

	for (; *digits; digits++) {
		uint64_t digit = (uint64_t)(*digits - '0');

		if (number > (UINT64_MAX - digit) / 10)
			return UINT64_MAX;
		number = number * 10 + digit;
	}
	return number;
}

int layer_name_parse(const char *text, struct layer_name *ret_name)
{
	const char *at = strrchr(text, '@');
	size_t len = strlen(text);
	uint64_t number = 0;

	if (nbd_uri_is_other(text))
		return -EPROTONOSUPPORT;
	if (!nbd_uri_is(text) && at && at[1] &&
	    strspn(at + 1, "0123456789") == strlen(at + 1)) {
		number = number_of(at + 1);
		if (number == 0 || number == UINT64_MAX)
			return -EINVAL;
		len = (size_t)(at - text);
	}
	if (len == 0)
		return -EINVAL;
	if (len >= sizeof(ret_name->folder))
		return -ENAMETOOLONG;
	memcpy(ret_name->folder, text, len);
	ret_name->folder[len] = '\0';
	ret_name->number = number;
	return 0;
}

const char *layer_name_reason(int code)
{
	switch (code) {
	case -ENAMETOOLONG:
		return "it is too long";
	case -EPROTONOSUPPORT:
		return nbd_uri_known;
	default:
		return "it is FOLDER, or FOLDER@N with a layer's number";
	}
}
