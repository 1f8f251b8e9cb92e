/* SPDX-License-Identifier: MIT */
/*
 * The address that stands for grace periods before ThreadSanitizer. Nothing
 * is stored in it.
 */
#include "sys/rcu.h"

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
char smi_rcu_tsan_token;
#endif
