/* SPDX-License-Identifier: MIT */
/*
 * How this machine learns which pages its guest wrote: a smudge region per
 * RAM piece, and one source for each, chosen by --dirty.
 *
 * kvm-manual and kvm-legacy are KVM's log in its two modes, uffd is
 * userfaultfd's asynchronous write protection, hook is the engine's store
 * hook. Nothing is tracked before a client opens the memory.
 */
#include "machine/internal.h"

#include <errno.h>
#include <string.h>

#define WHERE "dirty"

struct choice {
	const char *name;
	const char *engine; /* NULL: any */
	int (*create)(struct machine *machine, size_t piece,
		      struct smudge_error *err);
	int (*prepare)(struct machine *machine, struct smudge_error *err);
};

static int prepare_kvm(struct machine *machine, enum smudge_kvm_log_mode mode,
		       struct smudge_error *err)
{
	struct smudge_kvm_options options = {
		.size = sizeof(options),
		.vm_fd = machine->ops->kvm_vm_fd(machine->engine),
		.mode = mode,
	};

	return smudge_kvm_create(&options, &machine->dirty.kvm, err);
}

static int prepare_manual(struct machine *machine, struct smudge_error *err)
{
	return prepare_kvm(machine, SMUDGE_KVM_LOG_MANUAL, err);
}

static int prepare_legacy(struct machine *machine, struct smudge_error *err)
{
	return prepare_kvm(machine, SMUDGE_KVM_LOG_LEGACY, err);
}

static int create_kvm(struct machine *machine, size_t i,
		      struct smudge_error *err)
{
	const struct ram_piece *piece = &machine->ram.pieces[i];
	struct smudge_kvm_slot slot = {
		.size = sizeof(slot),
		.slot = piece->slot,
		.gpa = piece->gpa,
		.size_bytes = piece->size_bytes,
		.hva = piece->hva,
	};

	return smudge_kvm_log_create(machine->dirty.kvm, &slot,
				     &machine->dirty.sources[i], err);
}

static int create_uffd(struct machine *machine, size_t i,
		       struct smudge_error *err)
{
	return smudge_uffd_create(&machine->dirty.sources[i], err);
}

static int create_hook(struct machine *machine, size_t i,
		       struct smudge_error *err)
{
	return dirty_hook_create(machine, &machine->dirty.sources[i], err);
}

/* For auto, the first of an engine that works is taken. */
static const struct choice choices[] = {
	{"kvm-manual", "kvm", create_kvm, prepare_manual},
	{"kvm-legacy", "kvm", create_kvm, prepare_legacy},
	{"uffd", NULL, create_uffd, NULL},
	{"hook", "unicorn", create_hook, NULL},
};

static void drop_sources(struct machine *machine)
{
	struct machine_dirty *dirty = &machine->dirty;
	size_t i;

	for (i = 0; i < RAM_MAX_PIECES; i++) {
		smudge_source_destroy(dirty->sources[i]);
		dirty->sources[i] = NULL;
	}
	smudge_kvm_destroy(dirty->kvm);
	dirty->kvm = NULL;
}

static bool fits(const struct machine *machine, const struct choice *choice)
{
	return !choice->engine || !strcmp(choice->engine, machine->ops->name);
}

static int attach_choice(struct machine *machine, const struct choice *choice,
			 struct smudge_error *err)
{
	size_t i;
	int ret = 0;

	if (!fits(machine, choice))
		return smudge_error_set(err, -EINVAL, WHERE,
					"--dirty %s needs the engine %s, and "
					"this machine runs on %s.",
					choice->name, choice->engine,
					machine->ops->name);
	if (choice->prepare)
		ret = choice->prepare(machine, err);
	for (i = 0; ret == 0 && i < machine->ram.npieces; i++) {
		ret = choice->create(machine, i, err);
		if (ret == 0)
			ret = smudge_region_attach(
				machine->ram.pieces[i].region,
				machine->dirty.sources[i], 0, 0, err);
	}
	if (ret < 0) {
		drop_sources(machine);
		return ret;
	}
	machine->dirty.name = choice->name;
	return 0;
}

/*
 * The kernel lacks a mechanism or forbids it, or it does not report what was
 * written. Any other failure (no memory, no descriptor, an errno that nobody
 * expects) says nothing of the mechanism, and a worse one would hide it.
 */
static bool is_absent(int code)
{
	return code == -ENOSYS || code == -EOPNOTSUPP || code == -EPERM ||
	       code == -EIO;
}

/* The best that there is; when there is none, why the best one is not. */
static int attach_auto(struct machine *machine, struct smudge_error *err)
{
	struct smudge_error first = SMUDGE_ERROR_INIT;
	size_t i;

	for (i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		struct smudge_error why = SMUDGE_ERROR_INIT;

		if (!fits(machine, &choices[i]))
			continue;
		if (attach_choice(machine, &choices[i], &why) == 0)
			return 0;
		if (!is_absent(why.code))
			return smudge_error_set(err, why.code, WHERE, "%s",
						why.message);
		if (!first.code)
			first = why;
	}
	return smudge_error_set(err, first.code, WHERE, "%s", first.message);
}

static int attach_kind(struct machine *machine, const char *kind,
		       struct smudge_error *err)
{
	size_t i;

	if (!strcmp(kind, "auto"))
		return attach_auto(machine, err);
	for (i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
		if (!strcmp(kind, choices[i].name))
			return attach_choice(machine, &choices[i], err);
	return smudge_error_set(err, -EINVAL, WHERE,
				"--dirty does not know \"%.40s\".", kind);
}

static int add_regions(struct machine *machine, struct smudge_error *err)
{
	size_t i;
	int ret;

	ret = smudge_memory_create(&machine->dirty.memory);
	for (i = 0; ret == 0 && i < machine->ram.npieces; i++) {
		struct ram_piece *piece = &machine->ram.pieces[i];
		struct smudge_region_options options = {
			.size = sizeof(options),
			.name = piece->name,
			.hva = piece->hva,
			.gpa = piece->gpa,
			.size_bytes = piece->size_bytes,
			.page_shift = RAM_PAGE_SHIFT,
		};

		ret = smudge_region_add(machine->dirty.memory, &options,
					&piece->region);
	}
	if (ret < 0)
		return smudge_error_set(err, ret, WHERE,
					"The RAM's regions cannot be added: "
					"%s.",
					strerror(-ret));
	return 0;
}

int machine_dirty_attach(struct machine *machine, const char *kind,
			 struct smudge_error *err)
{
	int ret = add_regions(machine, err);

	if (ret == 0)
		ret = attach_kind(machine, kind, err);
	if (ret < 0)
		machine_dirty_detach(machine);
	return ret;
}

void machine_dirty_detach(struct machine *machine)
{
	drop_sources(machine);
	if (machine->dirty.memory)
		smudge_memory_destroy(machine->dirty.memory);
	machine->dirty.memory = NULL;
}
