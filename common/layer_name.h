/* SPDX-License-Identifier: MIT */
/*
 * A layer as users name it: FOLDER, which is its newest layer, or FOLDER@N, or
 * the URI of a disk behind an NBD server, which has one.
 */
#ifndef COMMON_LAYER_NAME_H
#define COMMON_LAYER_NAME_H

#include <limits.h>
#include <stdint.h>

struct layer_name {
	char folder[PATH_MAX]; /* or a URI (common/nbd_uri.h) */
	uint64_t number;       /* 0: the newest */
};

/*
 * layer_name_parse - take a name apart
 *
 * What follows the last @ is the number if it is of digits only; FOLDER@1/ is a
 * folder whose name has an @.
 * Return: 0, -EINVAL (no folder, or a number that is 0 or too large),
 * -ENAMETOOLONG, -EPROTONOSUPPORT (a URI, but not one of NBD). @ret_name is
 * written only on success.
 */
int layer_name_parse(const char *text, struct layer_name *ret_name);

/* What is wrong with a name, for the end of a sentence. */
const char *layer_name_reason(int code);

#endif
