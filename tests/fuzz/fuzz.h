/* fuzz.h - the one function of a fuzz target: it aborts when its law is broken. */
#ifndef POPGATE_FUZZ_H
#define POPGATE_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
