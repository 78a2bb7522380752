/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The entry point of a fuzz target. It must take any bytes, free all it took, and return 0; a
 * crash, an assertion or a sanitizer's report is the finding.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
