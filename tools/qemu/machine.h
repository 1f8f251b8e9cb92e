/* SPDX-License-Identifier: MIT */
/*
 * What a layer keeps of the QEMU that it was taken from: the blob qemu-machine,
 * a JSON object with these members.
 *
 * - arguments: the process's command line, an array. An argument that is not
 *   UTF-8 is an object whose hex has its bytes
 * - exe: the program's file; cwd: its working directory
 * - pid, start-time-ticks: which process it was (field 22 of /proc/PID/stat)
 * - qemu-version, machine-type
 * - was-running: false if the guest was paused at the moment
 * - backends: of its memory, an array of objects: id, size (bytes), region (its
 *   name in the layer), kind (memfd or file)
 * - memory-map: where the guest sees them, an array of objects in ascending
 *   gpa: gpa, size (bytes), backend (its id), offset (bytes, in that). What
 *   devices cover is left out
 * - disks: snapshots that belong to the moment, an array of objects: node,
 *   snapshot, kind, file, format, origin
 * - pause-ns: from the end of the device state until this was written
 *
 * Members that are not known are passed over, so that later ones can be added.
 */
#ifndef TOOLS_QEMU_MACHINE_H
#define TOOLS_QEMU_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smudge_error;

#define QEMU_MACHINE_BLOB "qemu-machine"
#define QEMU_STATE_BLOB	  "qemu-state"

enum qemu_backend_kind {
	QEMU_BACKEND_MEMFD = 0,
	QEMU_BACKEND_FILE = 1,
};

struct qemu_backend {
	char *id;
	uint64_t size_bytes;
	char *region;
	enum qemu_backend_kind kind;
};

/* A part of a backend at a guest-physical address. */
struct qemu_mapped {
	uint64_t gpa;
	uint64_t nbytes;
	char *backend; /* its id */
	uint64_t offset;
};

/* Text that was not given is NULL. */
struct qemu_disk {
	char *node;
	char *snapshot; /* its name, or the overlay's path */
	char *kind;	/* QEMU_DISK_INTERNAL, QEMU_DISK_OVERLAY */
	char *file;	/* the image that has the moment */
	char *format;	/* of it */
	char *origin;	/* the image that the command line names */
};

#define QEMU_DISK_INTERNAL "internal"
#define QEMU_DISK_OVERLAY  "overlay"

struct qemu_machine {
	char **arguments; /* NULL-terminated, as for execv */
	size_t narguments;
	char *exe;
	char *cwd;
	int pid; /* 0: not known */
	uint64_t start_ticks;
	char *version;
	char *type;
	bool was_running;
	struct qemu_backend *backends;
	size_t nbackends;
	struct qemu_mapped *mapped; /* in ascending gpa; none: not known */
	size_t nmapped;
	struct qemu_disk *disks;
	size_t ndisks;
	uint64_t pause_ns;
};

/*
 * qemu_machine_encode - a machine as the blob
 * @ret_text: receives it, without a zero at its end; freed by the caller
 * Return: 0, -ENOMEM, -EINVAL (text that JSON cannot hold), with one sentence.
 */
int qemu_machine_encode(const struct qemu_machine *machine, char **ret_text,
			size_t *ret_length, struct smudge_error *err);

/*
 * qemu_machine_decode - the blob as a machine
 * @text: untrusted
 * @ret_machine: receives it, freed by qemu_machine_free
 * Return: 0, -EBADMSG (not such an object), -ENOMEM, with one sentence.
 */
int qemu_machine_decode(const void *text, size_t length,
			struct qemu_machine *ret_machine,
			struct smudge_error *err);

/* All that it owns; it is empty then. */
void qemu_machine_free(struct qemu_machine *machine);

/*
 * qemu_machine_add_argument, _add_backend, _add_mapped, _add_disk - one more,
 *      copied
 * Return: 0, -ENOMEM.
 */
int qemu_machine_add_argument(struct qemu_machine *machine, const char *bytes);
int qemu_machine_add_backend(struct qemu_machine *machine,
			     const struct qemu_backend *backend);
int qemu_machine_add_mapped(struct qemu_machine *machine,
			    const struct qemu_mapped *mapped);
int qemu_machine_add_disk(struct qemu_machine *machine,
			  const struct qemu_disk *disk);

/* Its id is a part of a path: QEMU takes none with other bytes. */
bool qemu_backend_is_file_name(const struct qemu_backend *backend);

/*
 * qemu_backend_path - the file of a backend's memory
 * @base: the path, if there is no other backend
 * Return: the path, freed by the caller; NULL: out of memory.
 */
char *qemu_backend_path(const struct qemu_machine *machine, size_t i,
			const char *base);

bool qemu_disk_is_overlay(const struct qemu_disk *disk);

/* It has none any more. */
void qemu_machine_forget_disks(struct qemu_machine *machine);
void qemu_machine_forget_mapped(struct qemu_machine *machine);

#endif
