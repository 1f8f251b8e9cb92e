/* SPDX-License-Identifier: MIT */
/*
 * The id of a QMP request, kept as the client wrote it.
 *
 * A client may use any JSON value as its id and expects the same value in the
 * reply. jansson cannot hold every value (integers above 2^63 - 1, reals above
 * the largest double, strings with U+0000). So the id's text is cut out of the
 * request before jansson reads it, and copied into the reply.
 *
 * INVARIANT: an id that is returned here is one JSON value without a newline,
 * so a reply that carries it is still one line of valid JSON.
 */
#ifndef VM_QMP_ID_H
#define VM_QMP_ID_H

#include <stddef.h>

/*
 * qmp_id_take - cut the id out of a request
 * @bytes, @len: a bracketed value from qmp_scan_feed; the id's value is
 *         overwritten with the number 0
 * @ret_id: receives the id's text, which the caller frees; NULL when the
 *          request has no id. Newlines between the id's tokens become spaces.
 *
 * Only the first member "id" of the object is used. A second one is left to
 * the parser, which refuses duplicates.
 * Return: 0, -EINVAL (the id is not a JSON value), -ENOMEM.
 */
int qmp_id_take(char *bytes, size_t len, char **ret_id);

#endif
