/* SPDX-License-Identifier: MIT */
/*
 * What a migration came to. One function derives it, from what happened and
 * never from what was asked for: the phase that is published, the code that
 * is returned and all that a program says of it follow.
 */
#ifndef LIB_MIGRATE_OUTCOME_H
#define LIB_MIGRATE_OUTCOME_H

#include <stdbool.h>

#include <smudge/migrate.h>

struct smi_migrate_facts {
	int error;	     /* first failure; 0: none */
	bool is_given_up;    /* a cancel was obeyed, or the policy gave up */
	bool is_handed_over; /* sender: the socket took all of GO;
				receiver: GO came and was accepted */
	bool is_confirmed;   /* sender: RECEIPT came */
};

struct smi_migrate_outcome {
	enum smudge_migrate_phase phase;
	int error; /* to be returned */
};

struct smi_migrate_outcome
smi_migrate_outcome(const struct smi_migrate_facts *facts);

#endif
