/* policy.h - may this client send to this recipient? Facts in, an answer and its reason out. Pure.
 *
 * Decided anew for each recipient of each transaction. No failure is read as a yes and none as a no: what
 * cannot be known now is answered for now (451). The same facts under stricter rules (shadow) say what
 * those would have done. */
#ifndef POPGATE_POLICY_H
#define POPGATE_POLICY_H

#include <stdbool.h>

enum gate_role {
	ROLE_MX, /* takes mail for local domains from anyone */
	ROLE_SUBMISSION, /* takes mail from those with a proof only */
};

enum proof { /* why a client may relay, fixed at MAIL */
	PROOF_NONE,
	PROOF_NETWORK, /* its address is in a static network */
	PROOF_WINDOW, /* a subscriber logged in from it a while ago */
	PROOF_UNKNOWN, /* the window cannot be asked now */
	PROOF_AUTH, /* SMTP AUTH */
};

struct policy_volume { /* within an hour, or of a window; as a limit 0 is none */
	unsigned messages, recipients;
};

enum policy_brownout { /* is the window taken away from a subscriber, by and by? */
	POLICY_BROWNOUT_NONE,
	POLICY_BROWNOUT_NOW, /* for a while */
	POLICY_BROWNOUT_ENDED, /* for good */
};

struct policy_client { /* what is known of the client at one MAIL */
	enum proof proof;
	bool sender_fits; /* AUTH, WINDOW: MAIL FROM is <>, or an address of him who logged in, or of a holder */
	bool sender_named; /* WINDOW: it is an address of a holder. Anybody can say <>, which names nobody */
	unsigned holders; /* WINDOW: subscribers on the address */
	struct policy_volume by_who,
		by_key; /* AUTH, WINDOW: what was sent before, as far as known */
	struct policy_volume by_window; /* WINDOW: what was since the login that opened it */
	enum policy_brownout brownout; /* WINDOW */
	bool brownout_defers; /* try again, it is said */
	const char *brownout_text; /* and why; borrowed as long as decisions are used */
};

/* Is either of them a limit? */
static inline bool policy_limits(const struct policy_volume *v)
{
	return v->messages > 0 || v->recipients > 0;
}

struct policy_rules { /* all zero is the mildest */
	bool bind_sender; /* AUTH and WINDOW count only for a sender that fits */
	bool no_window; /* the window is no proof */
	unsigned
		shared_after; /* more holders than this: WINDOW needs a sender that is named; 0: never */
	unsigned frozen_after; /* more than this: WINDOW is no proof at all; 0: never */
	struct policy_volume per_who,
		per_key; /* AUTH and WINDOW may send so much, and then later */
	struct policy_volume per_window; /* WINDOW may send so much since a login, until the next */
};

enum verdict {
	VERDICT_ACCEPT,
	VERDICT_REFUSE,
	VERDICT_LATER,
};

enum route {
	ROUTE_DELIVER, /* to deliver_to */
	ROUTE_RELAY, /* to relay_to */
};

struct policy_facts {
	enum gate_role role;
	struct policy_client client;
	struct policy_rules rules;
	bool local; /* the recipient's domain is one of local_domains */
	unsigned recipients; /* of this transaction so far */
	bool routed; /* its local part holds %, ! or @ */
	bool split; /* deliver_to and relay_to are two network hops, which never meet in a transaction */
	bool no_deliver, no_relay; /* that hop is not configured */
};

struct decision {
	enum verdict verdict;
	enum route route; /* of ACCEPT */
	const char *reason; /* a word for the log; static */
	int code; /* of the refusal, and its status (RFC 3463); 0 of ACCEPT */
	const char *status;
	const char
		*text; /* static, or brownout_text; NULL: the text that the operator configured */
};

/* At MAIL: of the recipient and the hops nothing is looked at. */
struct decision policy_mail(const struct policy_facts *f);

/* At RCPT. */
struct decision policy_rcpt(const struct policy_facts *f);

const char *proof_name(enum proof p);

#endif
