/* SPDX-License-Identifier: MIT */
/*
 * A merge takes compressed pages as they are: none of them is compressed again,
 * and none that is not what was written comes into the new file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#include "../qcow2/image_rig.h"
#include "checkpoint/chain.h"
#include "folder.h"
#include "prune_rig.h"
#include "qcow2/entry.h"

#define NLAYERS 6
#define FIRST	"chain/layer-00000001.qcow2"

static struct prune_rig rig;
static struct smudge_prune_options options;
static unsigned int ncompressed; /* by one thread */

size_t __real_ZSTD_compress2(ZSTD_CCtx *context, void *to, size_t room,
			     const void *from, size_t length);
size_t __wrap_ZSTD_compress2(ZSTD_CCtx *context, void *to, size_t room,
			     const void *from, size_t length);

/* Pages of regions that compress are a byte, but for some; of tables not so. */
size_t __wrap_ZSTD_compress2(ZSTD_CCtx *context, void *to, size_t room,
			     const void *from, size_t length)
{
	const uint8_t *page = from;

	ncompressed += page[0] && page[0] == page[1] && page[0] == page[2000] &&
		       page[0] == page[4095];
	return __real_ZSTD_compress2(context, to, room, from, length);
}

static int set_up(void **state)
{
	struct test_rng rng = test_rng_start("prune_copied");

	if (folder_enter(state) < 0)
		return -1;
	prune_rig_open(&rig, "chain");
	for (int i = 0; i < NLAYERS; i++)
		prune_rig_save(&rig, &rng, false, false);
	options = (struct smudge_prune_options){.size = sizeof(options),
						.keep_last = 1,
						.merge_all = true,
						.nthreads = 1};
	return 0;
}

static int tear_down(void **state)
{
	prune_rig_close(&rig);
	return folder_leave(state);
}

static int prune(struct smudge_error *err)
{
	struct smudge_prune_result result;

	ncompressed = 0;
	return prune_rig_prune(&rig, &options, &result, err);
}

static void expect_merged(void)
{
	uint64_t numbers[PRUNE_RIG_MAX];
	struct smudge_error err;

	if (prune(&err))
		fail_msg("%s", err.message);
	assert_int_equal(prune_rig_numbers("chain", numbers), 1);
	prune_rig_check(&rig);
}

static uint64_t count_compressed(void)
{
	struct smudge_chain *chain = moments_chain("chain", NLAYERS);
	uint64_t npages = smi_qcow2_chain_npages(chain->images, 0);
	struct smi_qcow2_reader *reader;
	struct smi_qcow2_piece piece;
	uint64_t n = 0;

	assert_int_equal(
		smi_qcow2_reader_create(chain->images, 0, 1, &reader, NULL), 0);
	for (uint64_t page = 0; page < npages; page += piece.npages) {
		assert_int_equal(smi_qcow2_reader_piece(reader, page, npages,
							&piece, NULL),
				 0);
		n += piece.is_compressed ? piece.npages : 0;
	}
	smi_qcow2_reader_destroy(reader);
	smudge_chain_close(chain);
	return n;
}

static void none_is_compressed_again(void **state)
{
	assert_true(ncompressed > 0); /* by the saves */
	expect_merged();
	assert_int_equal(ncompressed, 0);
	assert_true(count_compressed() > 10);
}

static void none_stays_compressed(void **state)
{
	options.uncompressed = true;
	expect_merged();
	assert_int_equal(ncompressed, 0);
	assert_int_equal(count_compressed(), 0);
}

/* A page of the first layer that the newest one shows, compressed. */
struct victim {
	uint64_t disk_page;
	uint32_t region; /* id */
	uint64_t page;
	off_t file_off;
};

static bool is_victim(struct smi_qcow2_reader *reader, uint64_t disk_page)
{
	struct smi_qcow2_piece piece;

	assert_int_equal(smi_qcow2_reader_piece(reader, disk_page,
						disk_page + 1, &piece, NULL),
			 0);
	return piece.image == NLAYERS - 1 && piece.is_compressed;
}

static bool choose_in(const struct smi_layer_region *region,
		      struct smi_qcow2_reader *reader, struct victim *victim)
{
	const struct smi_layer_extent *extent = &region->extents[0];

	for (uint64_t i = 0; i < extent->npages; i++) {
		if (!is_victim(reader, extent->disk_page + i))
			continue;
		victim->disk_page = extent->disk_page + i;
		victim->region = region->id;
		victim->page = i >> (region->page_shift - 12);
		return true;
	}
	return false;
}

static void choose(struct victim *victim)
{
	struct smudge_chain *chain = moments_chain("chain", NLAYERS);
	struct smi_qcow2_reader *reader;
	bool is_chosen = false;

	assert_int_equal(
		smi_qcow2_reader_create(chain->images, 0, 0, &reader, NULL), 0);
	for (size_t i = 0; i < chain->layer.nregions && !is_chosen; i++)
		is_chosen = choose_in(&chain->layer.regions[i], reader, victim);
	assert_true(is_chosen);
	smi_qcow2_reader_destroy(reader);
	smudge_chain_close(chain);
}

static void find_frame(struct victim *victim)
{
	int fd = open(FIRST, O_RDONLY | O_CLOEXEC);
	struct image image;
	uint64_t entry;

	assert_true(fd >= 0);
	image = image_open(fd);
	entry = image_entry(&image, victim->disk_page);
	assert_true(smi_qcow2_entry_is_compressed(entry));
	victim->file_off = (off_t)(entry & SMI_QCOW2_COMPRESSED_OFF);
	image_close(&image);
	close(fd);
}

/* Of a byte of the frame: it may not matter. Return: did it? */
static bool is_refused(const struct victim *victim, off_t skip)
{
	struct smudge_error err;
	bool matters;

	folder_flip(FIRST, victim->file_off + skip, 0x15);
	matters = prune_rig_wrong(&rig, "chain", NLAYERS) != NULL;
	if (matters) {
		assert_int_equal(prune(&err), -EBADMSG);
		assert_non_null(strstr(err.message, "layer-00000001.qcow2"));
		assert_int_equal(err.region, victim->region);
		assert_int_equal(err.page, victim->page);
		folder_check("chain", NLAYERS);
	}
	folder_flip(FIRST, victim->file_off + skip, 0x15);
	return matters;
}

static void damage_is_not_copied(void **state)
{
	struct victim victim = {0};
	unsigned int nrefused = 0;

	choose(&victim);
	find_frame(&victim);
	for (off_t i = 0; i < 16; i++)
		nrefused += is_refused(&victim, i);
	assert_true(nrefused > 4);
	expect_merged();
}

TEST_MAIN_WITH(set_up, tear_down, none_is_compressed_again,
	       none_stays_compressed, damage_is_not_copied)
