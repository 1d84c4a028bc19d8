/* hoplogin.h - the user and the password that we log in with at a next hop. */
#ifndef POPGATE_HOPLOGIN_H
#define POPGATE_HOPLOGIN_H

#include "common/base/str.h"

struct hop_login {
	char user[128];
	char password[256]; /* wiped by hop_login_free() */
};

/* Reads a file whose first line is "user:password". ERR_SYNTAX for one that has none, or too long a
 * one. */
MUST_USE enum err hop_login_read(struct hop_login *out, const char *path);
void hop_login_free(struct hop_login *l);

#endif
