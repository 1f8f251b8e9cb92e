/* SPDX-License-Identifier: MIT */
/*
 * A peer that sends all the time, but not what is due.
 *
 * It sleeps for far less than the limit. On a busy machine it may not run for
 * so long, or not come to the record that the test is about: then the error is
 * another one, and the test tries again with a longer limit.
 */
#ifndef TESTS_UNIT_MIGRATE_LIMIT_RIG_H
#define TESTS_UNIT_MIGRATE_LIMIT_RIG_H

#include "migrate_rig.h"

#define LIMIT_NS   UINT64_C(400000000)
#define LONGEST_NS UINT64_C(20000000000)

#define NOT_TO_THE_POINT "did not come to the point"

void limit_nap(void);

/* Send a record to be skipped, with @length bytes of payload. */
bool limit_say_nothing(int fd, size_t length);

/* The code of the ABORT or REFUSE that ends the peer's stream; or 0. */
uint32_t limit_last_code(struct smi_link *link);

/* A timeout, but not with these words? */
bool limit_was_late(int ret, const struct smudge_error *err, const char *words);

/* A case, with longer limits until it was not late: until it returns true. */
void limit_try(bool (*peer)(uint64_t limit_ns));

#endif
