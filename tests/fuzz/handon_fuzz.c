/* handon_fuzz.c - law: what is understood is written in words that say the same, and those are the same ever after. */
#include <stdlib.h>

#include "common/daemon/handon.h"
#include "tests/fuzz/fuzz.h"

static void check_written(const struct handon *h, struct buf *words)
{
	handon_write(h, words);
	if (words->broken || words->len == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct handon first, second;
	struct buf words, again;

	buf_init(&words, HANDON_WORDS_MAX);
	buf_init(&again, HANDON_WORDS_MAX);
	if (handon_read((struct str){ (const char *)data, size }, &first)) {
		check_written(&first, &words);
		if (!handon_read(buf_str(&words), &second))
			abort();
		check_written(&second, &again);
		if (!str_eq(buf_str(&words), buf_str(&again)) ||
			first.children_n != second.children_n || first.own_n != second.own_n ||
			first.passed_n != second.passed_n)
			abort();
	}
	buf_free(&words);
	buf_free(&again);
	return 0;
}
