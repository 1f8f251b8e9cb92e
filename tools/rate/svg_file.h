/* SPDX-License-Identifier: MIT */
/*
 * The file of the heat maps.
 */
#ifndef TOOLS_RATE_SVG_FILE_H
#define TOOLS_RATE_SVG_FILE_H

#include <smudge/error.h>

#include "rate/members.h"
#include "rate/report.h"

/*
 * rate_svg_file - write the heat maps of all members
 * @path: appears whole, or stays as it was
 * @summary: the measured processes; what is said of each
 *
 * Return: 0, -ENOMEM, or -errno of the file.
 */
int rate_svg_file(const char *path, const struct rate_members *members,
		  struct rate_report *summary, struct smudge_error *err);

#endif
