/* SPDX-License-Identifier: MIT */
/*
 * Playing a stream to a receiver. The streams are small enough for a socket's
 * buffer, so no second thread is needed: the whole stream is written and
 * closed before the receiver begins.
 */
#include "stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <smudge/migrate.h>

#include "wire/bytes.h"
#include "wire/record.h"

#define GUARD_BYTES  4096
#define BUFFER_BYTES (1 << 20)

struct stream_player {
	struct smudge_memory *memory;
	struct smudge_region *regions[2];
	uint8_t *hva[2]; /* with a guard page before and behind */
	int load_error;
	struct stream_result *result; /* of the stream that is played */
};

static uint8_t *map_guarded(size_t bytes)
{
	uint8_t *at = mmap(NULL, bytes + 2 * GUARD_BYTES, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	if (mprotect(at + GUARD_BYTES, bytes, PROT_READ | PROT_WRITE) < 0)
		return NULL;
	return at + GUARD_BYTES;
}

static bool add_region(struct stream_player *player, size_t index)
{
	const struct smi_wire_region *wanted = &stream_regions()[index];
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = wanted->name,
		.gpa = wanted->gpa,
		.size_bytes = wanted->size_bytes,
		.page_shift = wanted->page_shift,
	};

	player->hva[index] = map_guarded(wanted->size_bytes);
	options.hva = player->hva[index];
	return options.hva && !smudge_region_add(player->memory, &options,
						 &player->regions[index], NULL);
}

struct stream_player *stream_player_create(void)
{
	struct stream_player *player = calloc(1, sizeof(*player));

	if (player && !smudge_memory_create(&player->memory) &&
	    add_region(player, 0) && add_region(player, 1))
		return player;
	free(player);
	return NULL;
}

void stream_player_destroy(struct stream_player *player)
{
	for (size_t i = 0; i < 2; i++) {
		smudge_region_remove(player->regions[i], NULL);
		munmap(player->hva[i] - GUARD_BYTES,
		       stream_regions()[i].size_bytes + 2 * GUARD_BYTES);
	}
	smudge_memory_destroy(player->memory, NULL);
	free(player);
}

const uint8_t *stream_player_page(struct stream_player *player, uint32_t region,
				  uint64_t page)
{
	return player->hva[region] + page * SMI_WIRE_PAGE_BYTES;
}

static int load_state(void *opaque, const void *bytes, size_t length,
		      struct smudge_error *err)
{
	struct stream_player *player = opaque;

	player->result->state_loaded = length == sizeof(STREAM_STATE) &&
				       !memcmp(bytes, STREAM_STATE, length);
	return player->load_error;
}

void stream_player_fail_load(struct stream_player *player, int error)
{
	player->load_error = error;
}

/* Read what the receiver sent: skip the greeting, look for a REFUSE. */
static void read_answers(int fd, struct stream_result *result)
{
	uint8_t bytes[4096];
	ssize_t length = recv(fd, bytes, sizeof(bytes), 0);
	size_t at = SMI_WIRE_GREETING_BYTES;

	while (length > 0 && at + SMI_WIRE_HEADER_BYTES <= (size_t)length) {
		struct smi_wire_header header;
		struct smi_wire_reason reason;

		if (smi_wire_header_decode(bytes + at, SMI_WIRE_RECEIVER,
					   &header, NULL) < 0 ||
		    smi_wire_record_verify(bytes + at, &header, NULL) < 0)
			return;
		at += SMI_WIRE_HEADER_BYTES;
		if (header.type == SMI_WIRE_REFUSE &&
		    !smi_wire_reason_decode(bytes + at, header.length, &reason,
					    NULL)) {
			result->peer_was_told = true;
			result->told_code = reason.code;
			memcpy(result->told, reason.sentence,
			       sizeof(result->told));
		}
		at += header.length;
	}
}

static void receive(struct stream_player *player, int fd,
		    struct stream_result *result)
{
	const struct smudge_migrate_receive_options options = {
		.size = sizeof(options),
		.opaque = player,
		.state_load = load_state,
	};
	struct smudge_migration *migration;

	player->result = result;
	result->error = smudge_migration_create(NULL, &migration, NULL);
	if (result->error < 0)
		return;
	result->error = smudge_migrate_receive(migration, player->memory, fd,
					       &options, &result->err);
	smudge_migration_destroy(migration);
}

struct stream_result stream_play(struct stream_player *player,
				 const uint8_t *bytes, size_t length)
{
	struct stream_result result = {0};
	int buffer = BUFFER_BYTES;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
		result.error = -1;
		return result;
	}
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	if (send(fds[0], bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL) !=
		    (ssize_t)length ||
	    shutdown(fds[0], SHUT_WR) < 0)
		result.error = -1;
	else
		receive(player, fds[1], &result);
	close(fds[1]);
	read_answers(fds[0], &result);
	close(fds[0]);
	return result;
}
