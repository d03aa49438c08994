/* The opening handshake of RFC 6455, as far as a benchmark needs it. */
#ifndef HANDSHAKE_H
#define HANDSHAKE_H

#include <stddef.h>

enum { ROOM_NAME = 64 };

/*
 * answer reads a complete request, writes the answer into out (at least 256
 * bytes) and the value of the query parameter room into room. It returns the
 * length of the answer, or 0 if the request is no upgrade.
 */
size_t answer(const char *request, char *out, char room[ROOM_NAME]);

#endif
