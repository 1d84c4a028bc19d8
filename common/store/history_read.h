/* history_read.h - questions to the history under way: each a bounded walk, a slice at a time, to a peer that
 * may be slow. Owns the peers' sockets; nothing here blocks. */
#ifndef POPGATE_HISTORY_READ_H
#define POPGATE_HISTORY_READ_H

#include "common/store/history_book.h"

#define QUESTIONS_MAX 16

struct question {
	int fd; /* owned; -1: a free place */
	struct request request;
	struct book_place at; /* where the walk goes on */
	size_t sent;
	bool blocked; /* the peer does not read */
	bool more; /* there were more rows than may be sent */
	struct dependence
		sums; /* REPORT: of the subscriber whose days are being read; n == 0: none */
	int64_t moved_ms; /* steady clock: when it last came on */
};

struct book_terms { /* of this moment */
	int64_t now_ms, keep_ms, counts_ms;
};

/* Takes fd. */
void question_begin(struct question *q, int fd, const struct request *r);

/* Hangs up; a free place is fine. */
void question_close(struct question *q);

/* One slice. Ends it with an answer that says so, when all is sent or b has failed (the error is returned). */
MUST_USE enum err question_step(struct question *q, struct book *b, const struct book_terms *terms);

/* Says why there is nothing to be said, and hangs up. */
void question_refuse(
	struct question *q, enum err why, const struct book *b, const struct book_terms *terms);

#endif
