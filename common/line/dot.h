/* dot.h - messages between a file and the wire: line ends and dot transparency, piece by piece.
 *
 * On the wire a line ends in CRLF, a line that begins with a dot has a second one put before it, and
 * a line of one dot ends the message (RFC 5321 4.5.2, RFC 1939 3). In a file a line may end in LF or
 * CRLF, and the last one may have no end at all. */
#ifndef POPGATE_DOT_H
#define POPGATE_DOT_H

#include "common/base/buf.h"

/* File to wire. All zero is the start of a message. */
struct dot_out {
	bool mid_line; /* the last octet did not end a line */
	bool cr; /* it was a CR */
};

/* Adds a piece of the file to out: LF becomes CRLF, CRLF and a lone CR stay, dots are doubled. Adds at
 * most twice the octets of piece and one more. */
void dot_out_add(struct dot_out *d, struct str piece, struct buf *out);

/* Ends the message: CRLF if the last line had no end, then the line with one dot. */
void dot_out_end(struct dot_out *d, struct buf *out);

/* The message's size as POP3 counts it (RFC 1939 11): octets on the wire without doubled dots and
 * without the last line. Feed pieces with dot_size_add(), add dot_size_end() when all were fed. */
uint64_t dot_size_add(struct dot_out *d, struct str piece);
uint64_t dot_size_end(const struct dot_out *d);

/* Wire to file, for a body whose line ends were already found to be CRLF alone and whose last line
 * with one dot was cut off: doubled dots become one, CRLF becomes LF. All zero is the start. */
struct dot_in {
	bool mid_line;
	bool cr; /* a CR is held back until the LF behind it comes */
};
void dot_in_add(struct dot_in *d, struct str piece, struct buf *out);

#endif
