/* mailbox.c - see mailbox.h. */
#include "common/conf/mailbox.h"

#define SCHEME "maildir:"

const char *mailbox_fault(struct str mailbox)
{
	if (!str_starts_nocase(mailbox, STR(SCHEME)))
		return "maildir:/path is wanted";
	mailbox = str_from(mailbox, sizeof(SCHEME) - 1);
	if (mailbox.n == 0 || mailbox.p[0] != '/')
		return "an absolute path is wanted behind maildir:";
	for (size_t i = 0; i < mailbox.n; i++) {
		if (mailbox.p[i] != '%')
			continue;
		if (++i == mailbox.n || strchr("und%", mailbox.p[i]) == NULL)
			return "only %u, %n, %d and %% may stand behind a %";
	}
	return NULL;
}

static struct str value_of(char letter, const struct subscriber *who)
{
	switch (letter) {
	case 'u': return subscriber_str(who);
	case 'n': return subscriber_local(who);
	case 'd': return subscriber_domain(who);
	default: return STR("%");
	}
}

bool mailbox_root(struct str mailbox, char *dst)
{
	struct str path = str_from(mailbox, sizeof(SCHEME) - 1);
	size_t n = 0, whole = 0; /* written, and of that in whole parts */

	for (size_t i = 0; i < path.n && n + 1 < MAILBOX_PATH_MAX; i++) {
		if (path.p[i] == '%' && i + 1 < path.n && path.p[++i] != '%') {
			dst[whole > 0 ? whole : 1] = '\0';
			return true;
		}
		if (path.p[i] == '/')
			whole = n;
		dst[n++] = path.p[i];
	}
	dst[n] = '\0';
	return n + 1 < MAILBOX_PATH_MAX;
}

bool mailbox_path(struct str mailbox, const struct subscriber *who, char *dst)
{
	size_t n = 0;

	for (size_t i = sizeof(SCHEME) - 1; i < mailbox.n; i++) {
		struct str piece = { mailbox.p + i, 1 };

		if (mailbox.p[i] == '%' && i + 1 < mailbox.n)
			piece = value_of(mailbox.p[++i], who);
		if (n + piece.n >= MAILBOX_PATH_MAX)
			return false;
		memcpy(dst + n, piece.p, piece.n);
		n += piece.n;
	}
	dst[n] = '\0';
	return true;
}
