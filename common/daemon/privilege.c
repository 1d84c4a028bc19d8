/* privilege.c - groups first, the uid last, then a look whether it is really gone. */
#include "common/daemon/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

enum err identity_find(const char *user, struct identity *out)
{
	const struct passwd *pw = getpwnam(user);

	if (pw == NULL)
		return ERR_ABSENT;
	*out = (struct identity){ pw->pw_uid, pw->pw_gid };
	return ERR_NONE;
}

enum err group_find(const char *group, gid_t *out)
{
	const struct group *gr = getgrnam(group);

	if (gr == NULL)
		return ERR_ABSENT;
	*out = gr->gr_gid;
	return ERR_NONE;
}

static enum err become(const struct identity *who, const char *group)
{
	gid_t more = who->gid;

	if (group[0] != '\0' && group_find(group, &more) != ERR_NONE)
		return ERR_ABSENT;
	if (setgroups(1, &more) != 0 || setresgid(who->gid, who->gid, who->gid) != 0 ||
		setresuid(who->uid, who->uid, who->uid) != 0)
		return err_of_errno(errno);
	return who->uid == 0 || setuid(0) != 0 ? ERR_NONE : ERR_DENIED;
}

enum err privilege_drop(const char *user, const char *group)
{
	struct identity who;
	enum err e = ERR_NONE;

	if (geteuid() == 0 && user[0] != '\0') {
		e = identity_find(user, &who);
		if (e == ERR_NONE)
			e = become(&who, group);
	}
	if (e == ERR_NONE && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 &&
		errno != EINVAL) /* a kernel without them */
		e = err_of_errno(errno);
	if (e == ERR_NONE && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		e = err_of_errno(errno);
	return e;
}
