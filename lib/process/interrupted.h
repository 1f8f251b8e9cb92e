/* SPDX-License-Identifier: MIT */
/*
 * System calls that Linux ends with EINTR when a thread is stopped, although no
 * handler of a signal ran: waits for events, and calls of sockets with a time
 * limit. It makes others again by itself; what it does with these after a stop
 * is a quirk that few programs expect (signal(7)).
 *
 * None of them has transferred anything when it returns EINTR. So the result is
 * changed to the kernel's own code for "again, unless a handler runs": then the
 * call is made again once the thread is let go, or returns EINTR after all
 * because of a signal that came meanwhile, as it would have without us.
 *
 * A call that is made again waits for its whole time once more, for when it
 * began cannot be known; but see waited.h. (Calls that the kernel itself makes
 * again, as poll(2), nanosleep(2) and futex(2), are left to it and keep their
 * time.) connect(2) has begun when it returns EINTR, and continues to wait when
 * it is made again; if a time limit (SO_SNDTIMEO) ends that of TCP, the code is
 * EALREADY instead of EINPROGRESS.
 */
#ifndef LIB_PROCESS_INTERRUPTED_H
#define LIB_PROCESS_INTERRUPTED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Is it a call that may be made again after EINTR? @fd: its first argument,
 * which decides for read(2) and write(2): those of sockets and of inotify may.
 * KVM_RUN is none: who stops a virtual processor expects its EINTR.
 */
bool smi_interrupted_may_repeat(pid_t pid, pid_t tid, uint64_t call,
				uint64_t fd);

#endif
