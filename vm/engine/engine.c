/* SPDX-License-Identifier: MIT */
/*
 * The choice of an engine. To find out whether KVM works, an empty machine with
 * a vCPU is made; device files and versions would not tell. An engine that was
 * asked for is not tried: making the machine says what is wrong, and costs a
 * millisecond less.
 */
#include "config.h"
#include "engine/engine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <smudge/error.h>

static int try_engine(const struct engine_ops *ops, struct smudge_error *err)
{
	static const struct ram none;
	struct engine_vcpu *vcpu;
	struct engine *engine;
	int ret;

	ret = ops->create(&none, NULL, &engine, err);
	if (ret < 0)
		return ret;
	ret = ops->vcpu_create(engine, 0, &vcpu, err);
	if (ret == 0)
		ops->vcpu_destroy(vcpu);
	ops->destroy(engine);
	return ret;
}

static const struct engine_ops *unicorn_ops(void)
{
#ifdef HAVE_UNICORN
	return &engine_unicorn_ops;
#else
	return NULL;
#endif
}

/* This failure says nothing about KVM, and a slower engine would hide it. */
static bool is_shortage(int code)
{
	return code == -ENOMEM || code == -EMFILE || code == -ENFILE;
}

static int choose_auto(const struct engine_ops **ret_ops, char why_buf[256],
		       struct smudge_error *err)
{
	struct smudge_error kvm_err = {0};
	int ret = try_engine(&engine_kvm_ops, &kvm_err);
	size_t len = strlen(kvm_err.message);

	if (ret == 0) {
		*ret_ops = &engine_kvm_ops;
		snprintf(why_buf, 256, "engine kvm, because /dev/kvm works");
		return 0;
	}
	if (is_shortage(ret))
		return smudge_error_set(err, ret, "engine", "%s",
					kvm_err.message);
	if (!unicorn_ops())
		return smudge_error_set(err, ret, "engine",
					"no engine works: %.120s (built "
					"without unicorn)",
					kvm_err.message);
	*ret_ops = unicorn_ops();
	if (len && kvm_err.message[len - 1] == '.')
		len--; /* the caller appends to this line */
	snprintf(why_buf, 256,
		 "engine unicorn, because kvm does not work: %.*s", (int)len,
		 kvm_err.message);
	return 0;
}

int engine_choose(const char *name, const struct engine_ops **ret_ops,
		  char why_buf[256], struct smudge_error *err)
{
	const struct engine_ops *ops = NULL;

	if (!strcmp(name, "auto"))
		return choose_auto(ret_ops, why_buf, err);
	if (!strcmp(name, "kvm"))
		ops = &engine_kvm_ops;
	else if (!strcmp(name, "unicorn"))
		ops = unicorn_ops();
	if (!ops)
		return smudge_error_set(err, -EINVAL, "engine",
					"the engine %.40s is not in this "
					"build",
					name);
	*ret_ops = ops;
	snprintf(why_buf, 256, "engine %s, as asked for", name);
	return 0;
}

const struct engine_dirty *engine_dirty_find(const struct engine_ops *ops,
					     const char *name)
{
	for (size_t i = 0; i < ops->ndirty; i++)
		if (!strcmp(ops->dirty[i].name, name))
			return &ops->dirty[i];
	return NULL;
}

const char *engine_that_offers(const char *dirty)
{
	if (engine_dirty_find(&engine_kvm_ops, dirty))
		return engine_kvm_ops.name;
	if (unicorn_ops() && engine_dirty_find(unicorn_ops(), dirty))
		return unicorn_ops()->name;
	return NULL;
}
