/* SPDX-License-Identifier: MIT */
/*
 * What was tried, as a table and as JSON.
 */
#ifndef TOOLS_FEATURE_REPORT_H
#define TOOLS_FEATURE_REPORT_H

#include "feature.h"

struct feature_result {
	bool is_asked;		 /* printed */
	bool is_tried;		 /* also if it only may do another's work */
	struct smudge_error err; /* its code is 0 if the feature works */
};

/*
 * feature_report_table, feature_report_json - print what was asked for
 * @results: of features, in their order
 *
 * The table is as wide as the terminal; elsewhere each reason is one line.
 * Return: 0, or -errno with one sentence: the output cannot be written.
 */
int feature_report_table(const struct feature_result results[NFEATURES],
			 struct smudge_error *err);
int feature_report_json(const struct feature_result results[NFEATURES],
			struct smudge_error *err);

#endif
