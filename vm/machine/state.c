/* SPDX-License-Identifier: MIT */
/*
 * The machine's state as named, versioned sections: "cpu" once per vCPU,
 * then one per device that is there (devices/table.c).
 *
 * Loading decodes every section first and changes the machine only when all
 * of them are there once and good, so a refused state leaves no trace.
 */
#include "machine/internal.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

#define WHERE		  "state"
#define MAX_NAME_BYTES	  32
#define MAX_SECTIONS	  (MACHINE_MAX_VCPUS + DEVICES_MAX)
#define MAX_SECTION_BYTES 65536

struct loaded {
	struct vcpu_state vcpus[MACHINE_MAX_VCPUS];
	struct devices_state devices;
	unsigned int nvcpus;
	bool has_device[DEVICES_MAX];
};

struct section {
	char name[MAX_NAME_BYTES + 1];
	uint32_t version;
	uint32_t len;
	const uint8_t *payload;
};

static int refuse(struct smudge_error *err, const char *why, const char *name)
{
	return smudge_error_set(
		err, -EINVAL, WHERE, "The machine state is refused: %s%s%s%s.",
		why, name ? " \"" : "", name ? name : "", name ? "\"" : "");
}

/* Returns the place of the length, for end_section. */
static size_t begin_section(struct vm_buf *buf, const char *name,
			    uint32_t version)
{
	vm_buf_put32(buf, (uint32_t)strlen(name));
	vm_buf_put(buf, name, strlen(name));
	vm_buf_put32(buf, version);
	vm_buf_put32(buf, 0);
	return buf->len - 4;
}

static void end_section(struct vm_buf *buf, size_t pos)
{
	vm_buf_patch32(buf, pos, (uint32_t)(buf->len - pos - 4));
}

static int save_vcpus(struct machine *machine, struct vm_buf *buf,
		      struct smudge_error *err)
{
	struct vcpu_state state;
	unsigned int i;
	size_t pos;
	int ret;

	for (i = 0; i < machine->nvcpus; i++) {
		ret = machine->ops->vcpu_get_state(
			machine->vcpus[i].engine_vcpu, &state, err);
		if (ret < 0)
			return ret;
		pos = begin_section(buf, "cpu", VCPU_STATE_VERSION);
		vcpu_state_encode(&state, buf);
		end_section(buf, pos);
	}
	return 0;
}

static uint32_t count_sections(const struct machine *machine)
{
	uint32_t count = machine->nvcpus;

	for (size_t i = 0; i < DEVICES_MAX; i++)
		count += device_is_there(&device_table[i], &machine->devices);
	return count;
}

static void save_devices(struct machine *machine, struct vm_buf *buf)
{
	struct devices_state devices;

	devices_get_state(&machine->devices, &devices);
	for (size_t i = 0; i < DEVICES_MAX; i++) {
		const struct device_ops *device = &device_table[i];
		size_t pos;

		if (!device_is_there(device, &machine->devices))
			continue;
		pos = begin_section(buf, device->name, device->version);
		device->encode(&devices, buf);
		end_section(buf, pos);
	}
}

int machine_save_state(struct machine *machine, struct vm_buf *buf,
		       struct smudge_error *err)
{
	int ret;

	if (machine_run_state(machine) == MACHINE_RUNNING)
		return smudge_error_set(err, -EBUSY, WHERE,
					"The machine is running.");
	vm_buf_put32(buf, count_sections(machine));
	ret = save_vcpus(machine, buf, err);
	if (ret < 0)
		return ret;
	save_devices(machine, buf);
	if (buf->failed)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"Out of memory for the machine "
					"state.");
	return 0;
}

/* The name keeps printable bytes only: it may end up in a message. */
static int read_section(struct vm_reader *reader, struct section *section,
			struct smudge_error *err)
{
	uint32_t name_len = vm_read32(reader);
	const uint8_t *name;
	uint32_t i;

	if (reader->failed || !name_len || name_len > MAX_NAME_BYTES)
		return refuse(err, "a section's name has a bad length", NULL);
	name = vm_read(reader, name_len);
	for (i = 0; name && i < name_len; i++)
		section->name[i] =
			name[i] >= ' ' && name[i] <= '~' ? (char)name[i] : '?';
	section->name[name ? name_len : 0] = '\0';
	section->version = vm_read32(reader);
	section->len = vm_read32(reader);
	if (reader->failed || section->len > MAX_SECTION_BYTES)
		return refuse(err, "bad length of section", section->name);
	section->payload = vm_read(reader, section->len);
	if (!section->payload)
		return refuse(err, "truncated within section", section->name);
	return 0;
}

