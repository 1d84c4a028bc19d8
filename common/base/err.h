/* err.h - what can go wrong, in our own words.
 *
 * Foreign codes (errno, UV_*, MDB_*, OpenSSL's) are translated into these in the room that owns the
 * library and go no further. A parser does not use them: "not yet" is not an error. */
#ifndef POPGATE_ERR_H
#define POPGATE_ERR_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

enum err {
	ERR_NONE,
	ERR_NOMEM, /* no memory, or no descriptor */
	ERR_IO, /* the device or the kernel said no */
	ERR_FULL, /* no space on the device */
	ERR_DAMAGED, /* what is stored there is not what we wrote */
	ERR_ABSENT, /* there is no such thing */
	ERR_EXISTS, /* there is one already */
	ERR_BUSY, /* somebody else holds it */
	ERR_DENIED, /* not permitted */
	ERR_LIMIT, /* a limit of ours is reached */
	ERR_SYNTAX, /* what we were given cannot be read */
	ERR_AWAY, /* the process at the other end is not there */
	ERR_TIMEOUT, /* it is there and does not answer */
	ERR_QUOTA, /* a quota is used up; the last of them */
};

/* A short English phrase for a log line or a person; never NULL, never ends in a full stop. */
const char *err_text(enum err e);

/* The err that says what this errno says. 0 is ERR_NONE; a value we have no word for is ERR_IO. */
enum err err_of_errno(int code);

#endif
