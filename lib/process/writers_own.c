/* SPDX-License-Identifier: MIT */
/*
 * What a process has itself that writes to its memory without its page tables:
 * the links in /proc/PID/fd tell.
 */
#include "process/writers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"

#define WHERE "process"

static void tell(const struct smi_writers *writers,
		 enum smudge_process_writer_kind kind, const char *name)
{
	const struct smudge_process_writer writer = {
		.size = sizeof(writer),
		.kind = kind,
		.pid = writers->process->pid,
		.name = name,
	};

	writers->each(writers->opaque, &writer);
}

static bool is_device(const char *link)
{
	return text_begins(link, "/dev/vfio/") || !strcmp(link, "/dev/iommu") ||
	       text_begins(link, "anon_inode:[vfio") ||
	       text_begins(link, "/dev/vhost-vdpa");
}

static void look_at(const struct smi_writers *writers, int fds, const char *fd)
{
	char link[128];
	ssize_t n = readlinkat(fds, fd, link, sizeof(link) - 1);

	if (n < 0) /* closed meanwhile, or "." */
		return;
	link[n] = '\0';
	if (is_device(link))
		tell(writers, SMUDGE_PROCESS_WRITER_DEVICE, link);
	else if (!strcmp(link, "anon_inode:[io_uring]"))
		tell(writers, SMUDGE_PROCESS_WRITER_IO_URING, link);
	else
		smi_writers_look_at_file(writers, fds, fd, link);
}

/* A context of AIO is no descriptor, but its ring is mapped. */
static void look_at_rings(const struct smi_writers *writers)
{
	const struct smudge_process *process = writers->process;

	for (size_t i = 0; i < process->nleft_out; i++) {
		if (text_begins(process->left_out[i].name, "/[aio]"))
			tell(writers, SMUDGE_PROCESS_WRITER_AIO,
			     process->left_out[i].name);
	}
}

static int failed(int code, struct smudge_error *err)
{
	if (code == -ENOENT)
		code = -ESRCH;
	if (code == -EACCES)
		code = -EPERM;
	return smudge_error_set(err, code, WHERE,
				"cannot read the descriptors of the process "
				"from /proc/PID/fd: %s",
				strerror(-code));
}

int smi_writers_of_own(struct smi_writers *writers, struct smudge_error *err)
{
	int fds = openat(writers->process->attachment->uffd.proc, "fd",
			 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *all = fds < 0 ? NULL : fdopendir(fds);
	struct dirent *entry;

	if (!all) {
		int code = -errno;

		if (fds >= 0)
			close(fds);
		return failed(code, err);
	}
	while ((entry = readdir(all)))
		look_at(writers, fds, entry->d_name);
	closedir(all);
	look_at_rings(writers);
	return 0;
}
