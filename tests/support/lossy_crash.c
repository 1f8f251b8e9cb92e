/* SPDX-License-Identifier: MIT */
/*
 * The folder as a crash leaves it.
 */
#include "lossy.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lossy_events.h"

#define SECTOR_BYTES 512

struct content {
	uint8_t *bytes;
	size_t length, room;
};

struct crash {
	size_t nevents;
	enum lossy_loss loss;
	struct test_rng *rng;
	char names[LOSSY_MAX_FILES][LOSSY_NAME_BYTES];
	size_t files[LOSSY_MAX_FILES]; /* of the names */
	size_t nnames;
};

const char *lossy_event(size_t index)
{
	static const char *const kinds[] = {
		"create", "write",  "flush",	       "rename",
		"link",	  "unlink", "flush the folder"};
	static char text[256];
	const struct lossy_noted *e = &lossy_log.events[index];

	snprintf(text, sizeof(text), "%s file %zu %s %s at %ju, %zu bytes",
		 kinds[e->kind], e->file, e->from, e->to, (uintmax_t)e->off,
		 e->length);
	return text;
}

static bool coin(const struct crash *c)
{
	return test_rng_below(c->rng, 2);
}

/* Does a change that was not flushed survive? */
static bool survives(const struct crash *c)
{
	if (c->loss == LOSSY_NONE || c->loss == LOSSY_ALL)
		return c->loss == LOSSY_NONE;
	return coin(c);
}

/* Events before this one are flushed: of a file, or of the folder. */
static size_t flushed_before(const struct crash *c, enum lossy_kind kind,
			     size_t file)
{
	if (c->loss == LOSSY_UNFLUSHED && kind == LOSSY_FSYNC)
		return 0;
	for (size_t i = c->nevents; i-- > 0;) {
		const struct lossy_noted *e = &lossy_log.events[i];

		if (e->kind == kind &&
		    (kind == LOSSY_FOLDER_SYNC || e->file == file))
			return i;
	}
	return 0;
}

static void remove_name(struct crash *c, const char *name)
{
	for (size_t i = 0; i < c->nnames; i++) {
		if (strcmp(c->names[i], name) != 0)
			continue;
		c->nnames--;
		memcpy(c->names[i], c->names[c->nnames], LOSSY_NAME_BYTES);
		c->files[i] = c->files[c->nnames];
		return;
	}
}

static void add_name(struct crash *c, const char *name, size_t file)
{
	remove_name(c, name);
	assert_true(c->nnames < LOSSY_MAX_FILES);
	memcpy(c->names[c->nnames], name, LOSSY_NAME_BYTES);
	c->files[c->nnames++] = file;
}

static void change_names(struct crash *c, const struct lossy_noted *e)
{
	if (e->kind == LOSSY_RENAME || e->kind == LOSSY_UNLINK)
		remove_name(c, e->from);
	if (e->kind == LOSSY_RENAME || e->kind == LOSSY_LINK ||
	    e->kind == LOSSY_CREATE)
		add_name(c, e->to, e->file);
}

static void find_names(struct crash *c)
{
	size_t flushed = flushed_before(c, LOSSY_FOLDER_SYNC, 0);

	for (size_t i = 0; i < lossy_log.nfirst; i++)
		add_name(c, lossy_log.first_names[i], i);
	for (size_t i = 0; i < c->nevents; i++) {
		const struct lossy_noted *e = &lossy_log.events[i];

		if (e->kind == LOSSY_WRITE || e->kind == LOSSY_FSYNC ||
		    e->kind == LOSSY_FOLDER_SYNC)
			continue;
		if (i < flushed || c->loss == LOSSY_FILES || survives(c))
			change_names(c, e);
	}
}

static void lengthen(struct content *content, size_t length)
{
	if (length <= content->length)
		return;
	if (length > content->room) {
		content->room = 2 * length;
		content->bytes = realloc(content->bytes, content->room);
		assert_non_null(content->bytes);
	}
	memset(content->bytes + content->length, 0, length - content->length);
	content->length = length;
}

static void put(struct content *content, uint64_t off, const uint8_t *bytes,
		size_t length)
{
	lengthen(content, off + length);
	memcpy(content->bytes + off, bytes, length);
}

/* Any of its sectors; and of its length, any. */
static void put_torn(struct crash *c, struct content *content,
		     const struct lossy_noted *e)
{
	for (size_t done = 0; done < e->length;) {
		size_t n = SECTOR_BYTES - (e->off + done) % SECTOR_BYTES;

		if (n > e->length - done)
			n = e->length - done;
		if (coin(c))
			put(content, e->off + done, e->bytes + done, n);
		done += n;
	}
	if (coin(c))
		lengthen(content, e->off + e->length);
}

static void put_unflushed(struct crash *c, struct content *content,
			  const struct lossy_noted *e)
{
	bool is_random = c->loss != LOSSY_NONE && c->loss != LOSSY_ALL;

	if (is_random && coin(c))
		put_torn(c, content, e);
	else if (survives(c))
		put(content, e->off, e->bytes, e->length);
}

static void find_content(struct crash *c, size_t file, struct content *content)
{
	size_t flushed = flushed_before(c, LOSSY_FSYNC, file);

	for (size_t i = 0; i < c->nevents; i++) {
		const struct lossy_noted *e = &lossy_log.events[i];

		if (e->kind != LOSSY_WRITE || e->file != file)
			continue;
		if (i < flushed)
			put(content, e->off, e->bytes, e->length);
		else
			put_unflushed(c, content, e);
	}
}

static void write_file(int folder_fd, const char *name,
		       const struct content *content)
{
	int fd = openat(folder_fd, name,
			O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	for (size_t done = 0; done < content->length;) {
		ssize_t n = write(fd, content->bytes + done,
				  content->length - done);

		assert_true(n > 0);
		done += (size_t)n;
	}
	close(fd);
}

static void read_first(const char *name, struct content *content)
{
	char path[512];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", lossy_log.folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	lengthen(content, (size_t)st.st_size);
	assert_int_equal(read(fd, content->bytes, content->length), st.st_size);
	close(fd);
}

void lossy_crash(size_t nevents, enum lossy_loss loss, struct test_rng *rng,
		 const char *folder)
{
	struct crash *c = calloc(1, sizeof(*c));
	int folder_fd;

	assert_non_null(c);
	c->nevents = nevents;
	c->loss = loss;
	c->rng = rng;
	find_names(c);
	assert_int_equal(mkdir(folder, 0700), 0);
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(folder_fd >= 0);
	for (size_t i = 0; i < c->nnames; i++) {
		struct content content = {0};

		if (c->files[i] < lossy_log.nfirst)
			read_first(lossy_log.first_names[c->files[i]],
				   &content);
		else
			find_content(c, c->files[i], &content);
		write_file(folder_fd, c->names[i], &content);
		free(content.bytes);
	}
	close(folder_fd);
	free(c);
}
