/* SPDX-License-Identifier: MIT */
/*
 * The n-th allocation fails, for every n, when a kernel source is made, is
 * started by the first client, and harvests: -ENOMEM, nothing has changed, and
 * the next call succeeds. A failed harvest leaves its range dirty.
 */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include <smudge/client.h>
#include <smudge/kvm_ring.h>
#include <smudge/memory.h>
#include <smudge/source.h>

#include "fail_memory.h"
#include "fake_source.h"
#include "common/kvm_vm.h"

#define NPAGES 256

struct scene {
	struct smudge_memory *memory;
	struct smudge_region *region;
	void *ram;
	int vm_fd;
	struct smudge_kvm *kvm;
	int vcpu_fd;
	struct smudge_kvm_ring *ring;
};

typedef int (*scene_call)(struct scene *scene);

static void every_allocation_fails(scene_call call, struct scene *scene)
{
	unsigned int n = 0;
	int ret;

	do {
		fail_memory_at(++n);
		ret = call(scene);
		fail_memory_off();
		assert_int_equal(ret, fail_memory_has_failed() ? -ENOMEM : 0);
	} while (fail_memory_has_failed() && n < 100);
	assert_in_range(n, 2, 99); /* at least one allocation was failed */
}

static void start_scene(struct scene *scene)
{
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "ram",
		.size_bytes = NPAGES << 12,
	};

	memset(scene, 0, sizeof(*scene));
	scene->ram = mmap(NULL, NPAGES << 12, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(scene->ram != MAP_FAILED);
	options.hva = scene->ram;
	assert_int_equal(smudge_memory_create(&scene->memory), 0);
	assert_int_equal(smudge_region_add(scene->memory, &options,
					   &scene->region, NULL),
			 0);
}

static void end_scene(struct scene *scene)
{
	assert_int_equal(smudge_memory_destroy(scene->memory, NULL), 0);
	munmap(scene->ram, NPAGES << 12);
}

static int call_uffd(struct scene *scene)
{
	struct smudge_source *source = NULL;
	struct smudge_error err = {0};
	int ret = smudge_uffd_create(&source, &err);

	fail_memory_off();
	assert_int_equal(err.code, ret);
	assert_true(ret == 0 || !source);
	smudge_source_destroy(source);
	return ret;
}

/* The first client starts the source. */
static int call_open(struct scene *scene)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "first"};
	struct smudge_client *client = NULL;
	struct smudge_error err = {0};
	int ret = smudge_client_open(scene->memory, &options, &client, &err);

	fail_memory_off();
	assert_int_equal(err.code, ret);
	assert_true(ret == 0 || !client);
	assert_int_equal(fake_stats(scene->memory).nsources_running, ret == 0);
	assert_int_equal(smudge_client_close(client), 0);
	return ret;
}

/* A page was written since the take; if the harvest fails all are dirty. */
static int call_harvest(struct scene *scene)
{
	struct smudge_client *client = fake_client(scene->memory, "c", true);
	int ret;

	((volatile char *)scene->ram)[5 << 12] = 1;
	ret = smudge_memory_harvest(scene->memory, NULL);
	fail_memory_off();
	assert_true(smudge_client_test(client, scene->region, 5));
	assert_int_equal(smudge_client_close(client), 0);
	return ret;
}

static void run_source(struct scene *scene, struct smudge_source *source)
{
	assert_int_equal(
		smudge_region_attach(scene->region, source, 0, 0, NULL), 0);
	every_allocation_fails(call_open, scene);
	fail_memory_off();
	assert_int_equal(call_harvest(scene), 0);
	smudge_source_destroy(source);
}

static void test_uffd(void **state)
{
	struct smudge_source *source;
	struct scene scene;

	test_need_uffd();
	start_scene(&scene);
	every_allocation_fails(call_uffd, &scene);
	assert_int_equal(smudge_uffd_create(&source, NULL), 0);
	run_source(&scene, source);
	end_scene(&scene);
}

static int call_kvm(struct scene *scene)
{
	struct smudge_kvm_options options = {.size = sizeof(options),
					     .vm_fd = scene->vm_fd};
	struct smudge_kvm *kvm = NULL;
	struct smudge_error err = {0};
	int ret = smudge_kvm_create(&options, &kvm, &err);

	fail_memory_off();
	assert_int_equal(err.code, ret);
	assert_true(ret == 0 || !kvm);
	smudge_kvm_destroy(kvm);
	return ret;
}

static int create_log(struct scene *scene, struct smudge_source **ret)
{
	struct smudge_kvm_slot slot = {
		.size = sizeof(slot),
		.hva = scene->ram,
		.size_bytes = NPAGES << 12,
	};

	return smudge_kvm_log_create(scene->kvm, &slot, ret, NULL);
}

