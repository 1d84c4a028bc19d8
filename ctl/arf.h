/* arf.h - an abuse report as mail (RFC 5965: message/feedback-report within multipart/report): whose connection it
 * complains of, and when. Pure.
 *
 * A report comes from outside, and the message that it encloses from whoever is complained of: no part of that
 * one is read, whatever it claims to be. A field that is there twice with different values says nothing. */
#ifndef POPGATE_CTL_ARF_H
#define POPGATE_CTL_ARF_H

#include "common/base/addr.h"
#include "ctl/when.h"

#define ARF_FILE_MAX (32 << 20) /* octets of a mail that is looked at */
#define ARF_PART_MAX (64 << 10) /* octets of its message/feedback-report part */

struct arf {
	char type[32]; /* Feedback-Type: "abuse", "fraud", ...; "" where it is none or odd */
	bool has_addr, has_port, has_date;
	struct addr addr; /* Source-IP */
	uint16_t port; /* Source-Port (RFC 6692) */
	struct moment date; /* Arrival-Date, or Received-Date as older reports have it */
	const char *
		odd; /* the first field that cannot be read, or contradicts itself; NULL: none. Static */
};

/* False, and *out untouched, if there is no feedback-report part in it. A part alone, as a mail program may have
 * saved it, is read as well. Lines end in LF or CRLF. */
MUST_USE bool arf_read(struct str mail, struct arf *out);

#endif
