/* SPDX-License-Identifier: MIT */
/*
 * Live migration: iterative pre-copy over one connected stream socket.
 *
 * The sender opens a client on every region and sends the dirty pages, round
 * after round, while the machine runs. When the policy decides so, it stops the
 * machine and sends the rest with the machine's state. Until the receiver has
 * acknowledged that it holds everything, the sender can roll back: on any
 * failure it returns the pages in flight, closes the client (logging ends) and
 * starts a stopped machine again. docs/protocol.md specifies the stream.
 *
 * If another client of the memory lets only quiesced harvests re-arm
 * (memory.h), the harvests of the rounds are looks: each round sends again all
 * that was written since the last quiesced harvest, and counts it as dirtied.
 * The last harvests, of the stopped machine, are quiesced.
 */
#ifndef SMUDGE_MIGRATE_H
#define SMUDGE_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
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
	SMUDGE_MIGRATE_CANCELLED = 5,	/* ended before the hand-over */
	SMUDGE_MIGRATE_UNCONFIRMED = 6, /* handed over, but not confirmed */
};

/*
 * One moment of a migration. Pages have 4096 bytes, whatever the page size of
 * the regions. At the receiver "sent" means received, and
 * figures that only a sender has are 0.
 */
struct smudge_migrate_stats {
	size_t size; /* set by the caller: sizeof */
	enum smudge_migrate_phase phase;
	/*
	 * From 1; 0 during set-up. Under a bandwidth limit, a short round that
	 * measures the line follows round 1 before the policy is called.
	 */
	uint32_t round;
	uint64_t total_bytes;	  /* RAM of all regions */
	uint64_t sent_bytes;	  /* of the stream, all record types */
	uint64_t sent_pages;	  /* with content, repeats counted */
	uint64_t zero_pages;	  /* sent without content */
	uint64_t remaining_pages; /* dirty and not sent yet */
	uint64_t remaining_bytes;
	uint64_t round_sent_pages;   /* this round */
	uint64_t round_ns;	     /* last whole round, until its answer */
	uint64_t dirty_pages_ps;     /* pages dirtied per second, last round */
	uint64_t bandwidth_bytes_ps; /* of pages held by the receiver */
	/*
	 * The bandwidth that the final round will have, which no limit paces:
	 * measured, and at least bandwidth_bytes_ps. Under a limit below 2 MB/s
	 * it is measured from round 2 on, under one below 100 kB/s never: then
	 * the expected downtime is too long.
	 */
	uint64_t line_bandwidth_bytes_ps;
	uint64_t expected_downtime_ns; /* if the machine were stopped now */
	uint64_t downtime_ns;	       /* from the call of machine_stop to the
					  receiver's acknowledgement; 0 before */
	uint64_t elapsed_ns;
	uint64_t harvest_ns; /* of all harvests of the memory since the start */
	uint64_t take_ns;    /* of all takes of the memory since the start */
	uint64_t bitmap_peak_bytes;
};

enum smudge_migrate_decision {
	SMUDGE_MIGRATE_CONTINUE = 0, /* another round */
	SMUDGE_MIGRATE_SWITCH = 1,   /* stop the machine and finish */
	SMUDGE_MIGRATE_ABORT = 2,    /* give up; the machine continues */
};

/* Switched during the migration with smudge_migration_set_limits. */
struct smudge_migrate_limits {
	size_t size; /* sizeof(struct smudge_migrate_limits) */
	/* Of all rounds but the final one; 0: unlimited. */
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
	 * -EOWNERDEAD, is a failure too: -EIO, with the value in the sentence.
	 */
	/*
	 * Stop all writers (vCPUs and devices), and wait until none of their
	 * I/O into guest memory is in flight: a later write would be missing at
	 * the receiver. From here to machine_resume the sender's harvests are
	 * quiesced (memory.h).
	 */
	int (*machine_stop)(void *opaque);
	/*
	 * Start them again after a failure, also after one of machine_stop
	 * itself, which may have stopped some of them.
	 */
	void (*machine_resume)(void *opaque);
	/*
	 * Save the state of vCPUs and devices of the stopped machine, at most
	 * 64 MiB less 64 bytes. *ret_bytes is malloc'ed; the sender frees it.
	 * Guest memory that the callback writes is sent afterwards. After a
	 * failure the sender reads neither and frees nothing.
	 */
	int (*state_save)(void *opaque, void **ret_bytes, size_t *ret_length);
	/*
	 * Called after each round. NULL: smudge_migrate_default_policy. A value
	 * that is not in the enum counts as SMUDGE_MIGRATE_ABORT. A policy that
	 * waits for something must sleep: a stream has 2^20 rounds at most.
	 * Both structs have the library's size, and the limits the defaults
	 * filled in; they are valid during the call.
	 */
	enum smudge_migrate_decision (*policy)(
		const struct smudge_migrate_stats *stats,
		const struct smudge_migrate_limits *limits, void *opaque);
	/* Called when a round begins and ends, and at most every 100 ms in
	 * between. @stats has the library's size, and is valid during the
	 * call. May be NULL. */
	void (*progress)(const struct smudge_migrate_stats *stats,
			 void *opaque);
	/* A peer that is silent for so long counts as dead. 0: 30 s. */
	uint64_t peer_timeout_ns;
};

