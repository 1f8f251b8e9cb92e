/* SPDX-License-Identifier: MIT */
/*
 * The machine's state as named, versioned sections: "cpu" once per vCPU, then
 * one per device that the machine has.
 *
 * Loading decodes every section first. It changes the machine only when each
 * is there exactly once and is good, so a refused state changes nothing.
 */
#include "machine/internal.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

#define WHERE		  "state"
#define MAX_NAME_BYTES	  32
#define MAX_SECTION_BYTES 65536
#define MORE_VCPUS	  "it has more vCPUs than this machine, see --smp"
#define FEWER_VCPUS	  "it has fewer vCPUs than this machine, see --smp"

struct loaded_vcpus {
	struct vcpu_state vcpus[MACHINE_MAX_VCPUS];
	unsigned int nvcpus;
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
		err, -EINVAL, WHERE, "the machine state is refused: %s%s%s%s",
		why, name ? " '" : "", name ? name : "", name ? "'" : "");
}

/* Returns the position of the length, for end_section. */
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
	size_t pos;
	int ret;

	for (unsigned int i = 0; i < machine->nvcpus; i++) {
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
	const struct devices *devices = &machine->devices;
	uint32_t count = machine->nvcpus;

	for (size_t i = 0; i < devices->ndevices; i++)
		count += devices->list[i].self != NULL;
	return count;
}

static void save_devices(struct machine *machine, struct vm_buf *buf)
{
	struct devices *devices = &machine->devices;

	for (size_t i = 0; i < devices->ndevices; i++) {
		const struct device *device = &devices->list[i];
		size_t pos;

		if (!device->self)
			continue;
		pos = begin_section(buf, device->ops->name,
				    device->ops->version);
		devices_save(devices, device, buf);
		end_section(buf, pos);
	}
}

int machine_save_state(struct machine *machine, struct vm_buf *buf,
		       struct smudge_error *err)
{
	int ret;

	if (machine_run_state(machine) == MACHINE_RUNNING)
		return smudge_error_set(err, -EBUSY, WHERE,
					"the machine is running");
	ret = machine_check_memory(machine, err);
	if (ret < 0)
		return ret;
	vm_buf_put32(buf, count_sections(machine));
	ret = save_vcpus(machine, buf, err);
	if (ret < 0)
		return ret;
	save_devices(machine, buf);
	if (buf->failed)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"out of memory for the machine "
					"state");
	return 0;
}

/*
 * Other bytes than printable ones become '?': the name may be part of a
 * message.
 */
static int read_section(struct vm_reader *reader, struct section *section,
			struct smudge_error *err)
{
	uint32_t name_len = vm_read32(reader);
	const uint8_t *name;

	if (reader->failed || !name_len || name_len > MAX_NAME_BYTES)
		return refuse(err, "a section's name has a bad length", NULL);
	name = vm_read(reader, name_len);
	for (uint32_t i = 0; name && i < name_len; i++)
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

static int decode_vcpu(const struct section *section,
		       struct loaded_vcpus *loaded, unsigned int max,
		       struct smudge_error *err)
{
	int ret;

	if (section->version != VCPU_STATE_VERSION)
		return refuse(err, "unknown version of section", "cpu");
	if (loaded->nvcpus == max)
		return refuse(err, MORE_VCPUS, NULL);
	ret = vcpu_state_decode(section->payload, section->len,
				&loaded->vcpus[loaded->nvcpus], err);
	if (ret == 0)
		loaded->nvcpus++;
	return ret;
}

static int decode_device(struct device *device, const struct section *section,
			 struct smudge_error *err)
{
	if (!device->self)
		return refuse(err, device->ops->absence, NULL);
	if (section->version != device->ops->version)
		return refuse(err, "unknown version of section", section->name);
	if (device->is_loaded)
		return refuse(err, "twice the section", section->name);
	return device_load(device, section->payload, section->len, err);
}

static int decode_section(struct machine *machine,
			  const struct section *section,
			  struct loaded_vcpus *loaded, struct smudge_error *err)
{
	struct devices *devices = &machine->devices;

	if (!strcmp(section->name, "cpu"))
		return decode_vcpu(section, loaded, machine->nvcpus, err);
	for (size_t i = 0; i < devices->ndevices; i++)
		if (!strcmp(section->name, devices->list[i].ops->name))
			return decode_device(&devices->list[i], section, err);
	return refuse(err, "unknown section", section->name);
}

static int check_complete(const struct machine *machine,
			  const struct loaded_vcpus *loaded,
			  struct smudge_error *err)
{
	const struct devices *devices = &machine->devices;

	if (loaded->nvcpus != machine->nvcpus)
		return refuse(err, FEWER_VCPUS, NULL);
	for (size_t i = 0; i < devices->ndevices; i++)
		if (devices->list[i].self && !devices->list[i].is_loaded)
			return refuse(err, "missing section",
				      devices->list[i].ops->name);
	return 0;
}

static int decode_all(struct machine *machine, const uint8_t *bytes, size_t len,
		      struct loaded_vcpus *loaded, struct smudge_error *err)
{
	struct vm_reader reader = {.bytes = bytes, .len = len};
	uint32_t count = vm_read32(&reader);
	int ret;

	if (reader.failed ||
	    count > MACHINE_MAX_VCPUS + machine->devices.ndevices)
		return refuse(err, "bad number of sections", NULL);
	for (uint32_t i = 0; i < count; i++) {
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

static int apply_vcpus(struct machine *machine,
		       const struct loaded_vcpus *loaded,
		       struct smudge_error *err)
{
	for (unsigned int i = 0; i < machine->nvcpus; i++) {
		struct machine_vcpu *vcpu = &machine->vcpus[i];
		int ret = machine->ops->vcpu_set_state(vcpu->engine_vcpu,
						       &loaded->vcpus[i], err);

		if (ret < 0)
			return ret;
		pthread_mutex_lock(&machine->lock);
		vcpu->is_halted = loaded->vcpus[i].halted;
		pthread_mutex_unlock(&machine->lock);
	}
	return 0;
}

int machine_load_state(struct machine *machine, const uint8_t *bytes,
		       size_t len, struct smudge_error *err)
{
	struct loaded_vcpus loaded = {0};
	int ret;

	if (machine_run_state(machine) == MACHINE_RUNNING)
		return smudge_error_set(err, -EBUSY, WHERE,
					"the machine is running");
	devices_forget(&machine->devices);
	ret = decode_all(machine, bytes, len, &loaded, err);
	if (ret < 0)
		return ret;
	set_loadable(machine, false);
	ret = apply_vcpus(machine, &loaded, err);
	if (ret < 0)
		return ret;
	devices_apply(&machine->devices);
	set_loadable(machine, true);
	return 0;
}
