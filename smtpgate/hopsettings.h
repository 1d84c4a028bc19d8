/* hopsettings.h - what popgate.conf says of the next hops of smtpgate. */
#ifndef POPGATE_HOPSETTINGS_H
#define POPGATE_HOPSETTINGS_H

#include "common/conf/conf.h"

struct hop { /* a next hop; texts are borrowed from the struct conf */
	enum hop_kind {
		HOP_NONE,
		HOP_SMTP, /* smtp:address:port */
		HOP_MAILDIR, /* maildir:/template, by the deliver role */
	} kind;
	struct endpoint endpoint; /* SMTP */
	struct str mailbox; /* MAILDIR: common/conf/mailbox.h */
	struct str text; /* as configured, for the log */
};

/* Reads the option of that name; complaints says what is wrong with it. */
void hop_read(struct hop *out, struct conf_section s, const char *name, struct buf *complaints);

/* Are they two network hops, and not one and the same? */
bool hops_split(const struct hop *a, const struct hop *b);

#endif
