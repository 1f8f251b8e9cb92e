/* SPDX-License-Identifier: MIT */
/*
 * The descriptors of a source, and what its range is registered with.
 *
 * Each sentence names what is missing, since the user's next step differs:
 * another kernel, a sysctl, a container's seccomp profile.
 */
#include "source/uffd_fds.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "sys/maps.h"
#include "sys/pagemap.h"
#include "sys/space.h"

#define WHERE "uffd"

static int open_pagemap(struct smudge_error *err)
{
	int fd = smi_sys_pagemap_open();

	return fd < 0 ? smi_sys_pagemap_refused(WHERE, "pagemap", fd, err) : fd;
}

static int open_target(struct smi_uffd_fds *fds, struct smudge_error *err)
{
	fds->space = smi_sys_space_id();
	fds->start = fds->end = 0;
	fds->uffd = fds->target->uffd;
	fds->pagemap = fds->target->pagemap;
	if (!fds->space)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	return 0;
}

int smi_uffd_open(struct smi_uffd_fds *fds, struct smudge_error *err)
{
	int ret;

	if (fds->target)
		return open_target(fds, err);
	ret = smi_sys_uffd_use_open(&fds->use, SMI_SYS_UFFD_WRITES, err);
	if (ret < 0)
		return ret;
	fds->uffd = fds->use.fd;
	fds->pagemap = open_pagemap(err);
	if (fds->pagemap < 0)
		smi_sys_uffd_use_close(&fds->use);
	return fds->pagemap < 0 ? fds->pagemap : 0;
}

/*
 * Only what is registered with this userfaultfd: some kernels unregister a
 * mapping of any userfaultfd. Registering again fails if it is another's.
 */
static int unregister_own(const struct smi_uffd_fds *fds, uint64_t start,
			  uint64_t end)
{
	int ret = smi_sys_uffd_register(fds->uffd, start, end - start,
					SMI_SYS_UFFD_MODE_WP);

	if (!ret)
		ret = smi_sys_uffd_unregister(fds->uffd, start, end - start);
	return ret;
}

static int unregister_mapping(void *opaque, const struct smi_sys_mapping *m)
{
	unregister_own(opaque, m->start, m->end);
	return 0;
}

/* What cannot be dropped now goes as the target's userfaultfd is closed. */
static void unregister_target(struct smi_uffd_fds *fds, uint64_t start,
			      uint64_t end)
{
	if (start < end && smi_sys_space_is(fds->space) &&
	    unregister_own(fds, start, end) < 0)
		smi_sys_maps_each_of(fds->target->proc, start, end,
				     unregister_mapping, fds);
}

void smi_uffd_close(struct smi_uffd_fds *fds)
{
	if (fds->target) {
		unregister_target(fds, fds->start, fds->end);
		fds->start = fds->end = 0;
		fds->pagemap = -1;
		return;
	}
	smi_sys_uffd_use_close(&fds->use);
	if (fds->pagemap >= 0)
		close(fds->pagemap);
	fds->pagemap = -1;
}

static int register_failed(int code, uint64_t start, uint64_t end,
			   struct smudge_error *err)
{
	if (code == -EBUSY)
		return smudge_error_set(err, code, WHERE,
					"memory from 0x%" PRIx64
					" to 0x%" PRIx64
					" is registered with a userfaultfd of "
					"the process's own",
					start, end);
	return smudge_error_set(err, code, WHERE,
				"memory from 0x%" PRIx64 " to 0x%" PRIx64
				" cannot be registered with userfaultfd: %s",
				start, end, strerror(-code));
}

static int register_target(struct smi_uffd_fds *fds, uint64_t start,
			   uint64_t end, struct smudge_error *err)
{
	int ret = smi_sys_uffd_register(fds->uffd, start, end - start,
					SMI_SYS_UFFD_MODE_WP);

	return ret < 0 ? register_failed(ret, start, end, err) : 0;
}

int smi_uffd_register(struct smi_uffd_fds *fds, uint64_t start, uint64_t end,
		      struct smudge_error *err)
{
	int ret;

	if (!fds->target)
		return smi_sys_uffd_use_register(&fds->use, start, end, err);
	ret = register_target(fds, start, end, err);
	fds->start = start;
	fds->end = ret < 0 ? start : end;
	return ret;
}

int smi_uffd_extend(struct smi_uffd_fds *fds, uint64_t end,
		    struct smudge_error *err)
{
	int ret;

	if (!fds->target)
		return smi_sys_uffd_use_extend(&fds->use, end, err);
	ret = register_target(fds, fds->end, end, err);
	if (ret == 0)
		fds->end = end;
	return ret;
}

void smi_uffd_cut(struct smi_uffd_fds *fds, uint64_t end)
{
	if (!fds->target) {
		smi_sys_uffd_use_cut(&fds->use, end);
		return;
	}
	unregister_target(fds, end, fds->end);
	if (end < fds->end)
		fds->end = end;
}

/* A pagemap whose address space has no user any more has no content. */
static int check_target(const struct smi_uffd_fds *fds,
			struct smudge_error *err)
{
	uint64_t word;

	if (smi_sys_pagemap_words(fds->pagemap, 0, 1, &word) == 0)
		return 0;
	return smudge_error_set(err, -ESRCH, WHERE,
				"the process has ended, or executes another "
				"program");
}

/* A child's scan would take from the parent what the parent has to report. */
int smi_uffd_check(const struct smi_uffd_fds *fds, struct smudge_error *err)
{
	if (fds->target ? !smi_sys_space_is(fds->space)
			: !smi_sys_uffd_use_is_alive(&fds->use))
		return smudge_error_set(
			err, -EPERM, WHERE,
			"it was started before fork(2), by the parent process");
	return fds->target ? check_target(fds, err) : 0;
}

bool smi_uffd_hold(const struct smi_uffd_fds *fds)
{
	return !fds->target && smi_sys_uffd_use_hold(&fds->use);
}

void smi_uffd_release(void)
{
	smi_sys_uffd_use_release();
}
