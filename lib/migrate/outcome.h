/* SPDX-License-Identifier: MIT */
/*
 * The outcome of a migration. One function derives it from what happened, never
 * from what was requested. The published phase, the returned code and all that
 * a program prints follow from it.
 */
#ifndef LIB_MIGRATE_OUTCOME_H
#define LIB_MIGRATE_OUTCOME_H

#include <stdbool.h>

#include <smudge/migrate.h>

struct smi_migrate_facts {
	int error;	     /* first failure; 0: none */
	bool is_given_up;    /* ended by a cancel, or by the policy */
	bool is_handed_over; /* sender: the socket took all of GO;
				receiver: GO came and was accepted */
	bool is_confirmed;   /* sender: RECEIPT came */
};

struct smi_migrate_outcome {
	enum smudge_migrate_phase phase;
	int error; /* of the call; 0: none */
};

struct smi_migrate_outcome
smi_migrate_outcome(const struct smi_migrate_facts *facts);

#endif
