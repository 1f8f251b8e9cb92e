/* SPDX-License-Identifier: MIT */
/*
 * The header of a moment, before the machine's state.
 */
#include "machine/moment.h"

#include <errno.h>

#include <smudge/error.h>

#include "base/bytes.h"
#include "machine/machine.h"

#define WHERE	     "state"
#define VERSION	     1u
#define FLAG_RUNNING 1u

int moment_save(struct machine *machine, bool is_running, struct vm_buf *buf,
		struct smudge_error *err)
{
	vm_buf_put32(buf, VERSION);
	vm_buf_put32(buf, is_running ? FLAG_RUNNING : 0);
	return machine_save_state(machine, buf, err);
}

int moment_load(struct machine *machine, const uint8_t *bytes, size_t len,
		bool *ret_is_running, struct smudge_error *err)
{
	struct vm_reader reader = {.bytes = bytes, .len = len};
	uint32_t version = vm_read32(&reader);
	uint32_t flags = vm_read32(&reader);
	int ret;

	if (reader.failed)
		return smudge_error_set(err, -EINVAL, WHERE,
					"the machine's state is cut off");
	if (version != VERSION)
		return smudge_error_set(err, -EINVAL, WHERE,
					"the machine's state has version %u; "
					"this smudge-vm knows version %u",
					version, VERSION);
	if (flags & ~FLAG_RUNNING)
		return smudge_error_set(err, -EINVAL, WHERE,
					"the machine's state has unknown flags "
					"%#x",
					flags);
	ret = machine_load_state(machine, bytes + reader.pos, len - reader.pos,
				 err);
	if (!ret)
		*ret_is_running = flags & FLAG_RUNNING;
	return ret;
}
