/* test.h - what every unit test includes, in the one order that cmocka allows. */
#ifndef POPGATE_TEST_H
#define POPGATE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
