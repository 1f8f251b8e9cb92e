/* SPDX-License-Identifier: MIT */
/*
 * The calls of errors_begin_afresh that need the kernel or a peer.
 */
#include "afresh_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <linux/kvm.h>

#include <smudge/forecast.h>
#include <smudge/hub.h>
#include <smudge/mprotect.h>
#include <smudge/soft_dirty.h>
#include <smudge/source.h>
#include <smudge/vhost_log.h>

#include "migrate_rig.h"
#include "common/kvm_vm.h"

/* Both sides of a migration; the one that is looked at gets @err. */
static int migrate(bool fails, bool looks_at_sender, struct smudge_error *err)
{
	struct rig rig = {.load_error = fails ? -ENXIO : 0};
	int ret;

	rig_open(&rig, looks_at_sender ? "migrate_send" : "migrate_receive");
	*(looks_at_sender ? &rig.send_err : &rig.receive_err) = *err;
	rig_start_receiver(&rig);
	rig_start_sender(&rig);
	rig_join_sender(&rig);
	rig_join_receiver(&rig);
	*err = looks_at_sender ? rig.send_err : rig.receive_err;
	ret = looks_at_sender ? rig.send_error : rig.receive_error;
	rig_close(&rig);
	return ret;
}

int afresh_migrate_send(bool fails, struct smudge_error *err)
{
	return migrate(fails, true, err);
}

int afresh_migrate_receive(bool fails, struct smudge_error *err)
{
	return migrate(fails, false, err);
}

int afresh_migrate_forecast(bool fails, struct smudge_error *err)
{
	const struct smudge_working_set window = {1, 1};
	const struct smudge_forecast_options options = {
		.size = sizeof(options),
		.line_bandwidth_bytes_ps = 1,
		.total_pages = 1,
		.working_set = &window,
		.nworking_set = !fails};
	struct smudge_forecast forecast = {.size = sizeof(forecast)};

	return smudge_migrate_forecast(&options, &forecast, err);
}

/* It fails for want of descriptors, if not by itself. */
int afresh_uffd_create(bool fails, struct smudge_error *err)
{
	struct rlimit limit, none;
	struct smudge_source *source;
	int ret = smudge_uffd_create(&source, err);

	if (ret < 0)
		return fails ? ret : AFRESH_SKIP;
	smudge_source_destroy(source);
	if (!fails)
		return ret;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	smudge_error_clear(err);
	smudge_error_set(err, -ENOENT, "test", AFRESH_STALE);
	ret = smudge_uffd_create(&source, err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return ret;
}

static int make_vm(void)
{
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm_fd = kvm_fd < 0 ? -1 : kvm_vm_create(kvm_fd);

	if (kvm_fd >= 0)
		close(kvm_fd);
	return vm_fd;
}

int afresh_kvm_create(bool fails, struct smudge_error *err)
{
	struct smudge_kvm_options o = {.size = sizeof(o),
				       .vm_fd = fails ? -1 : make_vm()};
	struct smudge_kvm *kvm;
	int ret;

	if (!fails && o.vm_fd < 0)
		return AFRESH_SKIP;
	ret = smudge_kvm_create(&o, &kvm, err);
	if (o.vm_fd >= 0)
		close(o.vm_fd);
	if (ret == 0)
		smudge_kvm_destroy(kvm);
	return ret;
}

int afresh_kvm_log_create(bool fails, struct smudge_error *err)
{
	struct smudge_kvm_options o = {.size = sizeof(o), .vm_fd = make_vm()};
	const struct smudge_kvm_slot slot = {.size = sizeof(slot),
					     .size_bytes = fails ? 1 : 1 << 20};
	struct smudge_source *source;
	struct smudge_kvm *kvm;
	int ret;

	if (o.vm_fd < 0 || smudge_kvm_create(&o, &kvm, NULL))
		return AFRESH_SKIP;
	close(o.vm_fd);
	ret = smudge_kvm_log_create(kvm, &slot, &source, err);
	if (ret == 0)
		smudge_source_destroy(source);
	smudge_kvm_destroy(kvm);
	return ret;
}

static int hub_answer(void *opaque, struct smudge_error *err)
{
	return *(bool *)opaque ? -EIO : 0;
}

int afresh_hub_collect(bool fails, struct smudge_error *err)
{
	const struct smudge_hub_ops ops = {
		.size = sizeof(ops), .name = "hub", .collect = hub_answer};
	struct smudge_hub *hub;
	int ret;

	if (smudge_hub_create(&ops, &fails, &hub, NULL))
		return AFRESH_SKIP;
	ret = smudge_hub_collect(hub, err);
	smudge_hub_destroy(hub);
	return ret;
}

int afresh_vhost_log_create(bool fails, struct smudge_error *err)
{
	uint64_t log = 0;
	const struct smudge_vhost_log_options o = {
		.size = sizeof(o), .log = &log, .log_bytes = fails ? 1 : 8};
	struct smudge_source *source;
	int ret = smudge_vhost_log_create(&o, &source, err);

	if (ret == 0)
		smudge_source_destroy(source);
	return ret;
}

/* It fails for want of memory only, or after others of this process. */
int afresh_mprotect_create(bool fails, struct smudge_error *err)
{
	struct smudge_source *source;
	int ret;

	if (fails)
		return AFRESH_SKIP;
	ret = smudge_mprotect_create(&source, err);
	if (ret == -EOPNOTSUPP)
		return AFRESH_SKIP;
	if (ret == 0)
		smudge_source_destroy(source);
	return ret;
}

static int quiesce(void *opaque, struct smudge_error *err)
{
	return 0;
}

static void resume(void *opaque)
{
}

int afresh_soft_dirty_create(bool fails, struct smudge_error *err)
{
	const struct smudge_soft_dirty_options o = {.size = sizeof(o),
						    .quiesce = quiesce,
						    .resume = fails ? NULL
								    : resume};
	struct smudge_source *source;
	int ret = smudge_soft_dirty_create(&o, &source, err);

	if (ret == 0)
		smudge_source_destroy(source);
	return ret == -EOPNOTSUPP ? AFRESH_SKIP : ret;
}
