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

#include "qemu/images.h"
#include "qemu/machine.h"

#define NAME "disks"

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* "" where QEMU does not say it. */
static char *path_of(const char *cwd, const char *file)
{
	char *path = NULL;

	/* a protocol's name or "json:..." is no path */
	if (file[0] == '/' || strchr(file, ':') || !cwd || !*file)
		return strdup(file);
	return asprintf(&path, "%s/%s", cwd, file) < 0 ? NULL : path;
}

/* The images of a drive, the written one first. */
static int add_images(struct qemu_drive *drive, const char *cwd,
		      const json_t *image)
{
	for (; image && drive->nimages < QEMU_MAX_IMAGES;
	     image = json_object_get(image, "backing-image")) {
		char *path = path_of(cwd, text_of(image, "filename"));

		if (!path)
			return -ENOMEM;
		drive->images[drive->nimages++] = path;
	}
	return 0;
}

static int add(struct qemu_drives *drives, const json_t *block, const char *cwd)
{
	struct qemu_drive *grown =
		realloc(drives->drives, (drives->n + 1) * sizeof(*grown));
	const json_t *inserted = json_object_get(block, "inserted");
	const char *device = text_of(block, "device");
	struct qemu_drive *added;

	if (!grown)
		return -ENOMEM;
	drives->drives = grown;
	added = &grown[drives->n++];
	*added = (struct qemu_drive){.is_node = !*device};
	added->device =
		strdup(*device ? device : text_of(inserted, "node-name"));
	added->format = strdup(text_of(inserted, "drv"));
	if (!added->device || !added->format)
		return -ENOMEM;
	return add_images(added, cwd, json_object_get(inserted, "image"));
}

static int check_format(const struct qemu_drive *drive,
			struct smudge_error *err)
{
	if (strcmp(drive->format, "qcow2") == 0)
		return 0;
	return smudge_error_set(err, -EOPNOTSUPP, NAME,
				"the disk %.60s, %.120s, is %.20s, which can "
				"have no snapshot within: take --disk-overlays "
				"FOLDER, or make it qcow2 or read only",
				drive->device,
				drive->nimages ? drive->images[0] : "?",
				drive->format);
}

/* QEMU writes the name into the overlay, which is in another folder. */
static int check_path(const struct qemu_drive *drive, const json_t *inserted,
		      struct smudge_error *err)
{
	const char *file =
		text_of(json_object_get(inserted, "image"), "filename");

	if (file[0] == '/' || strchr(file, ':'))
		return 0;
	return smudge_error_set(err, -EOPNOTSUPP, NAME,
				"the disk %.60s has the image %.120s, which "
				"overlays cannot name: start QEMU with its "
				"whole path, or take --disk-snapshot",
				drive->device, file);
}

/* One of query-block's. Without a medium, or read only, it needs none. */
static int parse_one(const json_t *block, const struct qemu_drives_wish *wish,
		     struct qemu_drives *drives, struct smudge_error *err)
{
	const json_t *inserted = json_object_get(block, "inserted");
	const struct qemu_drive *drive;

	if (!inserted || json_is_true(json_object_get(inserted, "ro")))
		return 0;
	if (add(drives, block, wish->cwd))
		return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	drive = &drives->drives[drives->n - 1];
	return wish->overlays ? check_path(drive, inserted, err)
			      : check_format(drive, err);
}

int qemu_drives_parse(const json_t *blocks, const struct qemu_drives_wish *wish,
		      struct qemu_drives *ret_drives, struct smudge_error *err)
{
	const json_t *block;
	size_t i;
	int ret = 0;

	*ret_drives = (struct qemu_drives){.overlays = wish->overlays};
	json_array_foreach(blocks, i, block)
	{
		if (!ret)
			ret = parse_one(block, wish, ret_drives, err);
	}
	return ret;
}

void qemu_drives_free(struct qemu_drives *drives)
{
	for (size_t i = 0; i < drives->n; i++) {
		struct qemu_drive *drive = &drives->drives[i];

		for (size_t j = 0; j < drive->nimages; j++)
			free(drive->images[j]);
		free(drive->device);
		free(drive->format);
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

char *qemu_drives_overlay(const struct qemu_drives *drives, size_t index,
			  const char *snapshot)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s-%zu.qcow2", drives->overlays, snapshot,
		     index) < 0)
		return NULL;
	return path;
}

/* The image that the command line names: the first of the chain that it has. */
static const char *find_origin(const struct qemu_drive *drive,
			       const struct qemu_machine *machine)
{
	for (size_t i = 0; i < drive->nimages; i++)
		if (machine->arguments &&
		    qemu_names_image(machine->arguments, machine->cwd,
				     drive->images[i]))
			return drive->images[i];
	return NULL;
}

static int describe_one(const struct qemu_drives *drives, size_t index,
			const char *snapshot, struct qemu_machine *machine)
{
	const struct qemu_drive *drive = &drives->drives[index];
	struct qemu_disk disk = {
		.node = drive->device,
		.snapshot = (char *)snapshot,
		.kind = (char *)(drives->overlays ? QEMU_DISK_OVERLAY
						  : QEMU_DISK_INTERNAL),
		.file = drive->nimages ? drive->images[0] : NULL,
		.format = drive->format,
		.origin = (char *)find_origin(drive, machine),
	};
	char *overlay = NULL;
	int ret;

	if (drives->overlays) {
		overlay = qemu_drives_overlay(drives, index, snapshot);
		if (!overlay)
			return -ENOMEM;
		disk.snapshot = overlay;
	}
	ret = qemu_machine_add_disk(machine, &disk);
	free(overlay);
	return ret;
}

int qemu_drives_describe(const struct qemu_drives *drives, const char *snapshot,
			 struct qemu_machine *machine)
{
	int ret = 0;

	qemu_machine_forget_disks(machine);
	for (size_t i = 0; !ret && i < drives->n; i++)
		ret = describe_one(drives, i, snapshot, machine);
	return ret;
}
