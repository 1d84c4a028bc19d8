/* judge.c - see judge.h. */
#include "ctl/judge.h"

#include "common/daemon/steady.h"

void judge_open(struct judge *j, const struct ctl *c)
{
	char key[STEADY_KEY];

	*j = (struct judge){ .of_key = steady_read(c->site.state_dir, key) };
	j->of_file = passwdfile_open(&j->file, c->site.users_path, c->site.default_domain);
	if (j->of_key == ERR_NONE)
		j->of_key = accountprint_key_open(&j->key, (const uint8_t *)key);
	explicit_bzero(key, sizeof(key));
}

void judge_close(struct judge *j)
{
	if (j->file != NULL)
		passwdfile_close(&j->file);
	accountprint_key_close(&j->key);
}

static bool changed(void *ctx, const struct subscriber *who, const struct fingerprint *then)
{
	const struct judge *j = ctx;

	return accountprint_changed(j->key, j->file, NULL, who, then);
}

void judge_attach(struct judge *j, struct view *v)
{
	if (j->file != NULL && j->of_key == ERR_NONE)
		view_set_judge(v, &(struct view_judge){ changed, j });
}
