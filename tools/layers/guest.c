/* SPDX-License-Identifier: MIT */
/*
 * What a layer says of its guest. It is a file that is not trusted, so all of
 * it is checked.
 */
#include "layers/guest.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layers/guest_parts.h"
#include "layers/regions.h"
#include "qemu/cpus.h"

#define NAME	 "layers"
#define MAX_CPUS 4096

static const void *blob(const struct smudge_chain *chain, const char *name,
			size_t *ret_length)
{
	const void *bytes = NULL;

	*ret_length = 0;
	(void)smudge_chain_blob(chain, name, 0, &bytes, ret_length, NULL);
	return bytes;
}

bool layers_is_process(const struct smudge_chain *chain)
{
	size_t length;

	return blob(chain, "process", &length) != NULL;
}

static int no_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
}

static struct layers_range range_of(const struct smudge_chain *chain, size_t i)
{
	const struct smudge_layer_region region = layers_region(chain, i);

	return (struct layers_range){
		.gpa = region.gpa,
		.nbytes = region.size_bytes,
		.region = i,
	};
}

/* Regions are by guest-physical address already. */
static int take_regions(struct layers_guest *guest, struct smudge_error *err)
{
	size_t n = smudge_chain_nregions(guest->chain);

	guest->all = calloc(n + 1, sizeof(*guest->all));
	guest->seen = calloc(n + 1, sizeof(*guest->seen));
	if (!guest->all || !guest->seen)
		return no_memory(err);
	for (size_t i = 0; i < n; i++)
		guest->all[i] = range_of(guest->chain, i);
	memcpy(guest->seen, guest->all, n * sizeof(*guest->all));
	guest->nall = n;
	guest->nseen = n;
	return 0;
}

/* Of the program's name, which a distribution may have chosen. */
static uint16_t elf_machine(const struct qemu_machine *machine)
{
	static const struct {
		const char *suffix;
		uint16_t number;
	} known[] = {
		{"-x86_64", EM_X86_64},
		{"-i386", EM_X86_64},
		{"-aarch64", EM_AARCH64},
		{"-riscv64", EM_RISCV},
	};
	const char *exe = machine->exe ? strrchr(machine->exe, '-') : NULL;
	const char *type = machine->type ? machine->type : "";

	for (size_t i = 0; exe && i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(exe, known[i].suffix) == 0)
			return known[i].number;
	return strncmp(type, "pc-", 3) == 0 || strcmp(type, "microvm") == 0
		       ? EM_X86_64
		       : EM_NONE;
}

static int find_cpus(struct layers_guest *guest, struct smudge_error *err)
{
	size_t length;
	const void *state = blob(guest->chain, QEMU_STATE_BLOB, &length);
	const void *vm =
		state ? NULL : blob(guest->chain, "smudge-vm", &length);

	if ((!state && !vm) || guest->elf_machine != EM_X86_64)
		return 0;
	guest->cpus = calloc(MAX_CPUS, sizeof(*guest->cpus));
	if (!guest->cpus)
		return no_memory(err);
	guest->ncpus =
		state ? qemu_cpus_find(state, length, guest->cpus, MAX_CPUS)
		      : layers_vm_cpus(vm, length, guest->cpus, MAX_CPUS);
	return 0;
}

static int read_guest(struct layers_guest *guest, struct smudge_error *err)
{
	size_t length;
	const void *machine = blob(guest->chain, QEMU_MACHINE_BLOB, &length);
	int ret;

	if (layers_is_process(guest->chain))
		return smudge_error_set(err, -ENODATA, NAME,
					"the layer is of a process, not of a "
					"guest: --core makes a file of it");
	guest->elf_machine = EM_X86_64;
	if (!machine)
		return take_regions(guest, err);
	ret = qemu_machine_decode(machine, length, &guest->machine, err);
	if (ret)
		return ret;
	guest->elf_machine = elf_machine(&guest->machine);
	return layers_guest_map(guest, err);
}

int layers_guest_open(struct smudge_chain *chain, struct layers_guest *guest,
		      struct smudge_error *err)
{
	int ret;

	*guest = (struct layers_guest){.chain = chain};
	ret = read_guest(guest, err);
	return ret ? ret : find_cpus(guest, err);
}

void layers_guest_free(struct layers_guest *guest)
{
	qemu_machine_free(&guest->machine);
	free(guest->seen);
	free(guest->all);
	free(guest->cpus);
}
