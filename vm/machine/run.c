/* SPDX-License-Identifier: MIT */
/*
 * vCPU threads and the run state.
 *
 * A vCPU is inside the guest only while the state is MACHINE_RUNNING and
 * `quiesced` is 0. To take it out, a thread changes one of these under the
 * lock, kicks the vCPU, and waits until `is_inside` is false. Before that the
 * vCPU's thread has carried out what ended its run: who has waited finds the
 * state that the guest is in, for instance that it ended. A vCPU that halted
 * enters no more; when all have, the machine ends. The vCPU's thread clears old
 * kicks under the same lock under which it sets `is_inside`, so no kick is
 * lost.
 *
 * Other threads write guest memory only while the vCPUs are out. `generation`
 * changes before the vCPUs may enter again. A vCPU enters only after its
 * engine has synced its translations in this generation and since the vCPU
 * last left the guest.
 */
#include "machine/internal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/host.h"

static bool may_enter(const struct machine *machine)
{
	return machine->state == MACHINE_RUNNING && !machine->quiesced &&
	       !machine->is_memory_lost && !machine->is_ending;
}

bool machine_may_enter(struct machine *machine)
{
	bool may;

	pthread_mutex_lock(&machine->lock);
	may = may_enter(machine);
	pthread_mutex_unlock(&machine->lock);
	return may;
}

/* With the lock held. A machine that failed stays so while it is here. */
static enum machine_run_state change_state(struct machine *machine,
					   enum machine_run_state state)
{
	enum machine_run_state from = machine->state;

	if (from != MACHINE_INTERNAL_ERROR || state == MACHINE_POSTMIGRATE)
		machine->state = state;
	machine->generation++;
	pthread_mutex_lock(&machine->devices.lock);
	if (state == MACHINE_RUNNING)
		vm_clock_start(&machine->devices.clock);
	else
		vm_clock_stop(&machine->devices.clock);
	pthread_mutex_unlock(&machine->devices.lock);
	pthread_cond_broadcast(&machine->entered_or_left);
	return from;
}

/* With the lock held. */
static bool kick_those_inside(struct machine *machine)
{
	bool any = false;

	for (unsigned int i = 0; i < machine->nvcpus; i++) {
		if (!machine->vcpus[i].is_inside)
			continue;
		machine->ops->vcpu_kick(machine->vcpus[i].engine_vcpu);
		any = true;
	}
	return any;
}

/* With the lock held; returns early when the vCPUs may enter again. */
static void wait_until_out(struct machine *machine)
{
	while (!may_enter(machine) && kick_those_inside(machine))
		pthread_cond_wait(&machine->entered_or_left, &machine->lock);
}

void machine_wait_until_out(struct machine *machine)
{
	pthread_mutex_lock(&machine->lock);
	wait_until_out(machine);
	pthread_mutex_unlock(&machine->lock);
}

bool machine_pause(struct machine *machine, enum machine_run_state state)
{
	enum machine_run_state from;
	bool was_running;

	pthread_mutex_lock(&machine->lock);
	from = machine->state;
	was_running = from == MACHINE_RUNNING;
	if (was_running)
		change_state(machine, state);
	wait_until_out(machine);
	pthread_mutex_unlock(&machine->lock);
	if (was_running)
		machine_notify(machine, from, state);
	return was_running;
}

static bool can_resume(const struct machine *machine)
{
	switch (machine->state) {
	case MACHINE_SHUTDOWN:
	case MACHINE_INTERNAL_ERROR:
		return false;
	case MACHINE_INMIGRATE:
		return machine->is_loadable;
	default:
		return true;
	}
}

/* With the lock held. */
static bool all_have_halted(const struct machine *machine)
{
	unsigned int nhalted = 0;

	for (unsigned int i = 0; i < machine->nvcpus; i++)
		nhalted += machine->vcpus[i].is_halted;
	return machine->nvcpus && nhalted == machine->nvcpus;
}

