/* SPDX-License-Identifier: MIT */
/*
 * The numbers of the migration stream, as docs/protocol.md assigns them.
 *
 * The stream counts in wire pages of 4096 bytes, whatever the page size of a
 * region is.
 */
#ifndef LIB_WIRE_FORMAT_H
#define LIB_WIRE_FORMAT_H

#include <stdint.h>

#define SMI_WIRE_VERSION 1

#define SMI_WIRE_PAGE_SHIFT 12
#define SMI_WIRE_PAGE_BYTES (1u << SMI_WIRE_PAGE_SHIFT)

#define SMI_WIRE_GREETING_BYTES 40
#define SMI_WIRE_HEADER_BYTES	24

/* Features that this implementation knows. */
#define SMI_WIRE_MANDATORY_FEATURES UINT64_C(0)

enum smi_wire_role {
	SMI_WIRE_SENDER = 1,
	SMI_WIRE_RECEIVER = 2,
};

enum smi_wire_type {
	SMI_WIRE_REGION_TABLE = 0x001,
	SMI_WIRE_ROUND_BEGIN = 0x002,
	SMI_WIRE_PAGES = 0x003,
	SMI_WIRE_ZERO = 0x004,
	SMI_WIRE_ROUND_END = 0x005,
	SMI_WIRE_STATE = 0x006,
	SMI_WIRE_END = 0x007,
	SMI_WIRE_GO = 0x008,
	SMI_WIRE_ABORT = 0x009,
	SMI_WIRE_READY = 0x101,
	SMI_WIRE_ROUND_ACK = 0x102,
	SMI_WIRE_ACK = 0x103,
	SMI_WIRE_REFUSE = 0x104,
	SMI_WIRE_RECEIPT = 0x105,
};

/* Record flags. */
#define SMI_WIRE_SKIPPABLE 1u

/* Flags of ROUND_BEGIN. */
#define SMI_WIRE_FINAL 1u

/*
 * Codes of REFUSE (the receiver sends it) and ABORT (the sender does). The
 * errno of a decoder gives the code: -EBADMSG is DAMAGED, -EPROTO is ORDER,
 * -EPROTONOSUPPORT is FEATURE, -EOVERFLOW and -ETIMEDOUT are LIMIT.
 */
enum smi_wire_refuse_code {
	SMI_WIRE_REFUSE_CANCELLED = 1,
	SMI_WIRE_REFUSE_DAMAGED = 2,
	SMI_WIRE_REFUSE_ORDER = 3,
	SMI_WIRE_REFUSE_REGIONS = 4,
	SMI_WIRE_REFUSE_STATE = 5,
	SMI_WIRE_REFUSE_LOCAL = 6,
	SMI_WIRE_REFUSE_FEATURE = 7,
	SMI_WIRE_REFUSE_LIMIT = 8,
};

enum smi_wire_abort_code {
	SMI_WIRE_ABORT_CANCELLED = 1,
	SMI_WIRE_ABORT_POLICY = 2,
	SMI_WIRE_ABORT_MACHINE = 3,
	SMI_WIRE_ABORT_PEER = 4,
	SMI_WIRE_ABORT_LOCAL = 6,
	SMI_WIRE_ABORT_FEATURE = 7,
	SMI_WIRE_ABORT_LIMIT = 8,
};

/* Limits of one record; a CAP is of its payload, in bytes. */
#define SMI_WIRE_MAX_REGIONS	   4096u
#define SMI_WIRE_MAX_NAME	   63u
#define SMI_WIRE_MAX_SENTENCE	   199u
#define SMI_WIRE_MAX_PAGES	   256u	 /* with content, in one PAGES */
#define SMI_WIRE_MAX_ZERO_RUNS	   4096u /* in one ZERO */
#define SMI_WIRE_MAX_CONTENT	   (SMI_WIRE_MAX_PAGES * SMI_WIRE_PAGE_BYTES)
#define SMI_WIRE_RUNS_HEAD	   8u  /* region, nruns */
#define SMI_WIRE_RUN_BYTES	   16u /* first_page, npages */
#define SMI_WIRE_CAP_REGION_TABLE  (UINT64_C(512) << 10)
#define SMI_WIRE_CAP_STATE	   (UINT64_C(64) << 20)
#define SMI_WIRE_CAP_SKIPPABLE	   (UINT64_C(1) << 20)
#define SMI_WIRE_ROUND_BEGIN_BYTES 16u
#define SMI_WIRE_ROUND_END_BYTES   32u
#define SMI_WIRE_ROUND_ACK_BYTES   8u
#define SMI_WIRE_END_BYTES	   40u
#define SMI_WIRE_MAX_REASON	   (4u + SMI_WIRE_MAX_SENTENCE)
#define SMI_WIRE_PAGES_RUNS_BYTES \
	(SMI_WIRE_RUNS_HEAD + SMI_WIRE_MAX_PAGES * SMI_WIRE_RUN_BYTES)
#define SMI_WIRE_CAP_PAGES (SMI_WIRE_PAGES_RUNS_BYTES + SMI_WIRE_MAX_CONTENT)
#define SMI_WIRE_CAP_ZERO \
	(SMI_WIRE_RUNS_HEAD + SMI_WIRE_MAX_ZERO_RUNS * SMI_WIRE_RUN_BYTES)

/* Limits of a stream. */
#define SMI_WIRE_MAX_ROUNDS	 (1u << 20)
#define SMI_WIRE_MAX_SKIPPED	 4096u /* between two other records */
#define SMI_WIRE_CAP_ALL_SKIPPED (UINT64_C(16) << 20) /* of their payloads */

/* The one STATE section of version 1. */
#define SMI_WIRE_STATE_NAME "machine"

#endif
