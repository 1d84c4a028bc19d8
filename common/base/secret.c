/* secret.c - getrandom(2), and a comparison that does not stop at the first difference. */
#include "common/base/secret.h"

#include <assert.h>
#include <sys/random.h>

void secret_random(void *dst, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = getrandom((char *)dst + done, n - done, 0);

		assert(got > 0);
		done += (size_t)got;
	}
}

bool secret_eq(struct str a, struct str b)
{
	volatile unsigned char differ = a.n != b.n;

	for (size_t i = 0; i < a.n && i < b.n; i++)
		differ = (unsigned char)(differ | (a.p[i] ^ b.p[i]));
	return differ == 0;
}
