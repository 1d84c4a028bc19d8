/* comments_fuzz.c - law: an octet stays what it was or, being no line end, becomes a blank; and of what is
 * left nothing is a comment. */
#include <stdlib.h>
#include <string.h>

#include "common/conf/comments.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *once = malloc(size + 1), *twice = malloc(size + 1);

	if (once == NULL || twice == NULL)
		abort();
	memcpy(once, data, size);
	comments_blank(once, size);
	memcpy(twice, once, size);
	comments_blank(twice, size);
	for (size_t i = 0; i < size; i++)
		if ((once[i] != (char)data[i] && (once[i] != ' ' || data[i] == '\n')) ||
			once[i] != twice[i])
			abort();
	free(once);
	free(twice);
	return 0;
}
