/* SPDX-License-Identifier: MIT */
/*
 * Live migration: iterative pre-copy over one connected stream socket.
 *
 * The sender opens a client on every region, sends what is dirty round after
 * round while the machine runs, stops the machine when the policy says so,
 * and sends the rest with the machine's state. Until the receiver has
 * acknowledged that it holds everything, the sender can go back: on any
 * failure the pages in flight are returned, the client is closed (logging
 * ends), and a stopped machine is started again. docs/protocol.md specifies
 * the stream.
 *
 * Beside a client that lets only quiesced harvests re-arm (memory.h) the rounds
 * are looks: each sends again what was written since the last quiesced harvest,
 * and counts it as dirtied. The stopped machine's last harvests are quiesced.
 */
#ifndef SMUDGE_MIGRATE_H
#define SMUDGE_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "memory.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

enum smudge_migrate_phase {
	SMUDGE_MIGRATE_SETUP = 0,      /* greeting, region table */
	SMUDGE_MIGRATE_ROUNDS = 1,     /* the machine runs */
	SMUDGE_MIGRATE_SWITCHOVER = 2, /* the machine is stopped */
	SMUDGE_MIGRATE_COMPLETED = 3,
	SMUDGE_MIGRATE_FAILED = 4,
	SMUDGE_MIGRATE_CANCELLED = 5,	/* given up before it was handed over */
	SMUDGE_MIGRATE_UNCONFIRMED = 6, /* handed over, but not confirmed */
};

/*
 * One moment of a migration. Given by value. Pages are of 4096 bytes, whatever
 * page size the regions are tracked with. At the receiver "sent" means
 * received, and what only a sender can know is 0.
 */
struct smudge_migrate_stats {
	enum smudge_migrate_phase phase;
	/*
	 * From 1; 0 during set-up. Under a bandwidth limit round 1 is followed
	 * by a short one that measures the line, before the policy is asked.
	 */
	uint32_t round;
	uint64_t total_bytes;	  /* RAM of all regions */
	uint64_t sent_bytes;	  /* of the stream, all kinds of record */
	uint64_t sent_pages;	  /* with content, repeats counted */
	uint64_t zero_pages;	  /* sent without content */
	uint64_t remaining_pages; /* dirty and not sent yet */
	uint64_t remaining_bytes;
	uint64_t round_sent_pages;   /* this round */
	uint64_t round_ns;	     /* last whole round, to its answer */
	uint64_t dirty_pages_ps;     /* pages dirtied per second, last round */
	uint64_t bandwidth_bytes_ps; /* of pages held by the receiver */
	/*
	 * What the final round will have, which no limit paces: as far as it
	 * is known, and at least bandwidth_bytes_ps. A limit of less than
	 * 2 MB/s lets it be measured from round 2 on, one of less than 100 kB/s
	 * never: the expected downtime is too long then.
	 */
	uint64_t line_bandwidth_bytes_ps;
	uint64_t expected_downtime_ns; /* if the machine were stopped now */
	uint64_t downtime_ns;	       /* from the call of machine_stop to the
					  receiver's acknowledgement; 0 before */
	uint64_t elapsed_ns;
	uint64_t harvest_ns; /* spent in the memory's harvests meanwhile */
	uint64_t take_ns;    /* spent in the memory's takes meanwhile */
	uint64_t bitmap_peak_bytes;
};

enum smudge_migrate_decision {
	SMUDGE_MIGRATE_CONTINUE = 0, /* another round */
	SMUDGE_MIGRATE_SWITCH = 1,   /* stop the machine and finish */
	SMUDGE_MIGRATE_ABORT = 2,    /* give up; the machine runs on */
};

/* Switched during the migration with smudge_migrate_set_limits. */
struct smudge_migrate_limits {
	/* Of the rounds, and not of the final one; 0: unlimited. */
	uint64_t max_bandwidth_bytes_ps;
	uint64_t downtime_limit_ns; /* 0: 300 ms */
	uint32_t max_rounds;	    /* 0: 30; a stream has 2^20 at most */
};

