/* SPDX-License-Identifier: MIT */
/*
 * Lines of "info mtree -f" are "  gpa-gpa (prio 0, ram): id @offset KVM", and
 * the answer of "gpa2hva" ends in "is 0xhva".
 */
#include "qemu/gpa.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/error.h>

#include "qemu/memory_map.h"
#include "qemu/peer.h"

#define NAME	    "qemu"
#define MAP_COMMAND "info mtree -f"

static bool read_hva(const char *text, const char *id, uint64_t *ret_hva)
{
	const char *name = strchr(text, '(');
	const char *is = strstr(text, ") is 0x");

	if (!name || !is || strncmp(name + 1, id, strlen(id)) != 0)
		return false;
	*ret_hva = strtoull(is + strlen(") is "), NULL, 16);
	return true;
}

int qemu_gpa_find(struct qemu_peer *peer, const char *id, uint64_t *ret_address)
{
	char *tree = qemu_peer_ask(peer, MAP_COMMAND);
	uint64_t gpa, offset, hva;
	char line[64];
	char *answer = NULL;
	int ret = -ENOENT;

	if (tree && qemu_memory_map_find(tree, id, &gpa, &offset)) {
		snprintf(line, sizeof(line), "gpa2hva 0x%" PRIx64, gpa);
		answer = qemu_peer_ask(peer, line);
	}
	if (answer && read_hva(answer, id, &hva)) {
		*ret_address = hva - offset;
		ret = 0;
	}
	free(tree);
	free(answer);
	return ret;
}

int qemu_gpa_read_map(struct qemu_peer *peer, struct qemu_machine *machine,
		      struct smudge_error *err)
{
	char *text = qemu_peer_ask(peer, MAP_COMMAND);
	int ret = qemu_memory_map_parse(text ? text : "", machine);

	free(text);
	if (ret)
		return smudge_error_set(err, ret, NAME, "out of memory");
	return 0;
}
