/* counted.h - what smtpgate counts; the names stand in main.c. */
#ifndef POPGATE_GATE_COUNTED_H
#define POPGATE_GATE_COUNTED_H

enum counted {
	COUNT_CONNECTIONS,
	COUNT_OPEN,
	COUNT_LIMITED,
	COUNT_MESSAGES,
	COUNT_OCTETS,
	COUNT_RELAYED,
	COUNT_REFUSED,
	COUNT_UNKNOWN,
	COUNT_HOP_FAILURES,
	COUNT_DOUBLED,
	COUNT_SHADOWED,
	COUNT_CUT,
	COUNT_AUTHS,
	COUNT_AUTH_FAILURES,
	COUNT_HEADLESS,
	COUNT_REFUSALS, /* by reason; rows up to "other"; nothing behind them */
};

#endif
