/* sid.c - 80 random bits as 16 characters of base32; random octets are fetched by the page, not by the
 * connection. */
#include "common/base/sid.h"

#include <stddef.h>
#include <stdint.h>

#include "common/base/secret.h"

void sid_make(char *dst)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	/* Of this thread alone: names of files are made in the pool, and two that are the same lose mail. */
	static _Thread_local uint8_t stock[(SID_TEXT - 1) * 64];
	static _Thread_local size_t left;

	if (left < SID_TEXT - 1) {
		secret_random(stock, sizeof(stock));
		left = sizeof(stock);
	}
	for (size_t i = 0; i < SID_TEXT - 1; i++)
		dst[i] = alphabet[stock[--left] & 31];
	dst[SID_TEXT - 1] = '\0';
}