int machine_resume(struct machine *machine)
{
	enum machine_run_state from;
	bool is_over;

	pthread_mutex_lock(&machine->lock);
	if (!can_resume(machine)) {
		pthread_mutex_unlock(&machine->lock);
		return -EINVAL;
	}
	from = machine->state;
	if (from != MACHINE_RUNNING)
		change_state(machine, MACHINE_RUNNING);
	is_over = all_have_halted(machine);
	pthread_mutex_unlock(&machine->lock);
	machine_notify(machine, from, MACHINE_RUNNING);
	/* a state that was loaded; no vCPU would enter and tell */
	if (is_over)
		machine_ended(machine, MACHINE_SHUTDOWN, MACHINE_EXIT_HALT, 0);
	return 0;
}

int machine_set_run_state(struct machine *machine, enum machine_run_state state)
{
	enum machine_run_state from;

	if (state == MACHINE_RUNNING)
		return -EINVAL;
	pthread_mutex_lock(&machine->lock);
	if (machine->state == MACHINE_RUNNING) {
		pthread_mutex_unlock(&machine->lock);
		return -EBUSY;
	}
	from = change_state(machine, state);
	pthread_mutex_unlock(&machine->lock);
	machine_notify(machine, from, state);
	return 0;
}

void machine_quiesce(struct machine *machine)
{
	pthread_mutex_lock(&machine->lock);
	machine->quiesced++;
	wait_until_out(machine);
	pthread_mutex_unlock(&machine->lock);
}

void machine_unquiesce(struct machine *machine)
{
	pthread_mutex_lock(&machine->lock);
	machine->quiesced--;
	machine->generation++;
	pthread_cond_broadcast(&machine->entered_or_left);
	pthread_mutex_unlock(&machine->lock);
}

enum machine_run_state machine_fail_locked(struct machine *machine,
					   const struct smudge_error *why)
{
	enum machine_run_state from;

	if (!machine->error.code)
		machine->error = *why;
	from = change_state(machine, MACHINE_INTERNAL_ERROR);
	kick_those_inside(machine);
	return from;
}

void machine_ended(struct machine *machine, enum machine_run_state state,
		   enum machine_exit_reason reason, int status)
{
	enum machine_run_state from;

	pthread_mutex_lock(&machine->lock);
	from = change_state(machine, state);
	kick_those_inside(machine);
	pthread_mutex_unlock(&machine->lock);
	machine_notify(machine, from, state);
	machine_request_exit(machine, reason, status);
}

/* True: @why says why. */
static bool is_losing_memory(struct machine *machine, struct smudge_error *why)
{
	struct machine_memory_check check;
	struct smudge_error found = {0};

	pthread_mutex_lock(&machine->lock);
	check = machine->memory_check;
	pthread_mutex_unlock(&machine->lock);
	if (!check.failure || !check.failure(check.opaque, &found))
		return false;
	*why = found;
	return true;
}

/* Who reports the loss of memory decides whether the process ends. */
static void fail(struct machine *machine, const struct smudge_error *err)
{
	struct smudge_error why = *err;
	bool is_loss = is_losing_memory(machine, &why);
	enum machine_run_state from;

	pthread_mutex_lock(&machine->lock);
	from = machine_fail_locked(machine, &why);
	pthread_mutex_unlock(&machine->lock);
	machine_notify(machine, from, MACHINE_INTERNAL_ERROR);
	if (!is_loss)
		machine_request_exit(machine, MACHINE_EXIT_ERROR, 1);
}

/* Without interrupts nothing wakes a vCPU. Return: it was the last one. */
static bool halt(struct machine_vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;
	bool is_last;

	pthread_mutex_lock(&machine->lock);
	vcpu->is_halted = true;
	is_last = all_have_halted(machine);
	pthread_mutex_unlock(&machine->lock);
	return is_last;
}

static void handle_exit(struct machine_vcpu *vcpu, enum engine_exit exit,
			const struct smudge_error *err)
{
	struct machine *machine = vcpu->machine;

	switch (exit) {
	case ENGINE_EXIT_INTERRUPTED:
		break;
	case ENGINE_EXIT_HALT:
		if (halt(vcpu))
			machine_ended(machine, MACHINE_SHUTDOWN,
				      MACHINE_EXIT_HALT, 0);
		break;
	case ENGINE_EXIT_SHUTDOWN:
		machine_ended(machine, MACHINE_SHUTDOWN,
			      MACHINE_EXIT_TRIPLE_FAULT, 1);
		break;
	case ENGINE_EXIT_ERROR:
		fail(machine, err);
		break;
	}
}

