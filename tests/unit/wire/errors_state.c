/* SPDX-License-Identifier: MIT */
/*
 * A state that cannot be loaded is refused with code 5, whatever errno the
 * callback returns, also one that has another meaning elsewhere in a receive.
 */
#include <errno.h>

#include "stream.h"
#include "support.h"
#include "wire/format.h"

static void cannot_be_loaded(void **state)
{
	static const int errors[] = {-EINVAL,	 -EBADMSG,    -EPROTO,
				     -EOVERFLOW, -ECANCELED,  -ETIMEDOUT,
				     -EPIPE,	 -ECONNRESET, -EREMOTEIO,
				     -ENXIO,	 -ENOMEM};
	static struct stream stream;
	struct stream_player *player = stream_player_create();

	assert_non_null(player);
	stream_good(&stream);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct stream_result result;

		stream_player_fail_load(player, errors[i]);
		result = stream_play(player, stream.bytes, stream.length);
		if (result.error >= 0 ||
		    result.told_code != SMI_WIRE_REFUSE_STATE)
			fail_msg("%d: %d, code %u, \"%s\"", errors[i],
				 result.error, result.told_code,
				 result.err.message);
	}
	stream_player_destroy(player);
}

TEST_MAIN(cannot_be_loaded)
