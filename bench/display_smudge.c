/* SPDX-License-Identifier: MIT */
/*
 * smudge as a viewer. The screen is a region of its own beside one of guest
 * RAM, which another client watches, as during a migration: a refresh must not
 * depend on its size. Writes are detected by userfaultfd, or marked. With KVM
 * they are marked too, since no vCPU draws here, but every refresh fetches the
 * log of the screen's slot.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include <smudge/smudge.h>

#include "bench_display.h"
#include "common/kvm_vm.h"

#define RAM_GPA (UINT64_C(1) << 40)

enum writer {
	WRITER_UFFD,
	WRITER_KVM,
	WRITER_MARKS,
};

struct smudge_viewer {
	struct bench_screen *screen;
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *migration;
	struct smudge_source *source;
	struct smudge_kvm *kvm;
	int vm_fd; /* -1: none */
	struct smudge_display *display;
	void *ram;
	uint64_t ram_bytes;
	uint64_t compared_bytes;
	struct smudge_rect rects[BENCH_RECTS];
};

static void mark(void *opaque, uint64_t offset_bytes, uint64_t length_bytes)
{
	struct smudge_viewer *v = opaque;
	uint64_t last = (offset_bytes + length_bytes - 1) >> 12;

	smudge_region_mark(v->region, offset_bytes >> 12,
			   last - (offset_bytes >> 12) + 1);
}

static int add_region(struct smudge_memory *memory, const char *name, void *hva,
		      uint64_t gpa, uint64_t size_bytes,
		      struct smudge_region **ret)
{
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = name,
		.hva = hva,
		.gpa = gpa,
		.size_bytes = (size_bytes + 4095) & ~UINT64_C(4095),
	};

	return smudge_region_add(memory, &options, ret, NULL);
}

static int open_all(struct smudge_viewer *v, struct smudge_error *err)
{
	const struct bench_screen *screen = v->screen;
	const struct smudge_client_options options = {.size = sizeof(options),
						      .name = "migration"};
	const struct smudge_display_mode mode = {
		.size = sizeof(mode),
		.stride_bytes = screen->width * 4,
		.width = screen->width,
		.height = screen->height,
	};
	struct smudge_region *ram;
	int ret = smudge_memory_create(&v->memory);

	if (!ret)
		ret = add_region(v->memory, "screen", screen->pixels, 0,
				 bench_screen_bytes(screen), &v->region);
	if (!ret)
		ret = add_region(v->memory, "ram", v->ram, RAM_GPA,
				 v->ram_bytes, &ram);
	if (!ret && v->source)
		ret = smudge_region_attach(v->region, v->source, 0, 0, err);
	if (!ret)
		ret = smudge_client_open(v->memory, &options, &v->migration,
					 err);
	if (!ret)
		ret = smudge_display_open(v->memory, v->region, &mode,
					  &v->display, err);
	return ret;
}

static void destroy(void *opaque)
{
	struct smudge_viewer *v = opaque;

	smudge_display_close(v->display);
	smudge_client_close(v->migration);
	smudge_source_destroy(v->source);
	smudge_kvm_destroy(v->kvm);
	if (v->vm_fd >= 0)
		close(v->vm_fd);
	if (v->memory)
		smudge_memory_destroy(v->memory, NULL);
	munmap(v->ram, v->ram_bytes);
	free(v);
}

/* A machine without vCPUs that has the screen as its only memory. */
static int make_vm(struct smudge_viewer *v)
{
	struct kvm_userspace_memory_region slot = {
		.userspace_addr = (uintptr_t)v->screen->pixels,
		.memory_size = (bench_screen_bytes(v->screen) + 4095) & ~4095UL,
	};
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	v->vm_fd = kvm_vm_create(fd);
	close(fd);
	if (v->vm_fd < 0)
		return v->vm_fd;
	if (ioctl(v->vm_fd, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
		return -errno;
	return 0;
}

static int make_kvm_log(struct smudge_viewer *v, struct smudge_error *err)
{
	struct smudge_kvm_options options = {.size = sizeof(options)};
	const struct smudge_kvm_slot slot = {
		.size = sizeof(slot),
		.size_bytes = (bench_screen_bytes(v->screen) + 4095) & ~4095UL,
		.hva = v->screen->pixels,
	};
	int ret = make_vm(v);

	if (ret < 0)
		return smudge_error_set(err, ret, "kvm",
					"/dev/kvm gives no virtual machine");
	options.vm_fd = v->vm_fd;
	ret = smudge_kvm_create(&options, &v->kvm, err);
	if (!ret)
		ret = smudge_kvm_log_create(v->kvm, &slot, &v->source, err);
	return ret;
}

static void *create(struct bench_screen *screen, uint64_t ram_bytes,
		    enum writer writer)
{
	struct smudge_viewer *v = calloc(1, sizeof(*v));
	struct smudge_error err = {0};
	int ret = 0;

	if (!v)
		exit(1);
	v->screen = screen;
	v->vm_fd = -1;
	v->ram_bytes = ram_bytes;
	v->ram = bench_map(ram_bytes, false);
	screen->opaque = v;
	if (writer == WRITER_UFFD)
		ret = smudge_uffd_create(&v->source, &err);
	else
		screen->mark = mark;
	if (writer == WRITER_KVM)
		ret = make_kvm_log(v, &err);
	if (!ret)
		ret = open_all(v, &err);
	if (!ret)
		return v;
	fprintf(stderr, "bench-display: %s\n",
		err.message[0] ? err.message : "no memory");
	destroy(v);
	return NULL;
}

static void *create_uffd(struct bench_screen *screen, uint64_t ram_bytes)
{
	return create(screen, ram_bytes, WRITER_UFFD);
}

static void *create_kvm(struct bench_screen *screen, uint64_t ram_bytes)
{
	return create(screen, ram_bytes, WRITER_KVM);
}

static void *create_marks(struct bench_screen *screen, uint64_t ram_bytes)
{
	return create(screen, ram_bytes, WRITER_MARKS);
}

static struct refreshed refresh(void *opaque)
{
	struct smudge_viewer *v = opaque;
	struct smudge_display_stats stats = {.size = sizeof(stats)};
	struct smudge_error err = {0};
	struct refreshed done;
	size_t nrects = 0;

	if (smudge_display_refresh(v->display, v->rects, BENCH_RECTS, &nrects,
				   &err) < 0) {
		fprintf(stderr, "bench-display: %s\n", err.message);
		exit(1);
	}
	smudge_display_stats(v->display, &stats);
	done.bytes_read = stats.compared_bytes - v->compared_bytes;
	done.nrects = nrects;
	v->compared_bytes = stats.compared_bytes;
	return done;
}

static const uint32_t *frame(void *opaque)
{
	struct smudge_viewer *v = opaque;

	return smudge_display_frame(v->display, NULL);
}

const struct viewer viewer_smudge_uffd = {
	.name = "smudge-uffd",
	.create = create_uffd,
	.destroy = destroy,
	.refresh = refresh,
	.frame = frame,
};

const struct viewer viewer_smudge_kvm = {
	.name = "smudge-kvm",
	.create = create_kvm,
	.destroy = destroy,
	.refresh = refresh,
	.frame = frame,
};

const struct viewer viewer_smudge_marks = {
	.name = "smudge-marks",
	.create = create_marks,
	.destroy = destroy,
	.refresh = refresh,
	.frame = frame,
};