/* A value that is no engine_exit is a failure of the engine. */
static enum engine_exit check_exit(enum engine_exit exit,
				   struct smudge_error *err)
{
	switch (exit) {
	case ENGINE_EXIT_INTERRUPTED:
	case ENGINE_EXIT_HALT:
	case ENGINE_EXIT_SHUTDOWN:
	case ENGINE_EXIT_ERROR:
		return exit;
	}
	smudge_error_clear(err);
	smudge_error_set(err, -EIO, "machine",
			 "the engine left the guest with %d, which is no "
			 "reason to leave it",
			 (int)exit);
	return ENGINE_EXIT_ERROR;
}

/*
 * Let the engine invalidate stale translations. The lock is held, and released
 * during the call. Return: true if the call was made, so the state of the
 * machine may have changed and must be checked again.
 */
static bool sync_translations(struct machine_vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;
	uint64_t generation = machine->generation;

	if (!machine->ops->vcpu_sync || vcpu->synced == generation)
		return false;
	pthread_mutex_unlock(&machine->lock);
	machine->ops->vcpu_sync(vcpu->engine_vcpu);
	pthread_mutex_lock(&machine->lock);
	vcpu->synced = generation;
	return true;
}

static void *vcpu_thread(void *opaque)
{
	struct machine_vcpu *vcpu = opaque;
	struct machine *machine = vcpu->machine;

	machine->ops->vcpu_bind(vcpu->engine_vcpu);
	pthread_mutex_lock(&machine->lock);
	while (!machine->is_ending) {
		struct smudge_error err = {0};
		enum engine_exit exit;

		if (!may_enter(machine) || vcpu->is_halted) {
			pthread_cond_wait(&machine->entered_or_left,
					  &machine->lock);
			continue;
		}
		if (sync_translations(vcpu))
			continue;
		vcpu->is_inside = true;
		vcpu->synced = 0;
		machine->ops->vcpu_clear_kick(vcpu->engine_vcpu);
		pthread_mutex_unlock(&machine->lock);
		exit = machine->ops->vcpu_run(vcpu->engine_vcpu, &err);
		exit = check_exit(exit, &err);
		handle_exit(vcpu, exit, &err);
		pthread_mutex_lock(&machine->lock);
		vcpu->is_inside = false;
		pthread_cond_broadcast(&machine->entered_or_left);
	}
	pthread_mutex_unlock(&machine->lock);
	return NULL;
}

static void ignore_kick(int signal)
{
}

/* SIGUSR1 only ends KVM_RUN. */
static int start_thread(struct machine_vcpu *vcpu)
{
	struct sigaction action = {.sa_handler = ignore_kick};

	sigemptyset(&action.sa_mask);
	if (sigaction(SIGUSR1, &action, NULL) < 0)
		return -errno;
	return host_thread_start(&vcpu->thread, vcpu_thread, vcpu, SIGUSR1);
}

int machine_vcpus_start(struct machine *machine, struct smudge_error *err)
{
	int ret;

	for (unsigned int i = 0; i < machine->nvcpus; i++) {
		ret = start_thread(&machine->vcpus[i]);
		if (ret < 0)
			return smudge_error_set(err, ret, "machine",
						"a vCPU's thread cannot be "
						"started: %s",
						strerror(-ret));
		machine->vcpus[i].is_started = true;
	}
	return 0;
}

void machine_vcpus_end(struct machine *machine)
{
	pthread_mutex_lock(&machine->lock);
	machine->is_ending = true;
	pthread_cond_broadcast(&machine->entered_or_left);
	wait_until_out(machine);
	pthread_mutex_unlock(&machine->lock);
	for (unsigned int i = 0; i < machine->nvcpus; i++)
		if (machine->vcpus[i].is_started)
			pthread_join(machine->vcpus[i].thread, NULL);
}
