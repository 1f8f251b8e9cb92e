/* SPDX-License-Identifier: MIT */
/*
 * A layer's file in the folder: a qcow2 image under a temporary name, which is
 * flushed and gets its number when it is whole. Nothing of the layers before
 * changes, so an attempt that fails leaves nothing behind.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "checkpoint/chain.h"
#include "checkpoint/checkpointer_objects.h"
#include "checkpoint/folder.h"
#include "checkpoint/in_place.h"
#include "checkpoint/place.h"
#include "checkpoint/save.h"
#include "checkpoint/store.h"
#include "checkpoint/tail.h"
#include "checkpoint/target.h"
#include "qcow2/writer.h"
#include "sys/guard.h"

struct folder {
	struct smi_target target;
	struct smudge_checkpointer *cp;
	struct smi_save *save;
	const struct smi_moment *parent; /* NULL: a full layer */
	struct smi_folder_file file;
	struct smi_qcow2_writer *writer; /* changes under the lock */
};

static struct folder *folder_of(struct smi_target *target)
{
	return (struct folder *)target;
}

static bool has_parent(struct smi_target *target,
		       const struct smi_moment *moment)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;

	return !smi_in_place_check(folder_of(target)->cp->folder_fd, moment,
				   &moment->stamp, &ignored);
}

static int place_tail(struct smi_target *target, const struct smi_layer *parent,
		      struct smi_layer *layer, size_t tail_npages, bool is_most,
		      struct smudge_error *err)
{
	/* The file's length is decided when it is begun. */
	if (layer->tail_npages)
		layer->tail_npages = tail_npages;
	else
		smi_place_tail(parent, layer, tail_npages);
	return 0;
}

/* From here on a cancel reaches the writer. */
static void show_writer(struct folder *f, struct smi_qcow2_writer *writer)
{
	SMI_SYS_GUARD(&f->cp->lock);
	f->writer = writer;
}

static int create_writer(struct folder *f, struct smudge_error *err)
{
	struct smi_qcow2_writer *writer;
	char parent_name[SMI_FOLDER_NAME_BYTES];
	struct smi_qcow2_writer_options options = {
		.fd = f->file.fd,
		.npages = f->save->layer.disk_npages,
		.backing_name = f->parent ? parent_name : NULL,
		.compress = !f->save->options.uncompressed,
		.nthreads = f->cp->nthreads,
	};
	int ret;

	if (f->parent)
		smi_folder_name(f->parent->number, parent_name);
	ret = smi_qcow2_writer_create(&options, &writer, err);
	if (ret < 0)
		return ret;
	show_writer(f, writer);
	return smi_save_check(f->save, err);
}

static int begin(struct smi_target *target, struct smi_save *save,
		 const struct smi_moment *parent, struct smudge_error *err)
{
	struct folder *f = folder_of(target);
	int ret = smi_folder_create(f->cp->folder_fd, &f->file, err);

	f->save = save;
	f->parent = parent;
	return ret ? ret : create_writer(f, err);
}

static int data(struct smi_target *target, uint64_t first_page, uint64_t npages,
		const void *bytes, struct smi_qcow2_digest *digests,
		struct smudge_error *err)
{
	return smi_qcow2_writer_data(folder_of(target)->writer, first_page,
				     npages, bytes, digests, err);
}

static int zeros(struct smi_target *target, uint64_t first_page,
		 uint64_t npages, struct smudge_error *err)
{
	return smi_qcow2_writer_zeros(folder_of(target)->writer, first_page,
				      npages, err);
}

static int drain(struct smi_target *target, struct smudge_error *err)
{
	return smi_qcow2_writer_drain(folder_of(target)->writer, err);
}

static void name(uint64_t number, char name[SMI_LAYER_NAME_BYTES])
{
	smi_folder_name(number, name);
}

static void stop(struct smi_target *target)
{
	struct folder *f = folder_of(target);
	struct smudge_error ignored = SMUDGE_ERROR_INIT;

	if (!f->writer)
		return;
	smi_qcow2_writer_cancel(f->writer);
	(void)smi_qcow2_writer_drain(f->writer, &ignored);
}

/* Tail and footer. The place of a streamed layer's tail is large enough. */
static int write_end(struct folder *f, const uint8_t *tail,
		     struct smi_qcow2_writer_stats *ret_stats,
		     struct smudge_error *err)
{
	const struct smi_layer *layer = &f->save->layer;
	uint8_t footer[SMI_QCOW2_PAGE_BYTES];
	int ret = smi_qcow2_writer_data(f->writer, layer->tail_page,
					layer->tail_npages, tail, NULL, err);

