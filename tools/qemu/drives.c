/* SPDX-License-Identifier: MIT */
/*
 * A machine's drives that are written.
 */
#include "qemu/drives.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <smudge/error.h>

#include "qemu/machine.h"

#define NAME "disks"
#define KIND "internal"

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static int add(struct qemu_drives *drives, const char *device, const char *file)
{
	struct qemu_drive *grown =
		realloc(drives->drives, (drives->n + 1) * sizeof(*grown));
	struct qemu_drive *added;

	if (!grown)
		return -ENOMEM;
	drives->drives = grown;
	added = &grown[drives->n++];
	added->device = strdup(device);
	added->file = strdup(file);
	return added->device && added->file ? 0 : -ENOMEM;
}

/* One of query-block's. Without a medium, or read only, it needs none. */
static int parse_one(const json_t *block, struct qemu_drives *drives,
		     struct smudge_error *err)
{
	const json_t *inserted = json_object_get(block, "inserted");
	const char *device = text_of(block, "device");
	const char *file =
		text_of(json_object_get(inserted, "image"), "filename");

	if (!inserted || json_is_true(json_object_get(inserted, "ro")))
		return 0;
	if (!*device)
		device = text_of(inserted, "node-name");
	if (strcmp(text_of(inserted, "drv"), "qcow2") != 0)
		return smudge_error_set(
			err, -EOPNOTSUPP, NAME,
			"the disk %.60s, %.120s, is %.20s, which can have no "
			"snapshot: convert it to qcow2, or make it read only",
			device, file, text_of(inserted, "drv"));
	if (add(drives, device, file))
		return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	return 0;
}

int qemu_drives_parse(const json_t *blocks, struct qemu_drives *ret_drives,
		      struct smudge_error *err)
{
	const json_t *block;
	size_t i;
	int ret = 0;

	*ret_drives = (struct qemu_drives){0};
	json_array_foreach(blocks, i, block)
	{
		if (!ret)
			ret = parse_one(block, ret_drives, err);
	}
	return ret;
}

void qemu_drives_free(struct qemu_drives *drives)
{
	for (size_t i = 0; i < drives->n; i++) {
		free(drives->drives[i].device);
		free(drives->drives[i].file);
	}
	free(drives->drives);
	*drives = (struct qemu_drives){0};
}

void qemu_snapshot_name(char name[QEMU_SNAPSHOT_BYTES])
{
	char text[32] = "";
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &utc))
		strftime(text, sizeof(text), "%Y%m%dT%H%M%S", &utc);
	snprintf(name, QEMU_SNAPSHOT_BYTES, "smudge-%s.%06ld", text,
		 now.tv_nsec / 1000);
}

static int describe_one(const struct qemu_drive *drive, const char *snapshot,
			struct qemu_machine *machine)
{
	struct qemu_disk disk = {.node = drive->device,
				 .snapshot = (char *)snapshot,
				 .kind = (char *)KIND};
	int ret;

	/* a protocol's name or "json:..." is no path */
	if (drive->file[0] == '/' || strchr(drive->file, ':') || !machine->cwd)
		disk.file = strdup(drive->file);
	else if (asprintf(&disk.file, "%s/%s", machine->cwd, drive->file) < 0)
		disk.file = NULL;
	ret = disk.file ? qemu_machine_add_disk(machine, &disk) : -ENOMEM;
	free(disk.file);
	return ret;
}

int qemu_drives_describe(const struct qemu_drives *drives, const char *snapshot,
			 struct qemu_machine *machine)
{
	int ret = 0;

	qemu_machine_forget_disks(machine);
	for (size_t i = 0; !ret && i < drives->n; i++)
		ret = describe_one(&drives->drives[i], snapshot, machine);
	return ret;
}
