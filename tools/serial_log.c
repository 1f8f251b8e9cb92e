/* SPDX-License-Identifier: MIT */
/*
 * Read the lines that guests/scribble.c and guests/paint.h describe.
 *
 * If a guest moves in the middle of a line, one file has the beginning and
 * another one the end. Neither counts as a line of a pass.
 */
#include "serial_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take_line(const char *line, struct serial_log *log)
{
	uint64_t pass;
	uint64_t pages;
	uint64_t errors;

	if (strstr(line, "error page") || strstr(line, "paint: error")) {
		if (!log->errors)
			log->errors = 1;
		return;
	}
	if (sscanf(line, "paint: loop %" SCNu64, &pass) == 1) {
		log->passes++;
		log->last_pass = pass;
		return;
	}
	if (sscanf(line,
		   "scribble: pass %" SCNu64 " pages %" SCNu64
		   " errors %" SCNu64,
		   &pass, &pages, &errors) != 3)
		return;
	log->passes++;
	log->last_pass = pass;
	if (errors > log->errors)
		log->errors = errors;
}

int serial_log_read(const char *path, struct serial_log *ret_log)
{
	struct serial_log log = {0};
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	if (!file)
		return -errno;
	while ((n = getline(&line, &size, file)) > 0) {
		if (line[n - 1] == '\n')
			take_line(line, &log);
	}
	free(line);
	fclose(file);
	*ret_log = log;
	return 0;
}
