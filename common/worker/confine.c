/* confine.c - see confine.h. */
#include "common/worker/confine.h"

#include "common/conf/mailbox.h"

void confine_init(struct sandbox *s, const struct kit *kit, unsigned needs, bool window)
{
	sandbox_init(s, &kit->site, kit->role, needs);
	s->quiet = kit->slot > 0;
	sandbox_file(s, kit->site.users_path);
	if (window)
		sandbox_place(s, kit->site.state_dir, SANDBOX_SHARE);
}

void confine_mail(struct sandbox *s, const struct kit *kit, struct str mailbox)
{
	char root[MAILBOX_PATH_MAX];

	if (mailbox_root(mailbox, root))
		sandbox_place(s, root, SANDBOX_OWN);
	for (size_t i = 0; i < conf_count(kit->site.section, "mail_roots"); i++)
		sandbox_place(s, conf_nth(kit->site.section, "mail_roots", i).p, SANDBOX_OWN);
}
