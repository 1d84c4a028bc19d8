/* privilege.h - becoming the user that a role runs as. */
#ifndef POPGATE_PRIVILEGE_H
#define POPGATE_PRIVILEGE_H

#include "common/base/err.h"

#include <sys/types.h>

struct identity {
	uid_t uid;
	gid_t gid;
};

/* Looks up user and his own group. ERR_ABSENT: there is no such user. */
MUST_USE enum err identity_find(const char *user, struct identity *out);

/* The group of that name. ERR_ABSENT: there is none. */
MUST_USE enum err group_find(const char *group, gid_t *out);

/* Becomes that user for good, with group (a name; "" for none) besides his own, if we are root and
 * user is not ""; else stays, root as a member of group. In any case no capability is left
 * (capabilities(7)): not those that a service manager gave to us alone, to listen below port 1024, and none to
 * root, who then has what he owns. Nothing
 * started later gains any (prctl(2), PR_SET_NO_NEW_PRIVS). ERR_ABSENT: no such user or group. */
MUST_USE enum err privilege_drop(const char *user, const char *group);

#endif