struct smudge_migration;

/*
 * smudge_migration_create - a migration that can be cancelled and tuned
 * @limits: first limits, copied; NULL for the defaults
 * @ret_migration: receives the handle, owned by the caller; it serves one send
 *	or receive
 * @err: receives the failure; may be NULL
 *
 * Blocks: no. Threads: any.
 * Return: 0, -EINVAL (the size of @limits is smaller than the first version's),
 * -E2BIG (@limits has fields that this library does not know), -ENOMEM,
 * -EMFILE, -ENFILE.
 */
int smudge_migration_create(const struct smudge_migrate_limits *limits,
			    struct smudge_migration **ret_migration,
			    struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(2);

/*
 * smudge_migration_destroy - free the handle
 * @migration: may be NULL; invalid for the caller afterwards
 *
 * A send or receive that still runs with it continues and frees it at its end.
 * Blocks: no. Threads: no other call but that one may use @migration.
 */
void smudge_migration_destroy(struct smudge_migration *migration);

/*
 * smudge_migration_cancel - make a running or later send or receive give up
 *
 * It is too late at a sender that has the receiver's acknowledgement, and at a
 * receiver that has GO. Success means that this migration has not handed the
 * machine over and will not: it ends with -ECANCELED, or with a failure that
 * came first.
 * Blocks: no. Threads: any, also a signal handler.
 * Return: 0, -EALREADY (too late: the machine is handed over, or the
 * migration has ended).
 */
int smudge_migration_cancel(struct smudge_migration *migration)
	SMUDGE_NONNULL(1);

/*
 * smudge_migration_set_limits - change the limits, from the next record on
 * @migration: handle (borrowed)
 * @limits: copied; NULL for the defaults
 * @err: receives the failure; may be NULL
 *
 * Blocks: on a short lock. Threads: any.
 * Return: 0, -EINVAL (the size is smaller than the first version's), -E2BIG
 * (@limits has fields that this library does not know). After a failure the
 * limits are as before.
 */
int smudge_migration_set_limits(struct smudge_migration *migration,
				const struct smudge_migrate_limits *limits,
				struct smudge_error *err) SMUDGE_NONNULL(1);

/*
 * smudge_migration_limits - read the limits, defaults filled in
 * @migration: handle (borrowed)
 * @limits: size is set by the caller; fields beyond it are not written, nor
 *      fields that this library does not know
 *
 * Blocks: on a short lock. Threads: any.
 * Return: 0, -EINVAL (size is smaller than the first version's).
 */
int smudge_migration_limits(struct smudge_migration *migration,
			    struct smudge_migrate_limits *limits)
	SMUDGE_NONNULL(1, 2);

/*
 * smudge_migration_stats - read the statistics
 * @migration: handle (borrowed)
 * @stats: size is set by the caller; fields beyond it are not written, nor
 *      fields that this library does not know
 *
 * Blocks: on a short lock. Threads: any.
 * Return: 0, -EINVAL (size is smaller than the first version's).
 */
int smudge_migration_stats(struct smudge_migration *migration,
			   struct smudge_migrate_stats *stats)
	SMUDGE_NONNULL(1, 2);

/*
 * smudge_migrate_default_policy - switch over when the expected downtime is
 *      within the limit or the rounds are used up
 * @stats, @limits: as a policy is given them
 * @opaque: not used
 *
 * Blocks: no. Threads: any.
 */
enum smudge_migrate_decision
smudge_migrate_default_policy(const struct smudge_migrate_stats *stats,
			      const struct smudge_migrate_limits *limits,
			      void *opaque) SMUDGE_NONNULL(1, 2);

/*
 * smudge_migrate_send - move a running machine to the peer
 * @migration: fresh handle (borrowed)
 * @memory: the machine's memory (borrowed); its regions are held: until the
 *      return none can be removed, and none may be added
 * @fd: connected stream socket (borrowed)
 * @options: copied
 * @err: receives the first failure; may be NULL
 *
 * Blocks: until the machine has moved or the attempt failed. Starts no
 * thread. Never raises SIGPIPE.
 * Threads: one send or receive per handle; meanwhile other threads may call
 * smudge_migration_* on it, and writers run until machine_stop returned.
 * The socket: O_NONBLOCK and socket timeouts make no difference. TCP_NODELAY,
 * TCP_CORK, SO_RCVLOWAT and SO_PEEK_OFF are changed for the migration, and have
 * the caller's values again on return. If the caller has set SO_LINGER with a
 * time of 0, closing the socket drops what is still in flight.
 * State after success: the machine is stopped and must not run here again;
 * the receiver has it. After failure: the machine runs if it ran, logging
 * is off, the stream is shut down. The one exception is -EOWNERDEAD: the
 * machine was handed over, but the receiver did not confirm it. It stays
 * stopped here, since it may be running there. If the caller has made sure that
 * it is not, it may start it here again; nothing of it is lost.
 * The peer is sent the reason of a failure, where possible; the call may take
 * half a second more for that. Only a wrong call (options, a handle used
 * before, no socket) sends nothing and leaves the connection as it was.
 * Return: 0, -EINVAL (options, a handle used before, no region), -E2BIG (the
 * options have fields that this library does not know), -ENOTSOCK,
 * -ECANCELED (a cancel was in time, or the policy gave up), -EPROTO (the peer
 * is not smudge, speaks another version, or broke the protocol),
 * -EPROTONOSUPPORT (it demands an unknown feature), -EBADMSG (its
 * greeting or a record is damaged), -EREMOTEIO (the peer refused; its sentence
 * is in @err), -EOVERFLOW (more rounds than a stream can have, or too many
 * unknown records), -ECONNRESET, -EPIPE, -ETIMEDOUT (silence, or an
 * answer that missed its deadline) or another socket error, -EBUSY
 * (memory was still written while the machine was stopped), -EFBIG (too much
 * state), -ENOMEM, -EPERM (in a child of fork: memory.h), -EOWNERDEAD, or the
 * error of a source or callback (-EIO if that is -ECANCELED, which from this
 * call means a cancel only).
 */
int smudge_migrate_send(struct smudge_migration *migration,
			struct smudge_memory *memory, int fd,
			const struct smudge_migrate_send_options *options,
			struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2);

struct smudge_migrate_receive_options {
	size_t size; /* sizeof(struct smudge_migrate_receive_options) */
	void *opaque;
	/*
	 * Load the state of vCPUs and devices; @bytes came from the peer and is
	 * hostile. 0, or -errno with a sentence in @err, which is never NULL:
	 * then the migration is refused. Any other value, and -EOWNERDEAD, is
	 * a failure too: -EIO, with the value in the sentence.
	 */
	int (*state_load)(void *opaque, const void *bytes, size_t length,
			  struct smudge_error *err);
	/* Called when a round ends, and at most every 100 ms in between.
	 * @stats has the library's size, and is valid during the call. May be
	 * NULL. */
	void (*progress)(const struct smudge_migrate_stats *stats,
			 void *opaque);
	/* A peer that is silent for so long counts as dead. 0: 30 s. */
	uint64_t peer_timeout_ns;
};

/*
 * smudge_migrate_receive - take a machine over from the peer
 * @migration: fresh handle (borrowed)
 * @memory: memory with the same regions (name, gpa, size, page size); they
 *      are held: until the return none can be removed, and none may be added
 * @fd: connected stream socket (borrowed)
 * @options: copied
 * @err: receives the first failure; may be NULL
 *
 * Pages are written through the regions' hva, and marked for clients that
 * are open here. Treats the stream as hostile.
 * Blocks: until the machine is here or the attempt failed. Starts no thread.
 * Threads: as for smudge_migrate_send; the machine does not run.
 * The socket: as for smudge_migrate_send.
 * State after success: all memory and state are loaded, and the sender has
 * handed the machine over: it may run here. After failure: the content of the
 * memory is not a machine; the caller must not run it, whatever arrives later.
 * The stream is shut down.
 * The peer is sent the reason of a failure, as by smudge_migrate_send.
 * Return: 0, -EINVAL (options, a handle used before, no region), -E2BIG (the
 * options have fields that this library does not know), -ENOTSOCK,
 * -ECANCELED, -EPROTO (the peer is not smudge, speaks another version or is no
 * sender; a record is unknown, out of order or contradicts what came before),
 * -EPROTONOSUPPORT (an unknown feature), -EBADMSG (checksum, flags,
 * length, offset or a field is wrong), -EOVERFLOW (too many rounds, or unknown
 * records), -ENXIO (regions differ), -EREMOTEIO (the peer gave up; its
 * sentence is in @err), -ECONNRESET, -EPIPE, -ETIMEDOUT (silence, or a
 * REGION_TABLE or GO that missed its deadline) or another socket
 * error, -ENOMEM, or state_load's error.
 */
int smudge_migrate_receive(struct smudge_migration *migration,
			   struct smudge_memory *memory, int fd,
			   const struct smudge_migrate_receive_options *options,
			   struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
