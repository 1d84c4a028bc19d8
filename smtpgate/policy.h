/* policy.h - may this client send to this recipient? Facts in, an answer and its reason out. Pure.
 *
 * Decided anew for each recipient of each transaction. No failure is read as a yes and none as a no: what
 * cannot be known now is answered for now (451). */
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
};

enum verdict {
	VERDICT_ACCEPT,
	VERDICT_REFUSE, /* 550, or 530 at MAIL */
	VERDICT_LATER, /* 451 */
};

enum route {
	ROUTE_DELIVER, /* to deliver_to */
	ROUTE_RELAY, /* to relay_to */
};

struct policy_facts {
	enum gate_role role;
	enum proof proof;
	bool local; /* the recipient's domain is one of local_domains */
	bool routed; /* its local part holds %, ! or @ */
	bool split; /* deliver_to and relay_to are two network hops, which never meet in a transaction */
	bool no_deliver, no_relay; /* that hop is not configured */
};

struct decision {
	enum verdict verdict;
	enum route route; /* of ACCEPT */
	const char *reason; /* a word for the log; static */
};

/* At MAIL: only role, proof are looked at. */
struct decision policy_mail(const struct policy_facts *f);

/* At RCPT. */
struct decision policy_rcpt(const struct policy_facts *f);

const char *proof_name(enum proof p);

#endif
