/* SPDX-License-Identifier: MIT */
/*
 * A machine that is built up, and freed.
 */
#include "qemu/machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more of @n elements, and a zeroed one behind it. */
static void *grow(void *elements, size_t n, size_t element_bytes)
{
	char *grown = realloc(elements, (n + 2) * element_bytes);

	if (grown)
		memset(grown + n * element_bytes, 0, 2 * element_bytes);
	return grown;
}

/* NULL stays NULL. Return: false: out of memory. */
static bool copy(char **ret_to, const char *from)
{
	*ret_to = from ? strdup(from) : NULL;
	return *ret_to || !from;
}

int qemu_machine_add_argument(struct qemu_machine *machine, const char *bytes)
{
	char **grown =
		grow(machine->arguments, machine->narguments, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	machine->arguments = grown;
	if (!copy(&grown[machine->narguments], bytes))
		return -ENOMEM;
	machine->narguments++;
	return 0;
}

int qemu_machine_add_backend(struct qemu_machine *machine,
			     const struct qemu_backend *backend)
{
	struct qemu_backend *grown =
		grow(machine->backends, machine->nbackends, sizeof(*grown));
	struct qemu_backend *added;

	if (!grown)
		return -ENOMEM;
	machine->backends = grown;
	added = &grown[machine->nbackends++];
	added->size_bytes = backend->size_bytes;
	added->kind = backend->kind;
	return copy(&added->id, backend->id) &&
			       copy(&added->region, backend->region)
		       ? 0
		       : -ENOMEM;
}

int qemu_machine_add_mapped(struct qemu_machine *machine,
			    const struct qemu_mapped *mapped)
{
	struct qemu_mapped *grown =
		grow(machine->mapped, machine->nmapped, sizeof(*grown));
	struct qemu_mapped *added;

	if (!grown)
		return -ENOMEM;
	machine->mapped = grown;
	added = &grown[machine->nmapped++];
	*added = *mapped;
	return copy(&added->backend, mapped->backend) ? 0 : -ENOMEM;
}

int qemu_machine_add_disk(struct qemu_machine *machine,
			  const struct qemu_disk *disk)
{
	struct qemu_disk *grown =
		grow(machine->disks, machine->ndisks, sizeof(*grown));
	struct qemu_disk *added;

	if (!grown)
		return -ENOMEM;
	machine->disks = grown;
	added = &grown[machine->ndisks++];
	return copy(&added->node, disk->node) &&
			       copy(&added->snapshot, disk->snapshot) &&
			       copy(&added->kind, disk->kind) &&
			       copy(&added->file, disk->file) &&
			       copy(&added->format, disk->format) &&
			       copy(&added->origin, disk->origin)
		       ? 0
		       : -ENOMEM;
}

bool qemu_backend_is_file_name(const struct qemu_backend *backend)
{
	return backend->id[0] &&
	       strspn(backend->id, "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-._") == strlen(backend->id);
}

char *qemu_backend_path(const struct qemu_machine *machine, size_t i,
			const char *base)
{
	char *path = NULL;

	if (machine->nbackends == 1)
		return strdup(base);
	if (asprintf(&path, "%s.%s", base, machine->backends[i].id) < 0)
		return NULL;
	return path;
}

bool qemu_disk_is_overlay(const struct qemu_disk *disk)
{
	return disk->kind && strcmp(disk->kind, QEMU_DISK_OVERLAY) == 0;
}

void qemu_machine_forget_disks(struct qemu_machine *machine)
{
	for (size_t i = 0; i < machine->ndisks; i++) {
		free(machine->disks[i].node);
		free(machine->disks[i].snapshot);
		free(machine->disks[i].kind);
		free(machine->disks[i].file);
		free(machine->disks[i].format);
		free(machine->disks[i].origin);
	}
	free(machine->disks);
	machine->disks = NULL;
	machine->ndisks = 0;
}

void qemu_machine_forget_mapped(struct qemu_machine *machine)
{
	for (size_t i = 0; i < machine->nmapped; i++)
		free(machine->mapped[i].backend);
	free(machine->mapped);
	machine->mapped = NULL;
	machine->nmapped = 0;
}

void qemu_machine_free(struct qemu_machine *machine)
{
	for (size_t i = 0; i < machine->narguments; i++)
		free(machine->arguments[i]);
	for (size_t i = 0; i < machine->nbackends; i++) {
		free(machine->backends[i].id);
		free(machine->backends[i].region);
	}
	qemu_machine_forget_disks(machine);
	qemu_machine_forget_mapped(machine);
	free(machine->arguments);
	free(machine->backends);
	free(machine->exe);
	free(machine->cwd);
	free(machine->version);
	free(machine->type);
	memset(machine, 0, sizeof(*machine));
}
