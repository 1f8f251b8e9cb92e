/* SPDX-License-Identifier: MIT */
/*
 * The life of the checkpointer: where it saves, and what.
 *
 * A cancel may come before the checkpointer has begun its save, where the
 * library has nothing to cancel. So it is noted too, and asked for at each
 * step.
 */
#include "checkpoint/saver_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/say.h"
#include "checkpoint/disk.h"
#include "checkpoint/origin.h"
#include "checkpoint/pruner.h"
#include "common/clock.h"
#include "common/nbd_disk.h"
#include "common/nbd_uri.h"
#include "common/range.h"
#include "common/wait.h"
#include "machine/machine.h"

#define WHERE "checkpoint"
/* After what keeps its own deadline. */
#define LATER_NS ((uint64_t)(2 * CLOCK_NS_PER_S))

static int open_ends(struct saver *saver, int process_end_fd)
{
	saver->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (saver->end_fd < 0)
		return -errno;
	saver->waits_fd = wait_either(saver->end_fd, process_end_fd);
	return saver->waits_fd < 0 ? saver->waits_fd : 0;
}

int saver_create(struct machine *machine, int end_fd, struct saver **ret,
		 struct smudge_error *err)
{
	struct saver *saver = calloc(1, sizeof(*saver));
	int code;

	if (!saver)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	saver->machine = machine;
	code = open_ends(saver, end_fd);
	if (code) {
		if (saver->end_fd >= 0)
			close(saver->end_fd);
		free(saver);
		return smudge_error_set(err, code, WHERE, "%s",
					strerror(-code));
	}
	pthread_mutex_init(&saver->lock, NULL);
	*ret = saver;
	return 0;
}

/* The new ones are the saver's, and the former ones have ended. */
static void exchange(struct saver *saver,
		     struct smudge_checkpointer *checkpointer,
		     struct nbd_disk *disk)
{
	struct smudge_checkpointer *former;
	struct nbd_disk *former_disk;

	pthread_mutex_lock(&saver->lock);
	former = saver->checkpointer;
	former_disk = saver->disk;
	saver->checkpointer = checkpointer;
	saver->disk = disk;
	pthread_mutex_unlock(&saver->lock);
	pruner_destroy(saver->pruner);
	saver->pruner = NULL;
	/* a call that it left behind uses the disk still */
	if (smudge_checkpointer_destroy(former) != -ETIMEDOUT)
		nbd_disk_close(former_disk);
}

void saver_destroy(struct saver *saver)
{
	if (!saver)
		return;
	exchange(saver, NULL, NULL);
	pthread_mutex_destroy(&saver->lock);
	close(saver->waits_fd);
	close(saver->end_fd);
	free(saver->folder);
	free(saver);
}

static bool is_open(const struct saver *saver, const char *folder)
{
	struct stat now;

	if (!saver->folder)
		return false;
	if (saver->disk || nbd_uri_is(folder))
		return strcmp(folder, saver->folder) == 0;
	return stat(folder, &now) == 0 &&
	       now.st_dev == saver->identity.st_dev &&
	       now.st_ino == saver->identity.st_ino;
}

static void set_commit(struct saver *saver, struct commit *commit)
{
	pthread_mutex_lock(&saver->lock);
	saver->commit = commit;
	pthread_mutex_unlock(&saver->lock);
}

/* Of a disk that is open: it may have been lost. */
static int renew(struct saver *saver, struct smudge_error *err)
{
	bool is_new = false;
	int ret = saver->disk ? nbd_disk_renew(saver->disk, &is_new, err) : 0;

	saver->must_be_full |= is_new;
	return ret;
}

static int create(struct saver *saver, const struct saver_place *place,
		  struct smudge_chain *clean_as_of, struct nbd_disk *disk,
		  uint64_t last_number, struct smudge_checkpointer **ret,
		  struct smudge_error *err)
{
	const struct smudge_disk device =
		disk ? nbd_disk_device(disk) : (struct smudge_disk){0};
	const struct smudge_checkpointer_options options = {
		.size = sizeof(options),
		.folder = disk ? NULL : place->folder,
		.disk = disk ? &device : NULL,
		.last_number = last_number,
		.store_deadline_ns = disk ? place->deadline_ns + LATER_NS : 0,
		.quiesce = saver_quiesce,
		.resume = saver_resume,
		.save_state = saver_save_state,
		.committed = saver_committed,
		.opaque = saver,
		.clean_as_of = clean_as_of,
	};

	return smudge_checkpointer_create(machine_memory(saver->machine),
					  &options, ret, err);
}

/* A disk that shows another moment than the origin gets a full one first. */
static int create_on_disk(struct saver *saver, const struct saver_place *place,
			  const struct checkpoint_origin *origin,
			  struct nbd_disk *disk, uint64_t last_number,
			  struct smudge_checkpointer **ret,
			  struct smudge_error *err)
{
	struct smudge_chain *chain = NULL;
	int code = 0;

	if (origin)
		code = checkpoint_disk_find(disk, &origin->moment, &chain, err);
	if (!code)
		code = create(saver, place, chain, disk, last_number, ret, err);
	smudge_chain_close(chain);
	/* the latter: it is being written, by another program */
	if (origin && (code == -ESTALE || code == -EBADMSG)) {
		smudge_error_clear(err);
		code = create(saver, place, NULL, disk, last_number, ret, err);
	}
	return code;
}

