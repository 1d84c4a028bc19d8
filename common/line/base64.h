/* base64.h - base64 (RFC 4648 4) as SASL profiles and PEM-less protocols carry it: one line, padded. */
#ifndef POPGATE_BASE64_H
#define POPGATE_BASE64_H

#include "common/base/buf.h"

/* Octets that n octets take in base64. */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/* Adds s in base64 to out, no line end. */
void base64_add(struct buf *out, struct str s);

/* Reads s into dst (size octets), strictly: whole groups of four, padding only at the end and with zero
 * bits, no other octet (RFC 4648 3.3, 3.5). False, and *n untouched, for anything else or if it does
 * not fit. "" is the empty string. */
MUST_USE bool base64_read(struct str s, char *dst, size_t size, size_t *n);

#endif
