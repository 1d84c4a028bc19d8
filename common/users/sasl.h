/* sasl.h - the one room of GNU SASL: the server's side of CRAM-MD5 (RFC 2195) and SCRAM-SHA-256 with
 * and without channel binding (RFC 7677), as bytes in and bytes out.
 *
 * It knows no accounts: whoever drives it gives it the secrets, of a subscriber or of nobody. Each step
 * costs microseconds; what is costly (scram_derive()) is done outside, before the last step. */
#ifndef POPGATE_SASL_H
#define POPGATE_SASL_H

#include "common/users/scram.h"

struct sasl; /* opaque: the library; use it from one thread */
struct sasl_session; /* opaque */

enum sasl_mechanism {
	SASL_CRAM_MD5,
	SASL_SCRAM,
	SASL_SCRAM_PLUS,
};

enum sasl_says {
	SASL_MORE, /* send out, and step again with the response */
	SASL_RIGHT, /* the proof is right; out, if not empty, is to be sent before the client hears so */
	SASL_WRONG, /* the proof is not right */
	SASL_SYNTAX, /* not what the mechanism wants, or a client that was lied to about bindings */
	SASL_FAILED, /* no memory */
};

/* SCRAM's first message names the subscriber: the owner gives salt and iterations, for a name that is not
 * there as well. False refuses with SASL_WRONG. Texts are borrowed for the call. */
typedef bool sasl_named(void *owner, struct str name, struct str authzid, struct scram *salt);

struct sasl_facts { /* borrowed for sasl_begin() */
	const char *service, *hostname;
	bool bound; /* -PLUS was offered */
	struct str binding; /* of -PLUS: tls-exporter (RFC 9266) */
};

MUST_USE enum err sasl_open(struct sasl **out);
void sasl_close(struct sasl **s); /* when every session has ended */

MUST_USE enum err sasl_begin(struct sasl_session **out, struct sasl *s,
	enum sasl_mechanism mechanism, const struct sasl_facts *facts, sasl_named *named,
	void *owner);

/* Ends in any state; wipes the secrets. Takes NULL. */
void sasl_end(struct sasl_session **x);

/* Before the step that judges the proof. The texts are copied. */
MUST_USE bool sasl_give_password(struct sasl_session *x, const char *password); /* CRAM-MD5 */
MUST_USE bool sasl_give_keys(struct sasl_session *x, const struct scram *keys); /* SCRAM */

/* The next response, none at all for the first of CRAM-MD5. *out is borrowed until the next call. */
enum sasl_says sasl_step(struct sasl_session *x, struct str response, struct str *out);

#define SASL_PREPARED_MAX 2048

/* SASLprep (RFC 4013) of a password as SCRAM wants it (RFC 5802 2.2); one that cannot be prepared stays as
 * it is. dst has SASL_PREPARED_MAX octets; what is returned is in dst or is password. */
struct str sasl_prepare(struct str password, char *dst);

#endif