static int decode_vcpu(const struct section *section, struct loaded *loaded,
		       unsigned int max, struct smudge_error *err)
{
	int ret;

	if (section->version != VCPU_STATE_VERSION)
		return refuse(err, "unknown version of section", "cpu");
	if (loaded->nvcpus == max)
		return refuse(err, "it has more vCPUs than this machine", NULL);
	ret = vcpu_state_decode(section->payload, section->len,
				&loaded->vcpus[loaded->nvcpus], err);
	if (ret == 0)
		loaded->nvcpus++;
	return ret;
}

static int decode_device(const struct machine *machine, size_t i,
			 const struct section *section, struct loaded *loaded,
			 struct smudge_error *err)
{
	const struct device_ops *device = &device_table[i];

	if (!device_is_there(device, &machine->devices))
		return refuse(err, device->absence, NULL);
	if (section->version != device->version)
		return refuse(err, "unknown version of section", section->name);
	if (loaded->has_device[i])
		return refuse(err, "twice the section", section->name);
	loaded->has_device[i] = true;
	return device->decode(&machine->devices, section->payload, section->len,
			      &loaded->devices, err);
}

static int decode_section(const struct machine *machine,
			  const struct section *section, struct loaded *loaded,
			  struct smudge_error *err)
{
	if (!strcmp(section->name, "cpu"))
		return decode_vcpu(section, loaded, machine->nvcpus, err);
	for (size_t i = 0; i < DEVICES_MAX; i++)
		if (!strcmp(section->name, device_table[i].name))
			return decode_device(machine, i, section, loaded, err);
	return refuse(err, "unknown section", section->name);
}

static int check_complete(const struct machine *machine,
			  const struct loaded *loaded, struct smudge_error *err)
{
	if (loaded->nvcpus != machine->nvcpus)
		return refuse(err, "it has fewer vCPUs than this machine",
			      NULL);
	for (size_t i = 0; i < DEVICES_MAX; i++)
		if (!loaded->has_device[i] &&
		    device_is_there(&device_table[i], &machine->devices))
			return refuse(err, "missing section",
				      device_table[i].name);
	return 0;
}

static int decode_all(const struct machine *machine, const uint8_t *bytes,
		      size_t len, struct loaded *loaded,
		      struct smudge_error *err)
{
	struct vm_reader reader = {.bytes = bytes, .len = len};
	uint32_t count = vm_read32(&reader);
	uint32_t i;
	int ret;

	if (reader.failed || count > MAX_SECTIONS)
		return refuse(err, "bad number of sections", NULL);
	for (i = 0; i < count; i++) {
		struct section section;

		ret = read_section(&reader, &section, err);
		if (ret == 0)
			ret = decode_section(machine, &section, loaded, err);
		if (ret < 0)
			return ret;
	}
	if (reader.pos != len)
		return refuse(err, "bytes after the last section", NULL);
	return check_complete(machine, loaded, err);
}

static void set_loadable(struct machine *machine, bool is_loadable)
{
	pthread_mutex_lock(&machine->lock);
	machine->is_loadable = is_loadable;
	pthread_mutex_unlock(&machine->lock);
}

int machine_load_state(struct machine *machine, const uint8_t *bytes,
		       size_t len, struct smudge_error *err)
{
	struct loaded loaded = {0};
	unsigned int i;
	int ret;

	if (machine_run_state(machine) == MACHINE_RUNNING)
		return smudge_error_set(err, -EBUSY, WHERE,
					"The machine is running.");
	ret = decode_all(machine, bytes, len, &loaded, err);
	if (ret < 0)
		return ret;
	set_loadable(machine, false);
	for (i = 0; i < machine->nvcpus; i++) {
		ret = machine->ops->vcpu_set_state(
			machine->vcpus[i].engine_vcpu, &loaded.vcpus[i], err);
		if (ret < 0)
			return ret;
	}
	devices_set_state(&machine->devices, &loaded.devices);
	set_loadable(machine, true);
	return 0;
}
