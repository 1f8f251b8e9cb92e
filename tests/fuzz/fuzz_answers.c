/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer of the sender: the input is what a receiver sends, in five parts
 * that come one each at its greeting, at REGION_TABLE, ROUND_END, END and GO;
 * then the receiver closes. Each input is played as it is and with its
 * checksums made right. Whatever comes, the sender returns 0, or an error with
 * a sentence, its machine runs again unless it was handed over, and nothing is
 * tracked any more.
 *
 * Input: for each part its length (two bytes, little-endian) and its bytes.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <smudge/memory.h>
#include <smudge/migrate.h>

#include "wire/bytes.h"
#include "wire/greeting.h"
#include "wire/record.h"

#define NPARTS	  5
#define MAX_BYTES 65536
#define RAM_BYTES 65536
/* A part that is not whole makes both sides wait for more. */
#define SILENCE_NS UINT64_C(20000000)

struct part {
	const uint8_t *bytes;
	size_t length;
};

struct receiver {
	int fd;
	struct part parts[NPARTS];
};

struct machine {
	int stops;
	int resumes;
};

/* Say one part; behind the last one there is nothing more. */
static void say(struct receiver *receiver, size_t index)
{
	const struct part *part = &receiver->parts[index];
	size_t left = 0;

	if (part->length)
		(void)send(receiver->fd, part->bytes, part->length,
			   MSG_NOSIGNAL);
	for (size_t i = index + 1; i < NPARTS; i++)
		left += receiver->parts[i].length;
	if (!left)
		shutdown(receiver->fd, SHUT_WR);
}

/* Return: was all of it there? */
static bool take(int fd, void *bytes, size_t length)
{
	uint8_t *at = bytes;

	while (length) {
		ssize_t n = recv(fd, at, length, 0);

		if (n <= 0)
			return false;
		at += n;
		length -= (size_t)n;
	}
	return true;
}

/* The sender's records are right: their lengths can be trusted. */
static uint32_t take_record(int fd)
{
	static uint8_t payload[SMI_WIRE_CAP_PAGES];
	uint8_t header[SMI_WIRE_HEADER_BYTES];

	if (!take(fd, header, sizeof(header)))
		return 0;
	if (smi_wire_get_u64(header + 8) > sizeof(payload))
		abort();
	if (!take(fd, payload, smi_wire_get_u64(header + 8)))
		return 0;
	return smi_wire_get_u32(header);
}

static void *receive(void *opaque)
{
	static const uint32_t moments[NPARTS] = {0, SMI_WIRE_REGION_TABLE,
						 SMI_WIRE_ROUND_END,
						 SMI_WIRE_END, SMI_WIRE_GO};
	struct receiver *receiver = opaque;
	uint8_t greeting[SMI_WIRE_GREETING_BYTES];
	size_t next = 1;
	uint32_t type;

	say(receiver, 0);
	if (!take(receiver->fd, greeting, sizeof(greeting)))
		next = NPARTS;
	while (next < NPARTS) {
		type = take_record(receiver->fd);
		if (!type)
			break;
		if (type == moments[next])
			say(receiver, next++);
	}
	shutdown(receiver->fd, SHUT_RDWR);
	return NULL;
}

static int machine_stop(void *opaque)
{
	struct machine *machine = opaque;

	machine->stops++;
	return 0;
}

static void machine_resume(void *opaque)
{
	struct machine *machine = opaque;

	machine->resumes++;
}

static int state_save(void *opaque, void **ret_bytes, size_t *ret_length)
{
	*ret_bytes = calloc(1, 16);
	*ret_length = 16;
	return *ret_bytes ? 0 : -ENOMEM;
}

static enum smudge_migrate_decision
at_once(const struct smudge_migrate_stats *stats,
	const struct smudge_migrate_limits *limits, void *opaque)
{
	return SMUDGE_MIGRATE_SWITCH;
}