struct smudge_migrate_send_options {
	size_t size;  /* sizeof(struct smudge_migrate_send_options) */
	void *opaque; /* passed to the callbacks, which run on the thread that
			 called smudge_migrate_send */
	/*
	 * A callback of type int returns 0 or -errno. Any other value, and
	 * -EOWNERDEAD, is a failure too: -EIO, with a sentence that has the
	 * value.
	 */
	/*
	 * Stop all writers (vCPUs and devices), and wait until no I/O of
	 * theirs into guest memory is in flight: what lands later would be
	 * missing at the receiver. From here to machine_resume the sender's
	 * harvests are quiesced ones (memory.h). 0 or -errno.
	 */
	int (*machine_stop)(void *opaque);
	/*
	 * Start them again, after a failure; also after a failure of
	 * machine_stop itself, which may have stopped a part.
	 */
	void (*machine_resume)(void *opaque);
	/*
	 * Give the state of vCPUs and devices, with the machine stopped:
	 * *ret_bytes is malloc'ed and freed by the sender. Memory it writes is
	 * sent afterwards. At most 64 MiB less 64 bytes. 0 or -errno; after a
	 * failure both are not looked at, and nothing is freed.
	 */
	int (*state_save)(void *opaque, void **ret_bytes, size_t *ret_length);
	/*
	 * After each round. NULL: smudge_migrate_default_policy. What is no
	 * enum smudge_migrate_decision is SMUDGE_MIGRATE_ABORT. One that waits
	 * for something must sleep: a stream has 2^20 rounds at most.
	 */
	enum smudge_migrate_decision (*policy)(
		struct smudge_migrate_stats stats,
		struct smudge_migrate_limits lim, void *opaque);
	/* As each round begins and ends, and now and then. May be NULL. */
	void (*progress)(struct smudge_migrate_stats stats, void *opaque);
	/* Silence of the peer that is taken for its death. 0: 30 s. */
	uint64_t peer_timeout_ns;
};

struct smudge_migration;

/*
 * smudge_migration_create - a migration that can be cancelled and tuned
 * @limits: first limits, copied; NULL for the defaults
 * @ret_migration: receives the handle, owned by the caller; good for one send
 * or receive
 *
 * Blocks: no. Threads: any. Return: 0, -ENOMEM, -EMFILE, -ENFILE.
 */
int smudge_migration_create(const struct smudge_migrate_limits *limits,
			    struct smudge_migration **ret_migration);

/*
 * smudge_migration_destroy - free the handle
 * @migration: may be NULL; invalid for the caller afterwards
 *
 * A send or receive that still runs with it goes on, and frees it at its end.
 * Blocks: no. Threads: no other call but that one may use @migration.
 */
void smudge_migration_destroy(struct smudge_migration *migration);

/*
 * smudge_migration_cancel - make a running or later send or receive give up
 *
 * A sender that has the receiver's acknowledgement, and a receiver that was
 * given the machine, cannot give up any more. Success means that this
 * migration did not and will not hand the machine over: it ends with
 * -ECANCELED, or with a failure that came first.
 * Blocks: no. Threads: any, also a signal handler.
 * Return: 0, -EALREADY (too late: the machine is handed over, or the
 * migration has ended).
 */
int smudge_migration_cancel(struct smudge_migration *migration);

/*
 * smudge_migration_set_limits - change the limits, from the next record on
 * smudge_migration_limits - read them, defaults filled in
 * smudge_migration_stats - read the statistics
 *
 * Block: on a short lock. Threads: any.
 */
void smudge_migration_set_limits(struct smudge_migration *migration,
				 const struct smudge_migrate_limits *limits);
struct smudge_migrate_limits
smudge_migration_limits(struct smudge_migration *migration);
struct smudge_migrate_stats
smudge_migration_stats(struct smudge_migration *migration);

/*
 * smudge_migrate_default_policy - switch over when the expected downtime is
 *      within the limit or the rounds are used up
 */
enum smudge_migrate_decision
smudge_migrate_default_policy(struct smudge_migrate_stats stats,
			      struct smudge_migrate_limits limits,
			      void *opaque);

