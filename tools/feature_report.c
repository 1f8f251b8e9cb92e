/* SPDX-License-Identifier: MIT */
/*
 * What was tried, as a table and as JSON, with what the kernel says about this
 * process: by that a reader can tell why something is denied.
 */
#include "feature_report.h"

#include "feature_process.h"
#include "parts.h"
#include "print_json.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INDENT 4

static size_t columns(void)
{
	return isatty(STDOUT_FILENO) ? parts_columns(STDOUT_FILENO) : SIZE_MAX;
}

/* Words in lines that are no wider, unless one word is. */
static void print_words(const char *text, size_t width)
{
	size_t column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (!column || column + 1 + len > width) {
			printf("%s%*s", column ? "\n" : "", INDENT, "");
			column = INDENT;
		} else {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int)len, text);
		column += len;
		text += len;
		text += strspn(text, " ");
	}
	putchar('\n');
}

/* What works in its place, or happens without it; "": nothing. */
static void read_instead(const struct feature *feature,
			 const struct feature_result results[NFEATURES],
			 char text[64])
{
	size_t len = 0;

	snprintf(text, 64, "%s", feature->otherwise ? feature->otherwise : "");
	for (size_t k = 0; k < 2 && feature->instead[k]; k++) {
		const char *kind = feature->instead[k];

		if (results[feature_find(kind)].err.code)
			continue;
		len += snprintf(text + len, 64 - len, "%s%s", len ? ", " : "",
				kind);
	}
}

static void print_feature(const struct feature_result results[NFEATURES],
			  size_t i, size_t width)
{
	const struct feature *feature = &features[i];
	char instead[64];

	if (!results[i].err.code) {
		printf("%-11s %-5s %s\n", feature->kind, "yes", feature->since);
		return;
	}
	read_instead(feature, results, instead);
	printf("%-11s %-5s %-*s%s\n", feature->kind, "no", *instead ? 8 : 0,
	       feature->since, instead);
	print_words(results[i].err.message, width);
}

static void print_process(size_t width)
{
	struct feature_process process;
	char text[256];

	feature_process_read(&process);
	snprintf(text, sizeof(text),
		 "user %u, capabilities %s, seccomp %s, user namespace %s",
		 process.uid, process.capabilities, process.seccomp,
		 process.user_namespace);
	printf("Tried on Linux %s as\n", process.release);
	print_words(text, width);
}

int feature_report_table(const struct feature_result results[NFEATURES],
			 struct smudge_error *err)
{
	size_t width = columns();
	int ret;

	printf("%-11s %-5s %-6s  %s\n", "KIND", "WORKS", "SINCE", "INSTEAD");
	for (size_t i = 0; i < NFEATURES; i++) {
		if (results[i].is_asked)
			print_feature(results, i, width);
	}
	print_process(width);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	ret = errno ? -errno : -EIO;
	return smudge_error_set(err, ret, "features",
				"cannot write to standard output: %s",
				strerror(-ret));
}

static json_t *json_of_feature(const struct feature_result results[NFEATURES],
			       size_t i)
{
	const struct feature *feature = &features[i];
	const struct smudge_error *err = &results[i].err;
	bool works = !err->code;
	char instead[64] = "";

	if (!works)
		read_instead(feature, results, instead);
	return json_pack("{s:s, s:b, s:b, s:s, s:i, s:s?, s:s?}", "kind",
			 feature->kind, "works", works, "tracks",
			 feature->tracks, "since", feature->since, "errno",
			 -err->code, "why", works ? NULL : err->message,
			 "instead", *instead ? instead : NULL);
}

int feature_report_json(const struct feature_result results[NFEATURES],
			struct smudge_error *err)
{
	struct feature_process process;
	json_t *tried = json_array();
	json_t *report;
	int ret;

	for (size_t i = 0; i < NFEATURES; i++) {
		if (results[i].is_asked)
			json_array_append_new(tried,
					      json_of_feature(results, i));
	}
	feature_process_read(&process);
	report = json_pack("{s:o, s:{s:s, s:I, s:s, s:s, s:s}}", "features",
			   tried, "process", "release", process.release, "uid",
			   (json_int_t)process.uid, "capabilities",
			   process.capabilities, "seccomp", process.seccomp,
			   "user-namespace", process.user_namespace);
	ret = print_json(report, JSON_INDENT(2), err);
	json_decref(report);
	return ret;
}
