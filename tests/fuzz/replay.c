/* replay.c - runs a fuzz target over the files of a folder, without a fuzzer: each finding stays found.
 * An absent folder means an empty corpus; the target then still gets the empty input. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

static int replay_file(const char *dir, const char *name)
{
	char path[4096];
	uint8_t *data;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (f == NULL)
		return 0;
	data = malloc(1 << 20);
	n = data != NULL ? fread(data, 1, 1 << 20, f) : 0;
	fclose(f);
	fprintf(stderr, "%s: %zu octets\n", name, n);
	LLVMFuzzerTestOneInput(data, n);
	free(data);
	return 1;
}

int main(int argc, char **argv)
{
	DIR *dir = argc > 1 ? opendir(argv[1]) : NULL;
	struct dirent *d;
	int n = 0;

	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	while (dir != NULL && (d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.')
			n += replay_file(argv[1], d->d_name);
	if (dir != NULL)
		closedir(dir);
	printf("%d inputs replayed\n", n);
	return 0;
}
