/* SPDX-License-Identifier: MIT */
/*
 * What was restored, and how it continues: for people and for programs.
 */
#ifndef TOOLS_RESTORE_REPORT_H
#define TOOLS_RESTORE_REPORT_H

#include "restore/plan.h"

struct smudge_error;

/* Each note as a line on stderr. */
void restore_report_notes(const struct restore_plan *plan);

/*
 * restore_report - print how the machine continues
 *
 * A command line for a shell, and as comments the QMP commands that follow; or,
 * with @is_json, one object.
 * Return: 0, or -errno with one sentence.
 */
int restore_report(const struct restore_plan *plan, bool is_json,
		   struct smudge_error *err);

#endif
