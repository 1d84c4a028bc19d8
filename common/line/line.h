/* line.h - cutting command and reply lines out of a stream, the same however the octets arrive. */
#ifndef POPGATE_LINE_H
#define POPGATE_LINE_H

#include "common/base/str.h"

enum line {
	LINE_WHOLE,
	LINE_PARTIAL, /* not yet: call again with more */
	LINE_FORBIDDEN, /* an octet that no line may hold */
	LINE_TOO_LONG,
};

/* RFC 5321 2.3.8: an SMTP line ends in CRLF and nothing else. A bare LF, a bare CR or a NUL is never
 * repaired: two programs that repair it differently disagree on where a message ends. max counts the
 * line with its CRLF. *line (without CRLF) and *used are set only on LINE_WHOLE. After FORBIDDEN or
 * TOO_LONG the caller drops everything to the next LF with line_skip() and runs none of it. */
enum line line_cut(struct str in, size_t max, struct str *line, size_t *used);

/* The same for POP3, whose clients send no messages: a line ends in CRLF or, for people with nc, in
 * a bare LF. A CR anywhere else, or a NUL, is forbidden. */
enum line line_cut_lf(struct str in, size_t max, struct str *line, size_t *used);

/* How many octets to drop to be behind the next LF. *ended says whether there was one. */
size_t line_skip(struct str in, bool *ended);

#endif
