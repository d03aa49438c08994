/* The part of RFC 6455's opening handshake that a benchmark needs. */
#ifndef HANDSHAKE_H
#define HANDSHAKE_H

#include <stddef.h>

enum { ROOM_NAME = 64 };

/*
 * answer reads a complete request. It writes the answer into out (at least 256
 * bytes) and the query parameter room into room. It returns the length of the
 * answer, or 0 if the request is not an upgrade.
 */
size_t answer(const char *request, char *out, char room[ROOM_NAME]);

#endif