/*
 * smudge_migrate_send - move a running machine to the peer
 * @migration: fresh handle (borrowed)
 * @memory: the machine's memory (borrowed); its regions are held, so that a
 *      removal is refused, and none may be added
 * @fd: connected stream socket (borrowed)
 * @options: copied
 * @err: receives the first failure; may be NULL
 *
 * Blocks: until the machine has moved or the attempt failed. Starts no
 * thread. Never raises SIGPIPE.
 * The socket: any mode (O_NONBLOCK) and time limits are fine. TCP_NODELAY,
 * TCP_CORK, SO_RCVLOWAT and SO_PEEK_OFF are set as a migration needs them, and
 * have the caller's values again on return. A caller that set SO_LINGER with a
 * time of 0 loses what is under way when it closes the socket.
 * State after success: the machine is stopped and must not run here again;
 * the receiver has it. After failure: the machine runs if it ran, logging
 * is off, the stream is shut down. The one exception is -EOWNERDEAD: the
 * machine was handed over, but the receiver did not confirm it. It stays
 * stopped here, since it may be running there; who makes sure that it is not
 * may start it here again, nothing of it is lost.
 * A failure is told to the peer, if it can be, for which the call may take
 * half a second more; only a call that was wrong in itself (options, a handle
 * used before, no socket) sends nothing and leaves the connection as it was.
 * Return: 0, -EINVAL (options, a handle used before, no region), -ENOTSOCK,
 * -ECANCELED (a cancel was in time, or the policy gave up), -EPROTO (the peer
 * is not smudge, speaks another version, or broke the protocol),
 * -EPROTONOSUPPORT (it demands a feature that is not known), -EBADMSG (its
 * greeting or a record is damaged), -EREMOTEIO (the peer refused; its sentence
 * is in @err), -EOVERFLOW (more rounds than a stream can have, or too many
 * records to be skipped), -ECONNRESET, -EPIPE, -ETIMEDOUT (silence, or an
 * answer that did not come in the time limit) or another socket error, -EBUSY
 * (memory was still written while the machine was stopped), -EFBIG (too much
 * state), -ENOMEM, -EOWNERDEAD, or the error of a source or callback (-EIO for
 * a -ECANCELED of theirs, which says what this call did).
 */
int smudge_migrate_send(struct smudge_migration *migration,
			struct smudge_memory *memory, int fd,
			const struct smudge_migrate_send_options *options,
			struct smudge_error *err);

struct smudge_migrate_receive_options {
	size_t size; /* sizeof(struct smudge_migrate_receive_options) */
	void *opaque;
	/*
	 * Load the state of vCPUs and devices; @bytes came from the peer and is
	 * hostile. 0, or -errno with the sentence in @err, which is never NULL:
	 * the migration is refused then. Any other value, and -EOWNERDEAD, is
	 * a failure too: -EIO, with a sentence that has the value.
	 */
	int (*state_load)(void *opaque, const void *bytes, size_t length,
			  struct smudge_error *err);
	/* Now and then. May be NULL. */
	void (*progress)(struct smudge_migrate_stats stats, void *opaque);
	/* Silence of the peer that is taken for its death. 0: 30 s. */
	uint64_t peer_timeout_ns;
};

/*
 * smudge_migrate_receive - take a machine over from the peer
 * @migration: fresh handle (borrowed)
 * @memory: memory with the same regions (name, gpa, size, page size); they
 *      are held, so that a removal is refused, and none may be added
 * @fd: connected stream socket (borrowed)
 * @options: copied
 * @err: receives the first failure; may be NULL
 *
 * Pages are written through the regions' hva, and marked for clients that
 * are open here. Treats the stream as hostile.
 * Blocks: until the machine is here or the attempt failed. Starts no thread.
 * The socket: as for smudge_migrate_send.
 * State after success: all memory and state loaded, the sender has given its
 * machine up: it may run here. After failure: the content of the memory is
 * not a machine; the caller must not run it, whatever arrives later. The
 * stream is shut down.
 * A failure is told to the peer as at smudge_migrate_send.
 * Return: 0, -EINVAL (options, a handle used before, no region), -ENOTSOCK,
 * -ECANCELED, -EPROTO (the peer is not smudge, speaks another version or is no
 * sender; a record is unknown, out of order or contradicts what came before),
 * -EPROTONOSUPPORT (a feature is not known), -EBADMSG (checksum, flags,
 * length, offset or a field is wrong), -EOVERFLOW (too many rounds, or records
 * to be skipped), -ENXIO (regions differ), -EREMOTEIO (the peer gave up; its
 * sentence is in @err), -ECONNRESET, -EPIPE, -ETIMEDOUT (silence, or a
 * REGION_TABLE or GO that did not come in the time limit) or another socket
 * error, -ENOMEM, or state_load's error.
 */
int smudge_migrate_receive(struct smudge_migration *migration,
			   struct smudge_memory *memory, int fd,
			   const struct smudge_migrate_receive_options *options,
			   struct smudge_error *err);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
