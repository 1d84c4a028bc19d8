/* settings.c - the pop3d section. */
#include "pop3d/settings.h"

#include "common/conf/mailbox.h"

#define LOGIN_DELAY_MAX_MS (INT64_C(7) * 24 * 60 * 60 * 1000)

enum err pop3_settings_read(struct pop3_settings *out, struct conf *c, struct buf *complaints)
{
	struct conf_section s = conf_section(conf_root(c), "pop3d", 0);
	const char *fault = mailbox_fault(conf_text(s, "mailbox"));
	int64_t delay_ms = conf_ms(s, "login_delay");
	size_t before = complaints->len;

	if (fault != NULL)
		conf_complain(s, "mailbox", complaints, "mailbox: %s", fault);
	if (conf_ms(s, "idle_timeout") < 1000)
		conf_complain(s, "idle_timeout", complaints, "idle_timeout: at least 1s");
	if (delay_ms % 1000 != 0 || delay_ms > LOGIN_DELAY_MAX_MS)
		conf_complain(
			s, "login_delay", complaints, "login_delay: whole seconds, 7d at most");
	if (complaints->len != before)
		return ERR_SYNTAX;
	*out = (struct pop3_settings){
		.mailbox = conf_text(s, "mailbox"),
		.idle_ms = conf_ms(s, "idle_timeout"),
		.uidl_format = (enum uidl_format)conf_word(s, "uidl_format"),
		.max_connections = conf_number(s, "max_connections"),
		.max_connections_per_address = conf_number(s, "max_connections_per_address"),
		.login_delay_s = (unsigned)(delay_ms / 1000),
		.implementation = conf_bool(s, "implementation"),
		.hold_window = conf_bool(s, "hold_window"),
	};
	return ERR_NONE;
}
