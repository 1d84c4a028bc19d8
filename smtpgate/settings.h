/* settings.h - what popgate.conf says of smtpgate. */
#ifndef POPGATE_GATE_SETTINGS_H
#define POPGATE_GATE_SETTINGS_H

#include "common/conf/conf.h"
#include "common/conf/listeners.h"
#include "common/conf/sharing.h"
#include "smtpgate/brownout.h"
#include "smtpgate/hopsettings.h"
#include "smtpgate/networks.h"
#include "smtpgate/policy.h"

struct gate_settings {
	struct conf_section section; /* for places.h */
	enum gate_role roles[LISTENERS_MAX]; /* by listener */
	bool auth[LISTENERS_MAX]; /* AUTH is offered */
	struct networks networks; /* the network sections; the plain list is in places.h */
	struct brownouts brownouts;
	struct policy_rules rules,
		shadow; /* what holds, and what is only logged; see gate_rules() */
	struct hop deliver_to, relay_to;
	struct hop_manners hop_manners;
	bool split; /* they are two network hops */
	const char *refusal_text;
	uint64_t max_message_size; /* octets */
	unsigned max_recipients;
	int64_t greeting_delay_ms; /* the client is greeted only after that, if it has kept quiet */
	int64_t idle_ms, next_hop_ms, final_dot_ms;
	int64_t reuse_ms; /* how long a connection to a hop waits for the next client; 0: not at all */
	unsigned max_connections, max_connections_per_address;
};

MUST_USE enum err gate_settings_read(
	struct gate_settings *out, struct conf *c, struct buf *complaints);

/* The rules of a client, those of sharing among them: what holds, or what is only logged. */
struct policy_rules gate_rules(const struct policy_rules *of, const struct sharing_rule *sharing);

/* Does any hop deliver into Maildirs? */
bool gate_delivers(const struct gate_settings *s);

#endif