/* Of the disk that is opened again: each number is told once. */
static uint64_t number_here(struct saver *saver, const char *folder)
{
	uint64_t number = 0;

	pthread_mutex_lock(&saver->lock);
	if (saver->disk && is_open(saver, folder))
		number = saver->last_number;
	pthread_mutex_unlock(&saver->lock);
	return number;
}

static int open_there(struct saver *saver, const struct saver_place *place,
		      const struct checkpoint_origin *origin,
		      struct smudge_checkpointer **ret,
		      struct nbd_disk **ret_disk, struct smudge_error *err)
{
	uint64_t last_number;
	int code;

	*ret_disk = NULL;
	if (!nbd_uri_is(place->folder))
		return create(saver, place, origin ? origin->chain : NULL, NULL,
			      0, ret, err);
	code = checkpoint_disk_open(place, saver->waits_fd, ret_disk,
				    &last_number, err);
	if (code)
		return code;
	last_number = max_u64(last_number, number_here(saver, place->folder));
	code = create_on_disk(saver, place, origin, *ret_disk, last_number, ret,
			      err);
	if (code)
		nbd_disk_close(*ret_disk);
	return code;
}

static int open_new(struct saver *saver, const struct saver_place *place,
		    const struct checkpoint_origin *origin,
		    struct smudge_error *err)
{
	struct smudge_checkpointer *checkpointer;
	struct nbd_disk *disk;
	char *copy = strdup(place->folder);
	int ret;

	if (!copy)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	ret = open_there(saver, place, origin, &checkpointer, &disk, err);
	if (ret) {
		free(copy);
		return ret;
	}
	exchange(saver, checkpointer, disk);
	free(saver->folder);
	saver->folder = copy;
	saver->must_be_full = false;
	/* if it is gone already, it is no other folder's */
	if (disk || stat(copy, &saver->identity) < 0)
		memset(&saver->identity, 0, sizeof(saver->identity));
	return 0;
}

int saver_open(struct saver *saver, const struct saver_place *place,
	       const struct checkpoint_origin *origin, struct smudge_error *err)
{
	int ret = -ERANGE;

	if (saver_is_cancelled(saver))
		return saver_say_cancelled(err);
	if (is_open(saver, place->folder))
		ret = renew(saver, err);
	if (ret != -ERANGE)
		return ret;
	/* also a disk that has another size now: it was grown, or replaced */
	smudge_error_clear(err);
	return open_new(saver, place, origin, err);
}

const char *saver_folder(const struct saver *saver)
{
	return saver->folder;
}

int saver_save(struct saver *saver, const struct smudge_save_options *options,
	       struct commit *commit, uint64_t *ret_ticket,
	       struct smudge_error *err)
{
	struct smudge_save_options own = *options;
	int ret;

	own.is_full |= saver->must_be_full;
	set_commit(saver, commit);
	ret = smudge_checkpointer_save(saver->checkpointer, &own, ret_ticket,
				       err);
	/* it came after the pause had begun */
	if (!ret && saver_is_cancelled(saver))
		smudge_checkpointer_cancel(saver->checkpointer);
	return ret;
}

int saver_wait(struct saver *saver, uint64_t ticket,
	       struct smudge_layer_info *info, struct smudge_error *err)
{
	int ret = smudge_checkpointer_wait(saver->checkpointer, ticket, info,
					   err);

	if (!ret)
		saver->must_be_full = false;
	set_commit(saver, NULL);
	return ret;
}

void saver_prune(struct saver *saver, const struct checkpoint_keep *keep,
		 bool uncompressed)
{
	if (!checkpoint_keep_is_any(keep))
		return;
	if (!saver->pruner)
		saver->pruner = pruner_create(saver->checkpointer);
	if (saver->pruner)
		pruner_begin(saver->pruner, keep, uncompressed);
	else
		say("the layers are not pruned: no memory, or no thread");
}

void saver_expect(struct saver *saver)
{
	eventfd_t ignored;

	(void)eventfd_read(saver->end_fd, &ignored);
	atomic_store_explicit(&saver->is_cancelled, false,
			      memory_order_release);
}

void saver_cancel(struct saver *saver)
{
	atomic_store_explicit(&saver->is_cancelled, true, memory_order_release);
	/* it fails only where it is readable already */
	(void)eventfd_write(saver->end_fd, 1);
	pthread_mutex_lock(&saver->lock);
	if (saver->checkpointer)
		smudge_checkpointer_cancel(saver->checkpointer);
	if (saver->disk)
		nbd_disk_cancel(saver->disk);
	pthread_mutex_unlock(&saver->lock);
}

void saver_stats(struct saver *saver, struct smudge_checkpointer_stats *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->size = sizeof(*ret);
	pthread_mutex_lock(&saver->lock);
	/* it fails only for a struct that is too short */
	if (saver->checkpointer)
		(void)smudge_checkpointer_stats(saver->checkpointer, ret);
	pthread_mutex_unlock(&saver->lock);
}
