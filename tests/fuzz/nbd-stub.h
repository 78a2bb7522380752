/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An NBD server for the fuzzer: it shakes hands, and then answers each request by chunks of an
 * input, until one says that it is the last of a reply. After the last chunk it hangs up. Threads:
 * one stub at a time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct NbdStub NbdStub;

/* Serves INPUT, which is borrowed, from its beginning on to each client. */
NbdStub *nbd_stub_new(const uint8_t *input, size_t length);
void nbd_stub_free(NbdStub *stub);

/* Where it listens. */
const char *nbd_stub_socket(void);
