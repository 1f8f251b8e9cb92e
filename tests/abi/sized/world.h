/* SPDX-License-Identifier: MIT */
/*
 * What the calls of sized.h are made with. It is opened by a file that is built
 * against the headers as they are; so no struct of them is defined here.
 */
#ifndef TESTS_ABI_SIZED_WORLD_H
#define TESTS_ABI_SIZED_WORLD_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the program with status 1 if it is not so. */
#define NEED(what, name)                                                  \
	do {                                                              \
		if (!(what)) {                                            \
			fprintf(stderr, "%s: not so: %s\n", name, #what); \
			exit(1);                                          \
		}                                                         \
	} while (0)

extern struct world {
	void *pages;
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source;
	struct smudge_display *display;
	struct smudge_code *code;
	struct smudge_hub *hub;
	struct smudge_kvm *kvm;		  /* NULL: there is no KVM */
	struct smudge_kvm_ring *kvm_ring; /* NULL: it has no rings */
	struct smudge_migration *migration;
	/* of libsmudge-checkpoint's calls; paths of folders */
	struct smudge_checkpointer *checkpointer;
	struct smudge_chain *chain;
	unsigned long long ticket;
	char folder[64], other[64];
	int ncalled; /* callbacks of the program */
} world;

void world_open(void);
void world_close(void);

/* What a refused call leaves as it is. */
void world_remember(void);
bool world_is_as_remembered(void);

#endif
