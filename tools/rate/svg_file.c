/* SPDX-License-Identifier: MIT */
/*
 * The heat maps of a measurement become one file.
 */
#include "rate/svg_file.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "common/file.h"
#include "rate/svg.h"

/* Of the members that have a heat map. */
static int collect(const struct rate_members *members,
		   struct rate_report *summary, struct rate_picture *pictures,
		   size_t *ret_n)
{
	size_t n = 0;
	int ret = 0;

	for (size_t i = 0; i < members->n && !ret; i++) {
		const struct rate_member *member = &members->list[i];

		if (!member->heat)
			continue;
		ret = member->heat->failure;
		pictures[n].heat = member->heat;
		pictures[n++].process =
			rate_report_process(summary, member->target.pid);
	}
	*ret_n = n;
	return ret;
}

int rate_svg_file(const char *path, const struct rate_members *members,
		  struct rate_report *summary, struct smudge_error *err)
{
	struct rate_picture *pictures =
		calloc(members->n + 1, sizeof(*pictures));
	char *text = NULL;
	size_t len = 0;
	size_t n = 0;
	int ret = -ENOMEM;

	if (pictures)
		ret = collect(members, summary, pictures, &n);
	if (!ret)
		ret = rate_svg(pictures, n, &text, &len);
	if (!ret)
		ret = file_write(path, text, len, interrupt_end_fd());
	free(text);
	free(pictures);
	if (ret)
		return smudge_error_set(err, ret, "rate",
					"the heat map %.100s cannot be "
					"written: %s",
					path, file_reason(ret));
	return 0;
}
