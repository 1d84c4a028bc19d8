/* names.h - asks the DNS, without ever blocking the loop: the name of a host by its address, the addresses
 * of a host by its name.
 *
 * A name by address counts only if it is confirmed: one of its own addresses is the one that was asked
 * for, because whoever owns an address may have its reverse zone say anything. Answers are kept for a
 * while; every question has an end after NAMES_WAIT_MS. The one room of c-ares. */
#ifndef POPGATE_NAMES_H
#define POPGATE_NAMES_H

#include "common/base/addr.h"
#include "common/net/loop.h"

#define NAMES_NAME_MAX 255
#define NAMES_WAIT_MS 2000
#define NAMES_ADDRESSES_MAX 8

struct names; /* opaque: of one loop */
struct names_query; /* opaque: a question under way */

enum names_answer {
	NAMES_FOUND,
	NAMES_ABSENT, /* there is none, or none that is confirmed */
	NAMES_LATER, /* could not be found out now */
};

/* name is "" unless FOUND; borrowed for the call. */
typedef void names_told(void *owner, enum names_answer answer, const char *name);

/* The addresses of a FOUND name, n of them (up to NAMES_ADDRESSES_MAX, in the resolver's order). */
typedef void names_told_addresses(
	void *owner, enum names_answer answer, const struct addr *addresses, size_t n);

/* servers: "192.0.2.1:53,[2001:db8::1]:53"; "": those of the host. ERR_SYNTAX for a list that is none. */
MUST_USE enum err names_open(struct names **out, struct loop *l, const char *servers);

/* After loop_run(), before loop_close(); takes NULL. No question may be under way that was not cancelled. */
void names_close(struct names **n);

/* The answer that is still kept for a. False if it has to be asked for; then nothing is set. */
MUST_USE bool names_known(const struct names *n, struct addr a, enum names_answer *answer,
	char *name /* NAMES_NAME_MAX + 1 */);

/* Asks, and calls told(owner) once, later, never inside this call. NULL without memory; then nothing
 * is told. The query is gone when told() is called. */
struct names_query *names_of_address(struct names *n, struct addr a, names_told *told, void *owner);
struct names_query *names_of_host(
	struct names *n, const char *host, names_told_addresses *told, void *owner);

/* Nothing will be told. *q is NULL afterwards; takes NULL. */
void names_cancel(struct names_query **q);

#endif