static int call_kvm_log(struct scene *scene)
{
	struct smudge_source *source = NULL;
	int ret = create_log(scene, &source);

	fail_memory_off();
	assert_true(ret == 0 || !source);
	smudge_source_destroy(source);
	return ret;
}

static void make_slot(struct scene *scene)
{
	struct kvm_userspace_memory_region slot = {
		.memory_size = NPAGES << 12,
		.userspace_addr = (uintptr_t)scene->ram,
	};

	assert_int_equal(ioctl(scene->vm_fd, KVM_SET_USER_MEMORY_REGION, &slot),
			 0);
}

static void open_vm(struct scene *scene)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	scene->vm_fd = kvm_vm_create(fd);
	close(fd);
	assert_true(scene->vm_fd >= 0);
	make_slot(scene);
}

static void test_kvm(void **state)
{
	struct smudge_kvm_options options = {.size = sizeof(options)};
	struct smudge_source *source;
	struct scene scene;

	test_need_kvm();
	start_scene(&scene);
	open_vm(&scene);
	every_allocation_fails(call_kvm, &scene);
	options.vm_fd = scene.vm_fd;
	assert_int_equal(smudge_kvm_create(&options, &scene.kvm, NULL), 0);
	every_allocation_fails(call_kvm_log, &scene);
	assert_int_equal(create_log(&scene, &source), 0);
	assert_int_equal(smudge_region_attach(scene.region, source, 0, 0, NULL),
			 0);
	every_allocation_fails(call_open, &scene);
	smudge_source_destroy(source);
	smudge_kvm_destroy(scene.kvm);
	close(scene.vm_fd);
	end_scene(&scene);
}

static int create_ring(struct scene *scene, struct smudge_kvm_ring **ret)
{
	struct smudge_kvm_ring_options options = {.size = sizeof(options)};
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	close(scene->vm_fd);
	options.vm_fd = scene->vm_fd = kvm_vm_create(fd);
	close(fd);
	return smudge_kvm_ring_create(&options, ret, NULL);
}

static int call_ring(struct scene *scene)
{
	struct smudge_kvm_ring *ring = NULL;
	int ret = create_ring(scene, &ring);

	fail_memory_off();
	assert_true(ret == 0 || !ring);
	smudge_kvm_ring_destroy(ring);
	return ret;
}

static int call_ring_vcpu(struct scene *scene)
{
	struct smudge_kvm_ring_vcpu *vcpu = NULL;
	int ret = smudge_kvm_ring_add_vcpu(scene->ring, scene->vcpu_fd, &vcpu,
					   NULL);

	fail_memory_off();
	assert_true(ret == 0 || !vcpu);
	smudge_kvm_ring_remove_vcpu(vcpu);
	return ret;
}

static int create_ring_slot(struct scene *scene, struct smudge_source **ret)
{
	struct smudge_kvm_slot slot = {
		.size = sizeof(slot),
		.hva = scene->ram,
		.size_bytes = NPAGES << 12,
	};

	return smudge_kvm_ring_slot(scene->ring, &slot, ret, NULL);
}

static int call_ring_slot(struct scene *scene)
{
	struct smudge_source *source = NULL;
	int ret = create_ring_slot(scene, &source);

	fail_memory_off();
	assert_true(ret == 0 || !source);
	smudge_source_destroy(source);
	return ret;
}

static void test_kvm_ring(void **state)
{
	struct smudge_source *source;
	struct scene scene;

	test_need_kvm();
	start_scene(&scene);
	scene.vm_fd = -1;
	if (create_ring(&scene, &scene.ring) == -EOPNOTSUPP)
		test_skip_without("kvm", "no dirty rings");
	smudge_kvm_ring_destroy(scene.ring);
	every_allocation_fails(call_ring, &scene);
	assert_int_equal(create_ring(&scene, &scene.ring), 0);
	make_slot(&scene);
	scene.vcpu_fd = ioctl(scene.vm_fd, KVM_CREATE_VCPU, 0);
	every_allocation_fails(call_ring_vcpu, &scene);
	every_allocation_fails(call_ring_slot, &scene);
	assert_int_equal(create_ring_slot(&scene, &source), 0);
	assert_int_equal(smudge_region_attach(scene.region, source, 0, 0, NULL),
			 0);
	every_allocation_fails(call_open, &scene);
	smudge_source_destroy(source);
	smudge_kvm_ring_destroy(scene.ring);
	close(scene.vcpu_fd);
	close(scene.vm_fd);
	end_scene(&scene);
}

TEST_MAIN(test_uffd, test_kvm, test_kvm_ring)
