/* send.c - see send.h. */
#include "pop3d/send.h"

void send_start(struct send *s, uint64_t lines)
{
	*s = (struct send){ .blank = true, .lines = lines };
}

/* How much of piece TOP still wants; counts header and lines while it looks. */
static size_t wanted(struct send *s, struct str piece)
{
	size_t i = 0;

	while (i < piece.n) {
		char c = piece.p[i];

		if (s->in_body && s->lines == 0)
			return i;
		i++;
		if (c == '\n') {
			if (s->in_body)
				s->lines--;
			s->in_body = s->in_body || s->blank;
			s->blank = true;
		} else if (c != '\r') {
			s->blank = false;
		}
	}
	return i;
}

bool send_piece(struct send *s, struct str piece, struct buf *out)
{
	size_t n = s->lines == SEND_ALL ? piece.n : wanted(s, piece);

	dot_out_add(&s->dot, str_first(piece, n), out);
	return s->lines == SEND_ALL || !(s->in_body && s->lines == 0);
}

void send_end(struct send *s, struct buf *out)
{
	dot_out_end(&s->dot, out);
}
