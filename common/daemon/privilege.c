/* privilege.c - first what could be gained again, then groups, the uid, and a look whether it is really gone. */
#include "common/daemon/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
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

/* Root without capabilities gives files to a group only if it is one of his. */
static enum err join(const char *group)
{
	gid_t more;

	if (group[0] == '\0' || group_find(group, &more) != ERR_NONE)
		return ERR_NONE;
	return setgroups(1, &more) == 0 ? ERR_NONE : err_of_errno(errno);
}

/* What a program of root's, or one with capabilities of its own, could gain at exec. Only who has CAP_SETPCAP
 * can give it up, and who has not was given little. */
static void empty_bounding_set(void)
{
	for (unsigned long c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) != 0)
			return;
}

/* A service manager's filter may forbid capset(2) (systemd's @privileged has it); whoever is not root and has
 * no ambient ones loses all at exec anyway. */
static enum err drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0, 0, 0 } };

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 &&
		errno != EINVAL) /* a kernel without them */
		return err_of_errno(errno);
	if (syscall(SYS_capset, &head, none) == 0 || (errno == EPERM && geteuid() != 0))
		return ERR_NONE;
	return err_of_errno(errno);
}

enum err privilege_drop(const char *user, const char *group)
{
	struct identity who;
	enum err e = ERR_NONE;

	empty_bounding_set();
	if (geteuid() == 0 && user[0] != '\0') {
		e = identity_find(user, &who);
		if (e == ERR_NONE)
			e = become(&who, group);
	} else if (geteuid() == 0) {
		e = join(group);
	}
	if (e == ERR_NONE)
		e = drop_capabilities();
	if (e == ERR_NONE && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		e = err_of_errno(errno);
	return e;
}
