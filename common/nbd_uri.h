/* SPDX-License-Identifier: MIT */
/*
 * What tells a store behind an NBD server from a folder.
 */
#ifndef COMMON_NBD_URI_H
#define COMMON_NBD_URI_H

#include <stdbool.h>

/*
 * nbd_uri_is - does it begin as an NBD URI does?
 *
 * nbd:// and nbd+unix://, and with TLS nbds:// and nbds+unix://. A folder of
 * such a name is still reached as ./nbd:...
 */
bool nbd_uri_is(const char *text);

/*
 * nbd_uri_is_other - is it a URI of another scheme, such as s3://bucket?
 *
 * Nothing here reaches such a place, and as a folder it is a slip.
 */
bool nbd_uri_is_other(const char *text);

/* Which there are, for the end of a sentence about another one. */
extern const char nbd_uri_known[];

#endif
