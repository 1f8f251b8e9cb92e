/* SPDX-License-Identifier: MIT */
/*
 * Three layers: a full one, a delta, and a delta in which a region is gone and
 * another is new. Pages are zeros, compress, or do not; some are alike.
 */
#include "layers_template.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/checkpoint.h>
#include <smudge/memory.h>

#include "checkpoint/chain.h"
#include "checkpoint/folder.h"

#define PAGE	 ((size_t)4096)
#define MAX_FILE ((size_t)4 << 20)
#define NREGIONS 4

static struct layers_template template;

static const struct {
	const char *name;
	uint64_t gpa;
	size_t npages; /* of 4 KiB */
	uint32_t page_shift;
	int first_layer, last_layer;
} kinds[NREGIONS] = {
	{"low", 0, 300, 12, 0, 2}, /* its table has two pages */
	{"rom", UINT64_C(1) << 32, 7, 12, 0, 1},
	{"huge", UINT64_C(2) << 32, 32, 16, 0, 2},
	{"nic", UINT64_C(3) << 32, 9, 12, 2, 2},
};

struct machine {
	struct smudge_memory *memory;
	struct smudge_region *regions[NREGIONS];
	uint8_t *bytes[NREGIONS];
};

static void must(int ret, const struct smudge_error *err)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "the template: %d %s\n", ret, err->message);
	abort();
}

static void fill(uint8_t *page, uint32_t value)
{
	uint64_t state = value;

	for (size_t i = 0; i < PAGE; i += sizeof(state)) {
		if (value % 8 == 7)
			state = state * UINT64_C(6364136223846793005) + value;
		memcpy(page + i, &state, sizeof(state));
	}
}

static void write_page(struct machine *m, size_t region, size_t page,
		       uint32_t value)
{
	unsigned int shift = kinds[region].page_shift - 12;

	fill(m->bytes[region] + page * PAGE, value);
	smudge_region_mark(m->regions[region], page >> shift, 1);
}

static void add_region(struct machine *m, size_t i)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = kinds[i].name,
		.hva = m->bytes[i],
		.gpa = kinds[i].gpa,
		.size_bytes = kinds[i].npages * PAGE,
		.page_shift = kinds[i].page_shift,
	};

	must(smudge_region_add(m->memory, &options, &m->regions[i], &err),
	     &err);
}

/* Regions come and go, and some pages are written. */
static void change(struct machine *m, int layer)
{
	for (size_t i = 0; i < NREGIONS; i++) {
		struct smudge_error err = SMUDGE_ERROR_INIT;

		if (kinds[i].first_layer == layer)
			add_region(m, i);
		if (kinds[i].last_layer + 1 == layer)
			must(smudge_region_remove(m->regions[i], &err), &err);
		if (layer < kinds[i].first_layer || layer > kinds[i].last_layer)
			continue;
		for (size_t page = (size_t)layer; page < kinds[i].npages;
		     page += layer ? 11 : 1)
			write_page(m, i, page,
				   page % 3 ? 0
					    : (uint32_t)(page + 100U * i +
							 1000U * layer));
	}
}

static void add_blob(struct smudge_checkpointer *cp, int layer)
{
	static const uint8_t state[5000] = "the state of the devices";
	struct smudge_error err = SMUDGE_ERROR_INIT;

	must(smudge_checkpoint_add_blob(cp, "devices", state,
					layer == 1 ? 0 : 100 * PAGE / 100,
					&err),
	     &err);
	must(smudge_checkpoint_add_blob(cp, "version", "7", 1, &err), &err);
}

static void save(struct smudge_checkpointer *cp)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	uint64_t ticket;

	must(smudge_checkpointer_save(cp, NULL, &ticket, &err), &err);
	must(smudge_checkpointer_wait(cp, ticket, NULL, &err), &err);
}

size_t layers_template_bytes(const struct smi_layer *layer)
{
	size_t bytes = 0;

	for (size_t i = 0; i < layer->nregions; i++)
		bytes += (size_t)layer->regions[i].size_bytes;
	return bytes;
}

/* What the layer is: from the memory, not by reading it. */
static void keep_moment(const struct machine *m, int layer)
{
	uint8_t *at = malloc(LAYERS_MAX_BYTES);

	if (!at)
		abort();
	template.layers[layer].bytes = at;
	for (size_t i = 0; i < NREGIONS; i++) {
		if (layer < kinds[i].first_layer || layer > kinds[i].last_layer)
			continue;
		memcpy(at, m->bytes[i], kinds[i].npages * PAGE);
		at += kinds[i].npages * PAGE;
	}
}

static void keep_file(const char *folder, int layer)
{
	char name[SMI_FOLDER_NAME_BYTES], path[128];
	ssize_t n;
	int fd;

	smi_folder_name((uint64_t)layer + 1, name);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	template.layers[layer].file = malloc(MAX_FILE);
	n = fd < 0 ? -1 : read(fd, template.layers[layer].file, MAX_FILE);
	if (n <= 0 || n == MAX_FILE)
		abort();
	template.layers[layer].file_bytes = (size_t)n;
	close(fd);
}

static void keep_layer(const char *folder, int layer)
{
	const struct smudge_chain_options options = {
		.size = sizeof(options),
		.folder = folder,
		.number = (uint64_t)layer + 1,
	};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_chain *chain;

	must(smudge_chain_open(&options, &chain, &err), &err);
	template.layers[layer].layer = chain->layer;
	chain->layer = (struct smi_layer){0};
	smudge_chain_close(chain);
}

static void make(const char *folder)
{
	const struct smudge_checkpointer_options options = {
		.size = sizeof(options),
		.folder = folder,
		.nthreads = 1,
	};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_checkpointer *cp;
	struct machine m = {0};

	must(smudge_memory_create(&m.memory), &err);
	for (size_t i = 0; i < NREGIONS; i++) {
		m.bytes[i] = mmap(NULL, kinds[i].npages * PAGE,
				  PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (m.bytes[i] == MAP_FAILED)
			abort();
	}
	change(&m, 0);
	must(smudge_checkpointer_create(m.memory, &options, &cp, &err), &err);
	for (int i = 0; i < LAYERS_N; i++) {
		if (i)
			change(&m, i);
		add_blob(cp, i);
		save(cp);
		keep_moment(&m, i);
		keep_file(folder, i);
		keep_layer(folder, i);
	}
	must(smudge_checkpointer_destroy(cp), &err);
	must(smudge_memory_destroy(m.memory, NULL), &err);
	for (size_t i = 0; i < NREGIONS; i++)
		munmap(m.bytes[i], kinds[i].npages * PAGE);
}

const struct layers_template *layers_template(const char *folder)
{
	if (!template.layers[0].file)
		make(folder);
	return &template;
}
