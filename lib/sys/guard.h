/* SPDX-License-Identifier: MIT */
/*
 * A mutex that is held until the end of a scope, on every way out of it.
 */
#ifndef LIB_SYS_GUARD_H
#define LIB_SYS_GUARD_H

#include <pthread.h>

static inline pthread_mutex_t *smi_sys_guard_lock(pthread_mutex_t *mutex)
{
	pthread_mutex_lock(mutex);
	return mutex;
}

static inline void smi_sys_guard_unlock(pthread_mutex_t *const *mutex)
{
	pthread_mutex_unlock(*mutex);
}

/* Lock @mutex (evaluated once) here, unlock it where the scope ends. */
#define SMI_SYS_GUARD(mutex)                                   \
	__attribute__((unused, cleanup(smi_sys_guard_unlock))) \
	pthread_mutex_t *const guard_of_scope = smi_sys_guard_lock(mutex)

#endif
