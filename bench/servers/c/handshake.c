#define _GNU_SOURCE
#include "handshake.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint32_t rotate(uint32_t v, int n) { return v << n | v >> (32 - n); }

static void sha1_block(uint32_t h[5], const unsigned char *block)
{
	uint32_t w[80];
	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);

	uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
	for (int i = 0; i < 80; i++) {
		uint32_t f, k;
		if (i < 20)
			f = (b & c) | (~b & d), k = 0x5a827999;
		else if (i < 40)
			f = b ^ c ^ d, k = 0x6ed9eba1;
		else if (i < 60)
			f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
		else
			f = b ^ c ^ d, k = 0xca62c1d6;
		uint32_t next = rotate(a, 5) + f + e + k + w[i];
		e = d, d = c, c = rotate(b, 30), b = a, a = next;
	}
	h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

/* sha1_60 hashes 60 bytes. With their padding they are two blocks. */
static void sha1_60(const char *text, unsigned char digest[20])
{
	uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	unsigned char padded[128] = {0};
	memcpy(padded, text, 60);
	padded[60] = 0x80;
	padded[126] = 60 * 8 >> 8;
	padded[127] = 60 * 8 & 0xff;
	sha1_block(h, padded);
	sha1_block(h, padded + 64);
	for (int i = 0; i < 20; i++)
		digest[i] = h[i / 4] >> (24 - 8 * (i % 4));
}

/* base64_20 encodes 20 bytes as 28 characters and a zero byte. */
static void base64_20(const unsigned char *in, char out[29])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char padded[21] = {0};
	memcpy(padded, in, 20);
	for (int i = 0; i < 7; i++) {
		uint32_t v = padded[3 * i] << 16 | padded[3 * i + 1] << 8 | padded[3 * i + 2];
		for (int j = 0; j < 4; j++)
			out[4 * i + j] = digits[v >> (18 - 6 * j) & 63];
	}
	out[27] = '=';
	out[28] = 0;
}

size_t answer(const char *request, char *out, char room[ROOM_NAME])
{
	static const char name[] = "\r\nSec-WebSocket-Key:";
	const char *key = strcasestr(request, name);
	if (strncmp(request, "GET ", 4) || !key)
		return 0;
	key += sizeof name - 1;
	key += strspn(key, " ");
	if (strcspn(key, " \r\n") != 24)
		return 0;

	size_t line = strcspn(request, "\r");
	const char *value = memmem(request, line, "room=", 5);
	snprintf(room, ROOM_NAME, "%.*s", value ? (int)strcspn(value + 5, " &\r") : 0, value ? value + 5 : "");

	char text[61], accept[29];
	unsigned char digest[20];
	snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
	sha1_60(text, digest);
	base64_20(digest, accept);
	return sprintf(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: %s\r\n\r\n", accept);
}
