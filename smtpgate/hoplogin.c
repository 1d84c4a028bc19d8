/* hoplogin.c - see hoplogin.h. */
#include "smtpgate/hoplogin.h"

#include "common/conf/conf.h"

#define FILE_MAX 4096

static bool take(struct hop_login *l, struct str text)
{
	struct str line, rest, user, password;

	(void)str_split(text, '\n', &line, &rest);
	return str_split(str_trim(line), ':', &user, &password) && user.n > 0 && password.n > 0 &&
		str_to_cstr(user, l->user, sizeof(l->user)) &&
		str_to_cstr(password, l->password, sizeof(l->password));
}

enum err hop_login_read(struct hop_login *out, const char *path)
{
	struct hop_login l = { 0 };
	struct buf octets;
	enum err e;

	buf_init(&octets, FILE_MAX);
	e = conf_read_file(path, &octets);
	if (e == ERR_NONE && !take(&l, buf_str(&octets)))
		e = ERR_SYNTAX;
	buf_free(&octets); /* wipes it */
	if (e == ERR_NONE)
		*out = l;
	explicit_bzero(&l, sizeof(l));
	return e;
}

void hop_login_free(struct hop_login *l)
{
	explicit_bzero(l, sizeof(*l));
}
