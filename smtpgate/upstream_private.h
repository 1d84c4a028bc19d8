/* upstream_private.h - between the files of the engine: upstream.c, meet.c. */
#ifndef POPGATE_UPSTREAM_PRIVATE_H
#define POPGATE_UPSTREAM_PRIVATE_H

#include "smtpgate/upstream.h"

enum step upstream_tell(struct upstream *u, enum upstream_event event);

/* EVENT_BROKEN; why is static. */
enum step upstream_break(struct upstream *u, const char *why);

/* meet.c: the connection stands; TLS is spoken from now on. */
enum step meet_connected(struct upstream *u);
void meet_secured(struct upstream *u);

/* meet.c: upstream_introduce() was called. */
enum step meet_again(struct upstream *u);

/* meet.c: upstream->reply is to what stands in their names. more: something stands behind it. */
enum step meet_greeting(struct upstream *u);
enum step meet_hello(struct upstream *u);
enum step meet_starttls(struct upstream *u, bool more);
enum step meet_auth(struct upstream *u);

#endif