static struct smudge_memory *memory(void)
{
	static _Alignas(4096) uint8_t ram[RAM_BYTES];
	static struct smudge_memory *memory;
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "ram",
		.hva = ram,
		.size_bytes = sizeof(ram),
		.page_shift = 12,
	};
	struct smudge_region *region;

	if (memory)
		return memory;
	ram[3 * 4096] = 1;
	if (smudge_memory_create(&memory) < 0 ||
	    smudge_region_add(memory, &options, &region, NULL) < 0)
		abort();
	return memory;
}

static void judge(const struct machine *machine, int result,
		  const struct smudge_error *err)
{
	struct smudge_memory_stats stats = {.size = sizeof(stats)};
	bool is_away = result == 0 || result == -EOWNERDEAD;

	if (smudge_memory_stats(memory(), &stats) < 0 || stats.nclients ||
	    machine->resumes != (is_away ? 0 : machine->stops) ||
	    (is_away && !machine->stops) ||
	    (result && (err->code != result || !err->message[0]))) {
		fprintf(stderr, "%d \"%s\", %d stops, %d resumes\n", result,
			err->message, machine->stops, machine->resumes);
		abort();
	}
}

static void play(struct receiver *receiver)
{
	struct machine machine = {0};
	const struct smudge_migrate_send_options options = {
		.size = sizeof(options),
		.opaque = &machine,
		.machine_stop = machine_stop,
		.machine_resume = machine_resume,
		.state_save = state_save,
		.policy = at_once,
		.peer_timeout_ns = SILENCE_NS,
	};
	struct smudge_migration *migration;
	struct smudge_error err = {0};
	pthread_t thread;
	int fds[2];
	int ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
	    smudge_migration_create(NULL, &migration, NULL) < 0)
		abort();
	receiver->fd = fds[1];
	if (pthread_create(&thread, NULL, receive, receiver))
		abort();
	ret = smudge_migrate_send(migration, memory(), fds[0], &options, &err);
	shutdown(fds[0], SHUT_RDWR);
	pthread_join(thread, NULL);
	close(fds[0]);
	close(fds[1]);
	smudge_migration_destroy(migration);
	judge(&machine, ret, &err);
}

static void seal_greeting(uint8_t *bytes, size_t length)
{
	struct smi_wire_greeting greeting;
	uint8_t magic[SMI_WIRE_MAGIC_BYTES];

	if (length < SMI_WIRE_GREETING_BYTES)
		return;
	greeting = (struct smi_wire_greeting){
		.version = smi_wire_get_u32(bytes + 8),
		.role = smi_wire_get_u32(bytes + 12),
		.mandatory = smi_wire_get_u64(bytes + 16),
		.optional = smi_wire_get_u64(bytes + 24),
	};
	memcpy(magic, bytes, sizeof(magic));
	smi_wire_greeting_encode(&greeting, bytes);
	memcpy(bytes, magic, sizeof(magic));
}

static void seal_records(uint8_t *bytes, size_t length)
{
	while (length >= SMI_WIRE_HEADER_BYTES) {
		uint64_t payload = smi_wire_get_u64(bytes + 8);

		if (payload > length - SMI_WIRE_HEADER_BYTES)
			return;
		smi_wire_record_seal(bytes, smi_wire_get_u32(bytes),
				     smi_wire_get_u32(bytes + 4), payload);
		bytes += SMI_WIRE_HEADER_BYTES + payload;
		length -= SMI_WIRE_HEADER_BYTES + payload;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[MAX_BYTES];
	struct receiver receiver = {0};
	size_t at = 0;

	if (size > sizeof(bytes))
		return 0;
	memcpy(bytes, data, size);
	for (size_t i = 0; i < NPARTS && size - at >= 2; i++) {
		struct part *part = &receiver.parts[i];
		size_t length = bytes[at] + (bytes[at + 1] << 8);

		at += 2;
		part->bytes = bytes + at;
		part->length = length < size - at ? length : size - at;
		at += part->length;
	}
	play(&receiver);
	for (size_t i = 0; i < NPARTS; i++) {
		size_t length = receiver.parts[i].length;
		uint8_t *part;

		if (!length)
			continue;
		part = bytes + (receiver.parts[i].bytes - bytes);
		if (i)
			seal_records(part, length);
		else
			seal_greeting(part, length);
	}
	play(&receiver);
	return 0;
}
