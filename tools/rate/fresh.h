/* SPDX-License-Identifier: MIT */
/*
 * Pages that a process mapped since the last harvest.
 *
 * Tracking cannot know whether such pages were written, so they are all dirty.
 * Memory that was only reserved would count as written, so here those without
 * content are made clean: a page that was written has content, or was swapped
 * out, or its content was dropped.
 */
#ifndef TOOLS_RATE_FRESH_H
#define TOOLS_RATE_FRESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

#include "rate/windows.h"

struct rate_fresh;
struct smudge_client;
struct smudge_error;
struct smudge_process;
struct smudge_region;

/* Return: NULL, with one sentence, if the process may not be read. */
struct rate_fresh *rate_fresh_create(pid_t pid, struct smudge_error *err);
void rate_fresh_destroy(struct rate_fresh *fresh); /* or NULL */

/*
 * The regions, @n of them, are as they are now: none of their pages is new.
 * Return: 0 or -ENOMEM.
 */
int rate_fresh_know(struct rate_fresh *fresh,
		    struct smudge_region *const *regions, size_t n);

/*
 * rate_fresh_trim - make new pages without content clean, after a harvest
 * @clients: RATE_NWINDOWS of them
 * @regions: all regions, @n of them, in ascending order of address
 *
 * A mapping that is all dirty although it is not tracked is made clean.
 * Return: 0, or -errno with one sentence.
 */
int rate_fresh_trim(struct rate_fresh *fresh, struct smudge_process *process,
		    struct smudge_client *const *clients,
		    struct smudge_region *const *regions, size_t n,
		    struct smudge_error *err);

/* How many new pages the last trim found with content, of 4096 bytes. */
uint64_t rate_fresh_counted(const struct rate_fresh *fresh);

#endif
