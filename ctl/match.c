/* match.c - see match.h. */
#include "ctl/match.h"

static unsigned apart(unsigned a, unsigned b)
{
	return a > b ? a - b : b - a;
}

static void match_port(struct match *m, const struct interval *i, uint16_t port)
{
	unsigned low = apart(i->port_low, port), high = apart(i->port_high, port);

	if (port == 0 || i->port_low == 0) {
		m->port = PORT_UNKNOWN;
		return;
	}
	m->port_off = low < high ? low : high;
	if (port == i->first.port || port == i->last.port || m->port_off == 0)
		m->port = PORT_SAME;
	else if (port > i->port_low && port < i->port_high)
		m->port = PORT_BETWEEN;
	else
		m->port = PORT_OFF;
	if (m->port != PORT_OFF)
		m->port_off = 0;
}

struct match match_of(const struct interval *i, int64_t at_ms, int64_t span_ms, uint16_t port)
{
	int64_t to_ms = at_ms + span_ms;
	struct match m = { .seen_ms = i->last.ms <= to_ms ? i->last.ms : i->first.ms };

	if (to_ms < i->from_ms)
		m.off_ms = i->from_ms - to_ms;
	else if (at_ms >= i->until_ms)
		m.off_ms = i->until_ms - at_ms - 1;
	match_port(&m, i, port);
	return m;
}

static int order(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int64_t size(int64_t n)
{
	return n < 0 ? -n : n;
}

int match_compare(const struct match *a, const struct match *b)
{
	int by = order(a->port != PORT_SAME, b->port != PORT_SAME);

	if (by == 0)
		by = order(a->off_ms != 0, b->off_ms != 0);
	if (by == 0)
		by = order(a->port, b->port);
	if (by == 0)
		by = order(a->port_off, b->port_off);
	if (by == 0)
		by = order(size(a->off_ms), size(b->off_ms));
	return by != 0 ? by : order(b->seen_ms, a->seen_ms);
}
