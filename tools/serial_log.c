/* SPDX-License-Identifier: MIT */
/*
 * Read a serial log; guests/scribble.c and guests/paint.h have the lines.
 *
 * A guest that moves in the middle of a line leaves its begin in one file
 * and its end in another; neither is a pass line then.
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

int serial_log_read(const char *path, struct serial_log *ret)
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
	*ret = log;
	return 0;
}
