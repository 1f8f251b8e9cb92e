/* SPDX-License-Identifier: MIT */
/*
 * Locks on the bytes of a folder, which has none.
 */
#include "checkpoint/readers.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "common/range.h"
#include "sys/clock.h"

#define WHERE "chain"

/* Bytes from 1 on are numbers of layers; very high ones share the last. */
#define PRUNER_BYTE (INT64_C(1) << 62)

#define STEP_NS 1000000
#define MAX_NS	UINT64_C(60000000000)

static struct flock lock_of(short type, int64_t start, int64_t length)
{
	return (struct flock){.l_type = type,
			      .l_whence = SEEK_SET,
			      .l_start = start,
			      .l_len = length};
}

static int64_t byte_of(uint64_t number)
{
	return (int64_t)min_u64(number, PRUNER_BYTE - 1);
}

/* What cannot be locked is not. */
static void set(int folder_fd, short type, int64_t start, int64_t length)
{
	struct flock lock = lock_of(type, start, length);

	(void)fcntl(folder_fd, F_OFD_SETLK, &lock);
}

/* Does another description hold a lock there? @length: not 0. */
static bool is_held(int folder_fd, int64_t start, int64_t length)
{
	struct flock lock = lock_of(F_WRLCK, start, length);

	return fcntl(folder_fd, F_OFD_GETLK, &lock) == 0 &&
	       lock.l_type != F_UNLCK;
}

int smi_readers_enter(int folder_fd, struct smudge_error *err)
{
	const struct timespec step = {.tv_nsec = STEP_NS};
	uint64_t until_ns = smi_sys_now_ns() + MAX_NS;

	do {
		set(folder_fd, F_RDLCK, 0, PRUNER_BYTE);
		if (!is_held(folder_fd, PRUNER_BYTE, 1))
			return 0;
		set(folder_fd, F_UNLCK, 0, PRUNER_BYTE);
		/* A signal may end it early. */
		(void)nanosleep(&step, NULL);
	} while (smi_sys_now_ns() < until_ns);
	return smudge_error_set(err, -EBUSY, WHERE,
				"names in the folder have been changed by a "
				"pruner for a minute");
}

void smi_readers_stay(int folder_fd, uint64_t number)
{
	int64_t byte = byte_of(number);

	set(folder_fd, F_UNLCK, 0, byte);
	if (byte + 1 < PRUNER_BYTE)
		set(folder_fd, F_UNLCK, byte + 1, PRUNER_BYTE - byte - 1);
}

void smi_readers_stop(int folder_fd)
{
	set(folder_fd, F_RDLCK, PRUNER_BYTE, 1);
}

void smi_readers_resume(int folder_fd)
{
	set(folder_fd, F_UNLCK, PRUNER_BYTE, 1);
}

bool smi_readers_are_in(int folder_fd, uint64_t number)
{
	return is_held(folder_fd, byte_of(number), 1);
}

bool smi_readers_are_above(int folder_fd, uint64_t number)
{
	int64_t end = byte_of(number) + 1;

	return end < PRUNER_BYTE && is_held(folder_fd, end, PRUNER_BYTE - end);
}
