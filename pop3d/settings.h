/* settings.h - what popgate.conf says of pop3d. */
#ifndef POPGATE_POP3_SETTINGS_H
#define POPGATE_POP3_SETTINGS_H

#include "common/conf/conf.h"
#include "pop3d/uidl.h"

/* Texts are borrowed from the struct conf. */
struct pop3_settings {
	struct str mailbox; /* template, see common/conf/mailbox.h */
	enum uidl_format uidl_format;
	int64_t idle_ms;
	unsigned max_connections, max_connections_per_address;
	unsigned login_delay_s; /* between two sessions of a maildrop; 0: none */
	bool implementation; /* CAPA says what we are */
	bool hold_window; /* a session that goes on holds the window open */
};

MUST_USE enum err pop3_settings_read(
	struct pop3_settings *out, struct conf *c, struct buf *complaints);

#endif
