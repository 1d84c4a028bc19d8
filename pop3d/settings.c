/* settings.c - the pop3d section. */
#include "pop3d/settings.h"

#include "common/conf/mailbox.h"

enum err pop3_settings_read(struct pop3_settings *out, struct conf *c, struct buf *complaints)
{
	struct conf_section s = conf_section(conf_root(c), "pop3d", 0);
	const char *fault = mailbox_fault(conf_text(s, "mailbox"));
	size_t before = complaints->len;

	if (fault != NULL)
		conf_complain(s, "mailbox", complaints, "mailbox: %s", fault);
	if (conf_ms(s, "idle_timeout") < 1000)
		conf_complain(s, "idle_timeout", complaints, "idle_timeout: at least 1s");
	if (complaints->len != before)
		return ERR_SYNTAX;
	*out = (struct pop3_settings){
		.mailbox = conf_text(s, "mailbox"),
		.idle_ms = conf_ms(s, "idle_timeout"),
		.max_connections = conf_number(s, "max_connections"),
		.max_connections_per_address = conf_number(s, "max_connections_per_address"),
	};
	return ERR_NONE;
}
