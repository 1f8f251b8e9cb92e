/* SPDX-License-Identifier: MIT */
/*
 * A guest that ends at the moment at which it is stopped: it does not leave,
 * and a guest that has ended does not run. The engine is a fake whose vCPU runs
 * until it is kicked, and ends then.
 */
#include "support.h"

#include <errno.h>
#include <stdatomic.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <smudge/error.h>

#include "machine/internal.h"

#define NTIMES 300

struct engine_vcpu {
	struct machine *machine;
	bool asks_to_exit; /* by the debug port, inside the run */
	enum engine_exit exit;
	atomic_bool is_inside, is_kicked;
};

static void bind(struct engine_vcpu *vcpu)
{
}

static enum engine_exit run(struct engine_vcpu *vcpu, struct smudge_error *err)
{
	atomic_store(&vcpu->is_inside, true);
	while (!atomic_load(&vcpu->is_kicked))
		sched_yield();
	if (vcpu->asks_to_exit)
		machine_ended(vcpu->machine, MACHINE_SHUTDOWN,
			      MACHINE_EXIT_DEBUG_PORT, 3);
	if (vcpu->exit == ENGINE_EXIT_ERROR)
		smudge_error_set(err, -EIO, "fake", "it cannot go on");
	return vcpu->exit;
}

static void kick(struct engine_vcpu *vcpu)
{
	atomic_store(&vcpu->is_kicked, true);
}

static void clear_kick(struct engine_vcpu *vcpu)
{
	atomic_store(&vcpu->is_kicked, false);
}

static const struct engine_ops ops = {
	.name = "fake",
	.vcpu_bind = bind,
	.vcpu_run = run,
	.vcpu_kick = kick,
	.vcpu_clear_kick = clear_kick,
};

static void open_machine(struct machine *machine, struct engine_vcpu *vcpu)
{
	memset(machine, 0, sizeof(*machine));
	pthread_mutex_init(&machine->lock, NULL);
	pthread_mutex_init(&machine->listener_lock, NULL);
	pthread_mutex_init(&machine->control.lock, NULL);
	pthread_mutex_init(&machine->devices.lock, NULL);
	pthread_cond_init(&machine->control.released, NULL);
	pthread_cond_init(&machine->entered_or_left, NULL);
	machine->exit_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_return_code(machine->exit_fd, errno);
	machine->ops = &ops;
	machine->state = MACHINE_PAUSED;
	machine->nvcpus = 1;
	machine->vcpus[0].machine = machine;
	machine->vcpus[0].engine_vcpu = vcpu;
	vcpu->machine = machine;
	assert_int_equal(machine_start(machine, NULL), 0);
}

static void close_machine(struct machine *machine)
{
	machine_vcpus_end(machine);
	close(machine->exit_fd);
	pthread_cond_destroy(&machine->entered_or_left);
	pthread_mutex_destroy(&machine->devices.lock);
	pthread_cond_destroy(&machine->control.released);
	pthread_mutex_destroy(&machine->control.lock);
	pthread_mutex_destroy(&machine->listener_lock);
	pthread_mutex_destroy(&machine->lock);
}

static void leave(enum engine_exit exit, bool asks_to_exit,
		  enum machine_run_state state, enum machine_exit_reason reason)
{
	struct engine_vcpu vcpu = {.exit = exit, .asks_to_exit = asks_to_exit};
	bool was_running = false;
	struct machine machine;
	int status;

	open_machine(&machine, &vcpu);
	assert_int_equal(machine_resume(&machine), 0);
	while (!atomic_load(&vcpu.is_inside))
		sched_yield();
	assert_int_equal(run_control_leave(&machine, &was_running), -ESHUTDOWN);
	assert_int_equal(machine_run_state(&machine), state);
	assert_int_equal(machine_exit_reason(&machine, &status), reason);
	assert_int_equal(run_control_check(&machine, NULL), -EINVAL);
	assert_int_equal(run_control_hold(&machine, NULL), -EINVAL);
	close_machine(&machine);
}

static void test_halts(void **state)
{
	for (int i = 0; i < NTIMES; i++)
		leave(ENGINE_EXIT_HALT, false, MACHINE_SHUTDOWN,
		      MACHINE_EXIT_HALT);
}

static void test_fails(void **state)
{
	for (int i = 0; i < NTIMES; i++)
		leave(ENGINE_EXIT_ERROR, false, MACHINE_INTERNAL_ERROR,
		      MACHINE_EXIT_ERROR);
}

static void test_exits(void **state)
{
	for (int i = 0; i < NTIMES; i++)
		leave(ENGINE_EXIT_INTERRUPTED, true, MACHINE_SHUTDOWN,
		      MACHINE_EXIT_DEBUG_PORT);
}

/* As machine_load_state leaves a machine whose guest had ended. */
static void test_all_have_halted(void **state)
{
	struct engine_vcpu vcpu = {.exit = ENGINE_EXIT_INTERRUPTED};
	struct machine machine;
	int status = -1;

	open_machine(&machine, &vcpu);
	machine.vcpus[0].is_halted = true;
	assert_int_equal(machine_resume(&machine), 0);
	assert_int_equal(machine_run_state(&machine), MACHINE_SHUTDOWN);
	assert_int_equal(machine_exit_reason(&machine, &status),
			 MACHINE_EXIT_HALT);
	assert_int_equal(status, 0);
	assert_int_equal(machine_resume(&machine), -EINVAL);
	assert_false(atomic_load(&vcpu.is_inside));
	close_machine(&machine);
}

TEST_MAIN(test_halts, test_fails, test_exits, test_all_have_halted)
