/* SPDX-License-Identifier: MIT */
/*
 * The machine's state as named, versioned sections: "cpu" once per vCPU,
 * "timer", "serial", "dma", and "display" if there is one.
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
#define MAX_SECTIONS	  (MACHINE_MAX_VCPUS + 4)
#define MAX_SECTION_BYTES 65536

struct loaded {
	struct vcpu_state vcpus[MACHINE_MAX_VCPUS];
	struct devices_state devices;
	unsigned int nvcpus;
	bool has_timer;
	bool has_serial;
	bool has_display;
	bool has_dma;
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

static bool has_display(const struct machine *machine)
{
	return machine->devices.display.vram_bytes != 0;
}

static void save_devices(struct machine *machine, struct vm_buf *buf)
{
	struct devices_state devices;
	size_t pos;

	devices_get_state(&machine->devices, &devices);
	pos = begin_section(buf, "timer", DEVICES_TIMER_VERSION);
	devices_encode_timer(&devices, buf);
	end_section(buf, pos);
	pos = begin_section(buf, "serial", DEVICES_SERIAL_VERSION);
	devices_encode_serial(&devices, buf);
	end_section(buf, pos);
	pos = begin_section(buf, "dma", DMA_STATE_VERSION);
	dma_encode(&devices.dma, buf);
	end_section(buf, pos);
	if (!has_display(machine))
		return;
	pos = begin_section(buf, "display", DISPLAY_STATE_VERSION);
	display_encode(&devices.display, buf);
	end_section(buf, pos);
}

int machine_save_state(struct machine *machine, struct vm_buf *buf,
		       struct smudge_error *err)
{
	int ret;

	if (machine_run_state(machine) == MACHINE_RUNNING)
		return smudge_error_set(err, -EBUSY, WHERE,
					"The machine is running.");
	vm_buf_put32(buf, machine->nvcpus + 3 + has_display(machine));
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

static int decode_device(const struct section *section, bool *has,
			 uint32_t version, struct loaded *loaded,
			 int (*decode)(const uint8_t *, size_t,
				       struct devices_state *,
				       struct smudge_error *),
			 struct smudge_error *err)
{
	if (section->version != version)
		return refuse(err, "unknown version of section", section->name);
	if (*has)
		return refuse(err, "twice the section", section->name);
	*has = true;
	return decode(section->payload, section->len, &loaded->devices, err);
}

static int decode_display(const struct machine *machine,
			  const struct section *section, struct loaded *loaded,
			  struct smudge_error *err)
{
	if (!has_display(machine))
		return refuse(err, "this machine has no display (--display)",
			      NULL);
	if (section->version != DISPLAY_STATE_VERSION)
		return refuse(err, "unknown version of section", section->name);
	if (loaded->has_display)
		return refuse(err, "twice the section", section->name);
	loaded->has_display = true;
	return display_decode(section->payload, section->len,
			      machine->devices.display.vram_bytes,
			      &loaded->devices.display, err);
}

static int decode_dma(const struct section *section, struct loaded *loaded,
		      struct smudge_error *err)
{
	if (section->version != DMA_STATE_VERSION)
		return refuse(err, "unknown version of section", section->name);
	if (loaded->has_dma)
		return refuse(err, "twice the section", section->name);
	loaded->has_dma = true;
	return dma_decode(section->payload, section->len, &loaded->devices.dma,
			  err);
}

static int decode_section(const struct machine *machine,
			  const struct section *section, struct loaded *loaded,
			  struct smudge_error *err)
{
	if (!strcmp(section->name, "cpu"))
		return decode_vcpu(section, loaded, machine->nvcpus, err);
	if (!strcmp(section->name, "display"))
		return decode_display(machine, section, loaded, err);
	if (!strcmp(section->name, "dma"))
		return decode_dma(section, loaded, err);
	if (!strcmp(section->name, "timer"))
		return decode_device(section, &loaded->has_timer,
				     DEVICES_TIMER_VERSION, loaded,
				     devices_decode_timer, err);
	if (!strcmp(section->name, "serial"))
		return decode_device(section, &loaded->has_serial,
				     DEVICES_SERIAL_VERSION, loaded,
				     devices_decode_serial, err);
	return refuse(err, "unknown section", section->name);
}

static int check_complete(const struct machine *machine,
			  const struct loaded *loaded, struct smudge_error *err)
{
	if (loaded->nvcpus != machine->nvcpus)
		return refuse(err, "it has fewer vCPUs than this machine",
			      NULL);
	if (!loaded->has_timer || !loaded->has_serial)
		return refuse(err, "missing section",
			      loaded->has_timer ? "serial" : "timer");
	if (!loaded->has_dma)
		return refuse(err, "missing section", "dma");
	if (has_display(machine) && !loaded->has_display)
		return refuse(err, "missing section", "display");
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
