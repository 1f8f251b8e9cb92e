/* SPDX-License-Identifier: MIT */
/*
 * The memory of a machine that comes in from a checkpoint while the guest runs
 * (--lazy, smudge/lazy.h).
 *
 * It has the chain, and so its folder or server, until all is in. One thread
 * waits for that. If the chain fails the guest stops for good, and sees no
 * wrong byte: base/lost_memory.h and machine/lost.h say how.
 */
#ifndef VM_CHECKPOINT_LAZY_H
#define VM_CHECKPOINT_LAZY_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/lazy.h>

struct layer_place;
struct lazy;
struct machine;
struct smudge_chain;
struct smudge_error;

struct lazy_options {
	struct machine *machine;   /* borrowed until lazy_end */
	uint64_t bytes_per_second; /* of what comes in by itself; 0: no limit */
	void *opaque;
	/*
	 * The guest is stopped for good. Whatever reads its memory is to be
	 * given up when this returns. On a thread of the library, once.
	 */
	void (*lost)(void *opaque);
	/*
	 * All is in, or @why says why not. Once, without locks, on a thread of
	 * its own or of the library. Not after lazy_end.
	 */
	void (*ended)(void *opaque, const struct smudge_error *why);
};

enum lazy_status {
	LAZY_ACTIVE,
	LAZY_COMPLETED,
	LAZY_FAILED,
};

struct lazy_report {
	enum lazy_status status;
	struct smudge_lazy_stats stats;
	struct smudge_error error; /* failed */
};

/*
 * lazy_begin - from now on pages that are touched come in
 * @chain: borrowed until lazy_end, or lazy_take_place
 * @options: copied
 *
 * The machine is started and has not run.
 * Return: 0, or as smudge_restore_lazily, with one sentence.
 */
int lazy_begin(const struct lazy_options *options, struct smudge_chain *chain,
	       struct lazy **ret_lazy, struct smudge_error *err);

/*
 * The caller needs the chain no longer.
 * @place: has it; copied, and closed when all is in
 */
void lazy_take_place(struct lazy *lazy, const struct layer_place *place);

/*
 * lazy_bring_all - from now on also what nothing waits for comes in
 *
 * After lazy_take_place, once the guest runs: until then all of the host's
 * processors are for its start. Return: 0 or -errno, with one sentence.
 */
int lazy_bring_all(struct lazy *lazy, struct smudge_error *err);

/* Does it come in from a disk, and is not all in yet? Threads: any. */
bool lazy_reads_disk(struct lazy *lazy);

/* Has it failed? True: @why says why. Threads: any. */
bool lazy_has_failed(struct lazy *lazy, struct smudge_error *why);

/* Threads: any. */
void lazy_report(struct lazy *lazy, struct lazy_report *ret);

/*
 * lazy_end - give up what is not in
 *
 * NULL is fine. No vCPU runs, and no checkpoint or migration reads the memory.
 * What else touches a page that is not in finds zeros, and machine_check_memory
 * says so. Blocks: until what is being read is read.
 */
void lazy_end(struct lazy *lazy);

/* As lazy_end, and free. NULL is fine. */
void lazy_destroy(struct lazy *lazy);

#endif
