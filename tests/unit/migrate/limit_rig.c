/* SPDX-License-Identifier: MIT */
/*
 * What both sides' peers do.
 */
#include "limit_rig.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "wire/bytes.h"
#include "wire/control.h"

void limit_nap(void)
{
	const struct timespec time = {.tv_nsec = 5000000};

	nanosleep(&time, NULL);
}

bool limit_say_nothing(int fd, size_t length)
{
	static uint8_t record[SMI_WIRE_HEADER_BYTES + SMI_WIRE_CAP_SKIPPABLE];
	size_t end = SMI_WIRE_HEADER_BYTES + length, done = 0;
	ssize_t n = 1;

	smi_wire_record_seal(record, 0x7777, SMI_WIRE_SKIPPABLE, length);
	/* A process that was stopped or frozen may have sent a part. */
	while (n > 0 && done < end) {
		n = send(fd, record + done, end - done, MSG_NOSIGNAL);
		done += n > 0 ? (size_t)n : 0;
	}
	return done == end;
}

uint32_t limit_last_code(struct smi_link *link)
{
	struct smi_wire_header header;
	struct smudge_error err = {0};
	uint32_t code = 0;

	while (!smi_link_receive(link, &header, &err))
		if (header.type == SMI_WIRE_ABORT ||
		    header.type == SMI_WIRE_REFUSE)
			code = smi_wire_get_u32(smi_link_payload(link));
	smi_channel_shutdown(smi_link_channel(link));
	return code;
}

bool limit_was_late(int ret, const struct smudge_error *err, const char *words)
{
	return ret == -ETIMEDOUT && !strstr(err->message, words);
}

void limit_try(bool (*peer)(uint64_t limit_ns))
{
	uint64_t limit_ns = LIMIT_NS;

	while (!peer(limit_ns))
		assert_true((limit_ns *= 2) < LONGEST_NS);
}
