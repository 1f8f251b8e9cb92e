/* SPDX-License-Identifier: MIT */
/*
 * libc has both: the restorer is what it gives to sigaction(2). Memory without
 * a file is not searched, since programs write code there and unmap it.
 */
#include "process/x86_code.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "process/memory_of.h"
#include "process/proc.h"
#include "process/vmas.h"

#define WHERE	    "process"
#define PIECE_BYTES 16384
#define LONGEST	    9 /* of the instructions below */

static const unsigned char call[] = {0x0f, 0x05, 0xc3};
static const unsigned char restorer[] = {0x48, 0xc7, 0xc0, 0x0f, 0x00,
					 0x00, 0x00, 0x0f, 0x05};
static const unsigned char short_restorer[] = {0xb8, 0x0f, 0x00, 0x00,
					       0x00, 0x0f, 0x05};

struct search {
	pid_t pid;
	struct smi_code code;
};

static void find(uint64_t *at, const unsigned char *piece, size_t nbytes,
		 uint64_t address, const unsigned char *what, size_t what_bytes)
{
	const unsigned char *found;

	if (*at)
		return;
	found = memmem(piece, nbytes, what, what_bytes);
	if (found)
		*at = address + (uint64_t)(found - piece);
}

static bool is_complete(const struct smi_code *code)
{
	return code->call && code->restorer;
}

static void search_piece(struct smi_code *code, const unsigned char *piece,
			 size_t nbytes, uint64_t address)
{
	find(&code->call, piece, nbytes, address, call, sizeof(call));
	find(&code->restorer, piece, nbytes, address, restorer,
	     sizeof(restorer));
	find(&code->restorer, piece, nbytes, address, short_restorer,
	     sizeof(short_restorer));
}

static bool may_hold(const struct smi_process_mapping *m)
{
	return m->is_readable && m->is_executable && !m->is_writable &&
	       (m->inode || !strcmp(m->name, "[vdso]"));
}

/* Return: 1 when all is found. */
static int search_vma(void *opaque, const struct smi_process_mapping *m)
{
	unsigned char piece[PIECE_BYTES];
	struct search *search = opaque;
	uint64_t at = m->start;

	while (may_hold(m) && at < m->end && !is_complete(&search->code)) {
		uint64_t left = m->end - at;
		size_t nbytes = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;

		if (!smi_memory_of_read(search->pid, at, piece, nbytes))
			break;
		search_piece(&search->code, piece, nbytes, at);
		at += nbytes < PIECE_BYTES ? nbytes : PIECE_BYTES - LONGEST;
	}
	return is_complete(&search->code);
}

/* Has it an interpreter, which loads its libraries? In the midst of an exec
 * that is not known, and assumed. */
static bool is_dynamic(const uint64_t *auxv, size_t nwords)
{
	for (size_t i = 0; i + 1 < nwords; i += 2)
		if (auxv[i] == AT_BASE)
			return auxv[i + 1] != 0;
	return true;
}

/* A program that ends has no mappings, and no values from its exec. */
static int not_found(pid_t pid, struct smudge_error *err)
{
	uint64_t auxv[64];
	long n = smi_proc_read(smi_proc_open(pid, "auxv"), (char *)auxv,
			       sizeof(auxv));

	if (n <= 0)
		return smudge_error_set(err, -ESRCH, WHERE,
					"process %d has ended", (int)pid);
	if (is_dynamic(auxv, (size_t)n / sizeof(auxv[0])))
		return smudge_error_set(err, -EAGAIN, WHERE,
					"process %d has not yet loaded a libc",
					(int)pid);
	return smudge_error_set(err, -EOPNOTSUPP, WHERE,
				"process %d has no code to make a system call "
				"and return from it by (as libc's)",
				(int)pid);
}

int smi_x86_code_find(pid_t pid, struct smi_code *ret_code,
		      struct smudge_error *err)
{
	struct search search = {.pid = pid};
	int ret = smi_vmas_each(pid, search_vma, &search);

	if (ret == 0 || ret == -ESRCH || ret == -ENOENT)
		return not_found(pid, err);
	if (ret < 0)
		return smudge_error_set(err, ret, WHERE,
					"cannot read the code of process %d: "
					"%s",
					(int)pid, strerror(-ret));
	*ret_code = search.code;
	return 0;
}

bool smi_x86_code_is_there(pid_t pid, const struct smi_code *code)
{
	unsigned char bytes[LONGEST];

	if (!is_complete(code) ||
	    !smi_memory_of_read(pid, code->call, bytes, sizeof(call)) ||
	    memcmp(bytes, call, sizeof(call)) != 0 ||
	    !smi_memory_of_read(pid, code->restorer, bytes, sizeof(bytes)))
		return false;
	return !memcmp(bytes, restorer, sizeof(restorer)) ||
	       !memcmp(bytes, short_restorer, sizeof(short_restorer));
}
