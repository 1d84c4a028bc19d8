/* hopsettings.c - see hopsettings.h. */
#include "smtpgate/hopsettings.h"

#include "common/conf/mailbox.h"

void hop_read(struct hop *out, struct conf_section s, const char *name, struct buf *complaints)
{
	struct str text = conf_text(s, name);
	const char *fault;

	*out = (struct hop){ .text = text };
	if (text.n == 0)
		return;
	if (str_starts_nocase(text, STR("maildir:"))) {
		out->kind = HOP_MAILDIR;
		out->mailbox = text;
		fault = mailbox_fault(text);
		if (fault != NULL)
			conf_complain(s, name, complaints, "%s: %s", name, fault);
	} else if (str_starts_nocase(text, STR("smtp:"))) {
		out->kind = HOP_SMTP;
		if (!endpoint_parse(str_from(text, 5), &out->endpoint))
			conf_complain(s, name, complaints,
				"%s: smtp:address:port is wanted, like smtp:127.0.0.1:10025", name);
	} else {
		conf_complain(s, name, complaints,
			"%s: smtp:address:port or maildir:/path is wanted", name);
	}
}

bool hops_split(const struct hop *a, const struct hop *b)
{
	return a->kind == HOP_SMTP && b->kind == HOP_SMTP &&
		!(a->endpoint.port == b->endpoint.port &&
			addr_eq(a->endpoint.addr, b->endpoint.addr));
}
