/* SPDX-License-Identifier: MIT */
/*
 * Finds and changes the vCPU's part of a state. The vCPU is the first section:
 * count, then name, version and length.
 */
#include "vm_cpu.h"

#include <string.h>

#include <smudge/error.h>

#define HEADER_BYTES (4 + 4 + 3 + 4 + 4)

static size_t cpu_bytes(const struct vm_buf *buf)
{
	struct vm_reader reader = {.bytes = buf->bytes, .len = HEADER_BYTES};

	vm_read(&reader, HEADER_BYTES - 4);
	return vm_read32(&reader);
}

void vm_cpu_save(struct vm_guest *guest, struct vm_buf *buf,
		 struct vcpu_state *ret)
{
	struct smudge_error err = {0};

	if (machine_save_state(guest->machine, buf, &err) < 0 ||
	    vcpu_state_decode(buf->bytes + HEADER_BYTES, cpu_bytes(buf), ret,
			      &err) < 0)
		fail_msg("%s", err.message);
}

int vm_cpu_load(struct vm_guest *guest, const struct vm_buf *buf,
		const struct vcpu_state *state, struct smudge_error *err)
{
	struct vm_buf encoded = {0};
	struct vm_buf changed = {0};
	int ret;

	vm_buf_put(&changed, buf->bytes, buf->len);
	assert_int_equal(vcpu_state_encode(state, &encoded), 0);
	assert_int_equal(encoded.len, cpu_bytes(buf));
	memcpy(changed.bytes + HEADER_BYTES, encoded.bytes, encoded.len);
	ret = machine_load_state(guest->machine, changed.bytes, changed.len,
				 err);
	vm_buf_free(&encoded);
	vm_buf_free(&changed);
	return ret;
}
