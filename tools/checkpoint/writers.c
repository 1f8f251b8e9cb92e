/* SPDX-License-Identifier: MIT */
/*
 * Writers that are not detected.
 */
#include "checkpoint/writers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kcmp.h>

#include "text.h"

#define NAME "checkpoint"

static bool is_known(const struct checkpoint_writers *writers,
		     const struct smudge_process_writer *writer)
{
	for (size_t i = 0; i < writers->nshared; i++)
		if (writers->shared[i].first_address <= writer->first_address &&
		    writers->shared[i].end_address >= writer->end_address)
			return true;
	return false;
}

/* Return: is it met for the first time? */
static bool add(struct checkpoint_writers *writers,
		const struct smudge_process_writer *writer)
{
	struct checkpoint_range *shared;

	if (is_known(writers, writer))
		return false;
	shared = realloc(writers->shared,
			 (writers->nshared + 1) * sizeof(*shared));
	if (!shared) {
		writers->is_out_of_memory = true;
		return false;
	}
	shared[writers->nshared++] = (struct checkpoint_range){
		.first_address = writer->first_address,
		.end_address = writer->end_address,
	};
	writers->shared = shared;
	return true;
}

static void add_process(struct checkpoint_writers *writers,
			const struct smudge_process_writer *writer)
{
	if (!add(writers, writer))
		return;
	writers->others_bytes += writer->end_address - writer->first_address;
	snprintf(writers->other, sizeof(writers->other), "%s", writer->name);
	writers->other_pid = writer->pid;
}

/* Of more than there is room for, any is enough. */
static void add_twin(struct checkpoint_writers *writers, pid_t pid)
{
	if (writers->ntwins < CHECKPOINT_MAX_TWINS)
		writers->twins[writers->ntwins++] = pid;
}

static void judge(void *opaque, const struct smudge_process_writer *writer)
{
	struct checkpoint_writers *writers = opaque;

	switch (writer->kind) {
	case SMUDGE_PROCESS_WRITER_PROCESS:
		add_process(writers, writer);
		break;
	case SMUDGE_PROCESS_WRITER_FILE:
		if (add(writers, writer))
			writers->files_bytes +=
				writer->end_address - writer->first_address;
		break;
	case SMUDGE_PROCESS_WRITER_TWIN:
		add_twin(writers, writer->pid);
		break;
	default:
		writers->is_refused = true;
		writers->refused_kind = writer->kind;
	}
}

static int refuse(const struct checkpoint_writers *writers, pid_t pid,
		  struct smudge_error *err)
{
	if (writers->refused_kind == SMUDGE_PROCESS_WRITER_DEVICE)
		return smudge_error_set(
			err, -EOPNOTSUPP, NAME,
			"process %d lets a device write its memory (VFIO), "
			"which is not detected: checkpoint it without the "
			"device",
			(int)pid);
	return smudge_error_set(
		err, -EOPNOTSUPP, NAME,
		"process %d uses %s, whose reads go on while it stands and "
		"would be missing: have it use plain reads",
		(int)pid,
		writers->refused_kind == SMUDGE_PROCESS_WRITER_AIO
			? "AIO (io_submit)"
			: "io_uring");
}

static void warn(struct checkpoint_writers *writers, pid_t pid)
{
	char text[TEXT_BYTES];

	text_bytes(text, (double)writers->others_bytes);
	fprintf(stderr,
		"smudge: %s of process %d may be written by others too, such "
		"as %s (%d), which run on: each checkpoint copies all of it\n",
		text, (int)pid, writers->other, (int)writers->other_pid);
	writers->has_warned = true;
}

static void warn_of_files(struct checkpoint_writers *writers, pid_t pid)
{
	char text[TEXT_BYTES];

	text_bytes(text, (double)writers->files_bytes);
	fprintf(stderr,
		"smudge: %s of process %d are of files that it has open for "
		"writing, or maps twice: each checkpoint copies all of it\n",
		text, (int)pid);
	writers->has_warned_of_files = true;
}

static void warn_of_unreadable(struct checkpoint_writers *writers, pid_t pid,
			       int n)
{
	fprintf(stderr,
		"smudge: %d process%s may not be looked at: what %s to memory "
		"that process %d shares is not detected\n",
		n, n == 1 ? "" : "es", n == 1 ? "it writes" : "they write",
		(int)pid);
	writers->has_warned_of_unreadable = true;
}

int checkpoint_writers_look(struct checkpoint_writers *writers,
			    struct smudge_process *process, pid_t pid,
			    struct smudge_error *err)
{
	int ret;

	writers->ntwins = 0;
	ret = smudge_process_each_writer(process, judge, writers, err);
	if (ret < 0)
		return ret;
	if (writers->is_refused)
		return refuse(writers, pid, err);
	if (writers->is_out_of_memory)
		return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	if (writers->others_bytes && !writers->has_warned)
		warn(writers, pid);
	if (writers->files_bytes && !writers->has_warned_of_files)
		warn_of_files(writers, pid);
	if (ret && !writers->has_warned_of_unreadable)
		warn_of_unreadable(writers, pid, ret);
	return 0;
}

int checkpoint_writers_check(const struct checkpoint_writers *writers,
			     pid_t pid, struct smudge_error *err)
{
	for (size_t i = 0; i < writers->ntwins; i++)
		if (syscall(SYS_kcmp, pid, writers->twins[i], KCMP_VM, 0, 0) ==
		    0)
			return smudge_error_set(
				err, -EBUSY, NAME,
				"process %d has the same address space as "
				"process %d (CLONE_VM) and would write on "
				"while that stands",
				(int)writers->twins[i], (int)pid);
	return 0;
}

void checkpoint_writers_mark(const struct checkpoint_writers *writers,
			     struct smudge_memory *memory)
{
	for (size_t i = 0; i < writers->nshared; i++)
		smudge_memory_mark_gpa(
			memory, writers->shared[i].first_address,
			writers->shared[i].end_address -
				writers->shared[i].first_address);
}

void checkpoint_writers_free(struct checkpoint_writers *writers)
{
	free(writers->shared);
	*writers = (struct checkpoint_writers){0};
}
