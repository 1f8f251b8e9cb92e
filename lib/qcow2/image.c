/* SPDX-License-Identifier: MIT */
/*
 * An image file: opened without following links, and its first cluster decoded.
 */
#include "qcow2/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qcow2/features.h"

#define WHERE "qcow2"

static int not_regular(struct smudge_error *err, const char *name)
{
	return smudge_error_set(err, -EMEDIUMTYPE, WHERE,
				"%.100s: is no regular file", name);
}

/* Open a regular file of the folder; neither links nor devices are followed. */
static int open_regular(int folder_fd, const char *name, struct stat *ret_stat,
			struct smudge_error *err)
{
	int fd = openat(folder_fd, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
				O_CLOEXEC);
	int ret = fd < 0 ? -errno : 0;

	if (ret == -ELOOP || ret == -ENXIO || ret == -ENODEV)
		return not_regular(err, name);
	if (ret)
		return smudge_error_set(err, ret, WHERE,
					"%.100s: cannot be opened: %s", name,
					strerror(-ret));
	if (fstat(fd, ret_stat) != 0) {
		ret = -errno;
		smudge_error_set(err, ret, WHERE, "%.100s: fstat: %s", name,
				 strerror(-ret));
	} else if (!S_ISREG(ret_stat->st_mode)) {
		ret = not_regular(err, name);
	}
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

int smi_qcow2_image_read(const struct smi_qcow2_image *image, int fd,
			 uint64_t file_off, void *bytes, size_t length,
			 struct smudge_error *err)
{
	uint8_t *at = bytes;

	while (length) {
		ssize_t n = pread(fd, at, length, (off_t)file_off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int code = -errno;

			return smudge_error_set(err, code, WHERE,
						"%.100s: cannot be read: %s",
						image->name, strerror(-code));
		}
		if (n == 0)
			return smudge_error_set(err, -ESTALE, WHERE,
						"%.100s: was cut since it was "
						"opened",
						image->name);
		at += n;
		file_off += (uint64_t)n;
		length -= (size_t)n;
	}
	return 0;
}

/* The first cluster: what is read of it, as far as the file has it. */
struct head {
	uint8_t *bytes; /* owned */
	size_t length_bytes;
};

static int read_head(const struct smi_qcow2_image *image, int fd,
		     uint64_t want_bytes, struct head *head,
		     struct smudge_error *err)
{
	uint8_t *bytes;

	if (want_bytes > image->file_bytes)
		want_bytes = image->file_bytes;
	if (want_bytes <= head->length_bytes)
		return 0;
	bytes = realloc(head->bytes, (size_t)want_bytes);
	if (!bytes)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	head->bytes = bytes;
	head->length_bytes = (size_t)want_bytes;
	return smi_qcow2_image_read(image, fd, 0, bytes, (size_t)want_bytes,
				    err);
}

static int check_format(const struct smi_qcow2_extension *format,
			const char *name, struct smudge_error *err)
{
	if (!format->bytes ||
	    (format->length_bytes == 5 && !memcmp(format->bytes, "qcow2", 5)))
		return 0;
	return smudge_error_set(
		err, -EMEDIUMTYPE, WHERE,
		"%.100s: its backing file's format is %.*s, "
		"which is not read, only qcow2",
		name,
		format->length_bytes > 16 ? 16 : (int)format->length_bytes,
		(const char *)format->bytes);
}

static int copy_backing(const struct smi_qcow2_image *image,
			const struct head *head, char *backing,
			struct smudge_error *err)
{
	const struct smi_qcow2_header *header = &image->header;

	memcpy(backing, head->bytes + header->backing_off,
	       header->backing_bytes);
	backing[header->backing_bytes] = 0;
	if (strlen(backing) == header->backing_bytes)
		return 0;
	return smudge_error_set(err, -EBADMSG, WHERE,
				"%.100s: its backing file's name has a byte 0",
				image->name);
}

/* Everything that the header names and that the reader does not want. */
static int decode_rest(struct smi_qcow2_image *image, const struct head *head,
		       char *backing, struct smudge_error *err)
{
	struct smi_qcow2_extensions extensions;
	int ret = smi_qcow2_extensions_find(&image->header, head->bytes,
					    head->length_bytes, image->name,
					    &extensions, err);

	if (!ret)
		ret = smi_qcow2_features_check(&image->header, &extensions,
					       image->name, err);
	if (!ret)
		ret = smi_qcow2_header_check_l1(
			&image->header, image->file_bytes, image->name, err);
	if (!ret)
		ret = copy_backing(image, head, backing, err);
	if (!ret && backing[0])
		ret = check_format(&extensions.backing_format, image->name,
				   err);
	return ret;
}

static int load(struct smi_qcow2_image *image, int fd, char *backing,
		struct smudge_error *err)
{
	struct head head = {NULL, 0};
	int ret = read_head(image, fd, SMI_QCOW2_PAGE_BYTES, &head, err);
	const struct smi_qcow2_header *header = &image->header;

	if (!ret)
		ret = smi_qcow2_header_decode(head.bytes, image->file_bytes,
					      image->name, &image->header, err);
	if (!ret)
		ret = read_head(image, fd,
				header->backing_off
					? header->backing_off +
						  header->backing_bytes
					: UINT64_C(1) << header->cluster_bits,
				&head, err);
	if (!ret)
		ret = decode_rest(image, &head, backing, err);
	free(head.bytes);
	return ret;
}

int smi_qcow2_image_load(int folder_fd, const char *name,
			 struct smi_qcow2_image *ret_image,
			 char backing[SMI_QCOW2_MAX_BACKING_NAME_BYTES + 1],
			 struct smudge_error *err)
{
	struct smi_qcow2_image image = {0};
	struct stat st;
	int fd = open_regular(folder_fd, name, &st, err);
	int ret;

	if (fd < 0)
		return fd;
	image.name = strdup(name);
	image.dev = st.st_dev;
	image.ino = st.st_ino;
	image.file_bytes = (uint64_t)st.st_size;
	ret = image.name
		      ? load(&image, fd, backing, err)
		      : smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	close(fd);
	if (ret)
		free(image.name);
	else
		*ret_image = image;
	return ret;
}

int smi_qcow2_image_reopen(const struct smi_qcow2_image *image, int folder_fd,
			   struct smudge_error *err)
{
	struct stat st;
	int fd = open_regular(folder_fd, image->name, &st, err);

	if (fd < 0)
		return fd;
	if (st.st_dev == image->dev && st.st_ino == image->ino &&
	    (uint64_t)st.st_size == image->file_bytes)
		return fd;
	close(fd);
	return smudge_error_set(err, -ESTALE, WHERE,
				"%.100s: was replaced or changed since it was "
				"opened",
				image->name);
}
