/* err.c - words for errors, and the one translation of errno. */
#include "common/base/err.h"

#include <errno.h>
#include <stddef.h>

static const char *const texts[] = {
	[ERR_NONE] = "no error",
	[ERR_NOMEM] = "out of memory or descriptors",
	[ERR_IO] = "input/output error",
	[ERR_FULL] = "no space left",
	[ERR_DAMAGED] = "damaged data",
	[ERR_ABSENT] = "not there",
	[ERR_EXISTS] = "already there",
	[ERR_BUSY] = "in use",
	[ERR_DENIED] = "permission denied",
	[ERR_LIMIT] = "limit reached",
	[ERR_SYNTAX] = "syntax error",
	[ERR_AWAY] = "peer is away",
	[ERR_TIMEOUT] = "timed out",
	[ERR_QUOTA] = "a quota is used up",
};

const char *err_text(enum err e)
{
	size_t i = (size_t)e;

	return i < sizeof(texts) / sizeof(texts[0]) ? texts[i] : "unknown error";
}

static const struct {
	int code;
	enum err e;
} codes[] = {
	{ 0, ERR_NONE },
	{ ENOMEM, ERR_NOMEM },
	{ EMFILE, ERR_NOMEM },
	{ ENFILE, ERR_NOMEM },
	{ ENOBUFS, ERR_NOMEM },
	{ ENOSPC, ERR_FULL },
	{ EDQUOT, ERR_QUOTA },
	{ EFBIG, ERR_FULL },
	{ ENOENT, ERR_ABSENT },
	{ ENOTDIR, ERR_ABSENT },
	{ EEXIST, ERR_EXISTS },
	{ EBUSY, ERR_BUSY },
	{ EAGAIN, ERR_BUSY },
	{ EADDRINUSE, ERR_BUSY },
	{ EACCES, ERR_DENIED },
	{ EPERM, ERR_DENIED },
	{ EROFS, ERR_DENIED },
	{ ELOOP, ERR_DENIED },
	{ ECONNREFUSED, ERR_AWAY },
	{ ECONNRESET, ERR_AWAY },
	{ EPIPE, ERR_AWAY },
	{ ENOTCONN, ERR_AWAY },
	{ EHOSTUNREACH, ERR_AWAY },
	{ ENETUNREACH, ERR_AWAY },
	{ ETIMEDOUT, ERR_TIMEOUT },
};

enum err err_of_errno(int code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return codes[i].e;
	return ERR_IO;
}