	smi_footer_encode(layer, tail, footer);
	if (!ret)
		ret = smi_qcow2_writer_data(f->writer, layer->disk_npages - 1,
					    1, footer, NULL, err);
	if (!ret)
		ret = smi_qcow2_writer_finish(f->writer, ret_stats, err);
	if (ret < 0)
		stop(&f->target);
	return ret;
}

/* Pruning may put another file in its place, with the same moment. */
static int check_parent(struct folder *f, struct smudge_error *err)
{
	struct smi_stamp stamp;

	if (!f->parent)
		return 0;
	pthread_mutex_lock(&f->cp->lock);
	stamp = f->parent->stamp;
	pthread_mutex_unlock(&f->cp->lock);
	return smi_in_place_check(f->cp->folder_fd, f->parent, &stamp, err);
}

static int put_in_place(struct folder *f, uint64_t *ret_number,
			struct smudge_error *err)
{
	struct smudge_checkpointer *cp = f->cp;
	int ret = smi_folder_flush(&f->file, err);

	/* It takes long: what may have changed is looked at afterwards. */
	if (!ret)
		ret = smi_save_check(f->save, err);
	if (!ret)
		ret = check_parent(f, err);
	if (!ret)
		ret = smi_in_place_next_number(cp->folder_fd, cp->last_number,
					       ret_number, err);
	if (!ret)
		ret = smi_folder_commit(&f->file, *ret_number, err);
	return ret;
}

static int commit(struct smi_target *target, const uint8_t *tail,
		  struct smi_stored *stored, struct smudge_error *err)
{
	struct folder *f = folder_of(target);
	struct smi_qcow2_writer_stats stats;
	uint64_t number;
	int ret = write_end(f, tail, &stats, err);

	if (!ret)
		ret = put_in_place(f, &number, err);
	if (ret < 0)
		return ret;
	f->cp->last_number = number;
	stored->moment.number = number;
	smi_in_place_stamp(f->cp->folder_fd, &stored->moment);
	stored->file_bytes = stats.file_bytes;
	return 0;
}

static void end(struct smi_target *target, bool is_whole)
{
	struct folder *f = folder_of(target);
	struct smi_qcow2_writer *writer = f->writer;

	show_writer(f, NULL);
	smi_qcow2_writer_destroy(writer);
	smi_folder_drop(&f->file);
}

static void cancel(struct smi_target *target)
{
	struct folder *f = folder_of(target);

	if (f->writer)
		smi_qcow2_writer_cancel(f->writer);
}

static uint64_t written_pages(const struct smi_target *target)
{
	const struct folder *f = (const struct folder *)target;

	return f->writer ? smi_qcow2_writer_written_pages(f->writer) : 0;
}

static bool is_same_folder(int one_fd, int other_fd)
{
	struct stat one, other;

	return !fstat(one_fd, &one) && !fstat(other_fd, &other) &&
	       one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static int adopt(struct smi_target *target, const struct smudge_chain *chain,
		 struct smi_moment *moment, struct smudge_error *err)
{
	const struct smudge_checkpointer *cp = folder_of(target)->cp;

	if (chain->disk || !is_same_folder(cp->folder_fd, chain->folder_fd))
		return smudge_error_set(err, -ESTALE, SMI_WHERE,
					"the layer that the memory is to "
					"continue is in another folder");
	if (!chain->number || chain->number != cp->last_number)
		return smudge_error_set(
			err, -ESTALE, SMI_WHERE,
			"%.60s is not the folder's newest layer, which is "
			"number %" PRIu64,
			smi_qcow2_chain_name(chain->images, 0),
			cp->last_number);
	moment->number = chain->number;
	moment->chain_nlayers = smudge_chain_nlayers(chain);
	smi_in_place_stamp(cp->folder_fd, moment);
	return 0;
}

static void destroy(struct smi_target *target)
{
	free(folder_of(target));
}

static const struct smi_target_ops folder_ops = {
	.has_parent = has_parent,
	.place_tail = place_tail,
	.begin = begin,
	.data = data,
	.zeros = zeros,
	.drain = drain,
	.commit = commit,
	.name = name,
	.stop = stop,
	.end = end,
	.cancel = cancel,
	.written_pages = written_pages,
	.adopt = adopt,
	.destroy = destroy,
};

int smi_target_folder_create(struct smudge_checkpointer *cp,
			     struct smi_target **ret_target,
			     struct smudge_error *err)
{
	struct folder *f = calloc(1, sizeof(*f));

	if (!f)
		return smi_checkpointer_no_memory(err);
	f->target.ops = &folder_ops;
	f->cp = cp;
	f->file.fd = -1;
	*ret_target = &f->target;
	return 0;
}
