/* mailbox.h - where a subscriber's Maildir lies: the template of popgate.conf. */
#ifndef POPGATE_MAILBOX_H
#define POPGATE_MAILBOX_H

#include "common/base/subscriber.h"

#define MAILBOX_PATH_MAX 2048 /* octets of a path with its NUL */

/* A template is "maildir:/path" with %u (user@domain), %n (what stands before the @), %d (the domain) and
 * %% in it. NULL if it is one, else what is wrong with it, for a person. */
const char *mailbox_fault(struct str mailbox);

/* The directory below which all Maildirs of a template lie, into dst of MAILBOX_PATH_MAX octets: what stands
 * before the first part of the path that differs. False if it does not fit. */
MUST_USE bool mailbox_root(struct str mailbox, char *dst);

/* The path of who's Maildir into dst of MAILBOX_PATH_MAX octets. False if it does not fit. The canonical
 * name of a subscriber holds no '/' and begins with no dot, so the path stays where the template says. */
MUST_USE bool mailbox_path(struct str mailbox, const struct subscriber *who, char *dst);

#endif
