/* SPDX-License-Identifier: MIT */
/*
 * The text of smaps: for each mapping a line as in /proc/self/maps, then lines
 * of "Name: value", of which VmFlags is the last. Another thread may merge
 * mappings between two reads; a part that was visited is not visited again.
 */
#include "sys/smaps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct walk {
	uint64_t at, end; /* not visited yet */
	struct smi_sys_smap m;
	bool has_m;
	int (*each)(void *opaque, const struct smi_sys_smap *m);
	void *opaque;
};

static bool parse_head(const char *line, struct smi_sys_smap *m)
{
	char perms[5];

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &m->start, &m->end,
		   perms) != 3)
		return false;
	m->page_bytes = 0;
	m->is_mergeable = false;
	m->is_awaited = false;
	m->prot = (perms[0] == 'r' ? PROT_READ : 0) |
		  (perms[1] == 'w' ? PROT_WRITE : 0) |
		  (perms[2] == 'x' ? PROT_EXEC : 0);
	m->is_shared = perms[3] == 's';
	return true;
}

static int visit(struct walk *w)
{
	struct smi_sys_smap m = w->m;

	w->has_m = false;
	if (m.end <= w->at || m.start >= w->end)
		return 0;
	if (!m.page_bytes)
		return -EIO;
	m.start = m.start < w->at ? w->at : m.start;
	m.end = m.end > w->end ? w->end : m.end;
	w->at = m.end;
	return w->each(w->opaque, &m);
}

/* A mapping is complete at its VmFlags. */
static int take_line(struct walk *w, const char *line)
{
	uint64_t kib;

	if (!w->has_m) {
		w->has_m = parse_head(line, &w->m);
		return w->has_m ? 0 : -EIO;
	}
	if (sscanf(line, "KernelPageSize: %" SCNu64, &kib) == 1)
		w->m.page_bytes = kib << 10;
	if (strncmp(line, "VmFlags:", 8) != 0)
		return 0;
	w->m.is_mergeable = strstr(line, " mg") != NULL;
	w->m.is_awaited = strstr(line, " um") || strstr(line, " ui");
	return visit(w);
}

int smi_sys_smaps_each(uint64_t start, uint64_t end,
		       int (*each)(void *opaque, const struct smi_sys_smap *m),
		       void *opaque)
{
	struct walk w = {
		.at = start, .end = end, .each = each, .opaque = opaque};
	FILE *smaps = fopen("/proc/self/smaps", "re");
	char *line = NULL;
	size_t size = 0;
	int ret = 0;

	if (!smaps)
		return -errno;
	errno = 0;
	while (!ret && w.at < end && getline(&line, &size, smaps) >= 0)
		ret = take_line(&w, line);
	if (!ret && ferror(smaps))
		ret = errno ? -errno : -EIO;
	free(line);
	fclose(smaps);
	return ret;
}
