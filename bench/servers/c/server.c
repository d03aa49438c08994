/*
 * The upper limit for a broadcast server on one core of this machine: this one
 * checks nothing, and has only one limit, MAX_PENDING.
 *
 *	server [-c] PORT
 *
 * A message from one client goes to all others in its room (?room=NAME). Without
 * -c, each delivery is one write. With -c, writes are corked: the server reads all
 * sockets that are ready, collects the frames for each receiver, and then makes
 * one write for each receiver.
 */
#define _GNU_SOURCE
#include "handshake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MAX_MESSAGE = 64 << 10,
	MAX_PENDING = 1 << 20, /* a client is disconnected when more is waiting for it */
	READ_SIZE = 256 << 10,
	BATCH = 1024,
	ROOM_SLOTS = 1 << 16,
	MAX_FILES = 1 << 20,
};

struct buffer {
	char *data;
	size_t len, cap;
};

struct room {
	char name[ROOM_NAME];
	struct conn **clients;
	int count, cap;
};

struct conn {
	int fd;
	int index; /* in room->clients */
	struct room *room; /* NULL until the handshake is done */
	struct buffer in, out;
	bool waiting; /* until the socket is writable */
	bool queued; /* in dirty */
	bool closing; /* closed at the end of the batch */
};

static int epoll;
static bool corked;
static struct room *rooms[ROOM_SLOTS];
static char input[READ_SIZE + MAX_MESSAGE + 16];
static struct conn conns[MAX_FILES]; /* by descriptor; memory pages that are not used cost nothing */
static struct conn *dirty[MAX_FILES], *closing[MAX_FILES];
static int dirty_count, closing_count;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void *grow(void *p, size_t size)
{
	if (!(p = realloc(p, size)))
		fail("realloc");
	return p;
}

static void append(struct buffer *b, const char *data, size_t len)
{
	while (b->len + len > b->cap) {
		b->cap = b->cap ? 4 * b->cap : 1024;
		b->data = grow(b->data, b->cap);
	}
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

/* An idle connection holds no buffer. */
static void empty(struct buffer *b)
{
	free(b->data);
	memset(b, 0, sizeof *b);
}

static struct room *find_room(const char *name)
{
	uint32_t hash = 2166136261u;
	for (const char *c = name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	for (;; hash++) {
		struct room **slot = &rooms[hash % ROOM_SLOTS];
		if (!*slot) {
			*slot = grow(NULL, sizeof **slot);
			memset(*slot, 0, sizeof **slot);
			strcpy((*slot)->name, name);
		}
		if (!strcmp((*slot)->name, name))
			return *slot;
	}
}

static void join(struct conn *c, struct room *r)
{
	if (r->count == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 4;
		r->clients = grow(r->clients, r->cap * sizeof *r->clients);
	}
	c->room = r;
	c->index = r->count;
	r->clients[r->count++] = c;
}

static void leave(struct conn *c)
{
	struct room *r = c->room;
	if (!r)
		return;
	struct conn *last = r->clients[--r->count];
	r->clients[c->index] = last;
	last->index = c->index;
}

/* The connection is closed at the end of the batch, since a loop over its room may be running. */
static void close_later(struct conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	closing[closing_count++] = c;
}

static void watch(struct conn *c, bool waiting)
{
	if (c->waiting == waiting)
		return;
	c->waiting = waiting;
	struct epoll_event e = {.events = EPOLLIN | (waiting ? EPOLLOUT : 0), .data.ptr = c};
	epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &e);
}

/* write_some writes as much as the kernel accepts and returns how much that is. */
static size_t write_some(struct conn *c, const char *data, size_t len)
{
	ssize_t n = write(c->fd, data, len);
	if (n >= 0)
		return n;
	if (errno != EAGAIN)
		close_later(c);
	return 0;
}

static void flush(struct conn *c)
{
	size_t n = write_some(c, c->out.data, c->out.len);
	if (n == c->out.len) {
		empty(&c->out);
		watch(c, false);
		return;
	}
	memmove(c->out.data, c->out.data + n, c->out.len -= n);
	watch(c, true);
	if (c->out.len > MAX_PENDING)
		close_later(c);
}

static void deliver(struct conn *c, const char *frame, size_t len)
{
	if (c->closing)
		return;
	if (corked || c->out.len) {
		append(&c->out, frame, len);
		if (!c->queued) {
			c->queued = true;
			dirty[dirty_count++] = c;
		}
		return;
	}
	size_t n = write_some(c, frame, len);
	if (n < len && !c->closing) {
		append(&c->out, frame + n, len - n);
		watch(c, true);
	}
}

static size_t header(char *frame, int opcode, size_t len)
{
	frame[0] = 0x80 | opcode;
	if (len < 126) {
		frame[1] = len;
		return 2;
	}
	frame[1] = 126;
	frame[2] = len >> 8;
	frame[3] = len;
	return 4;
}

static void handle_frame(struct conn *c, int opcode, const char *payload, size_t len)
{
	static char frame[MAX_MESSAGE + 4];
	size_t n = header(frame, opcode == 9 ? 10 : opcode, len);
	memcpy(frame + n, payload, len);
	if (opcode == 8)
		close_later(c);
	else if (opcode == 9)
		deliver(c, frame, n + len);
	else if (opcode == 1 || opcode == 2)
		for (int i = 0; i < c->room->count; i++)
			if (c->room->clients[i] != c)
				deliver(c->room->clients[i], frame, n + len);
}

static void unmask(unsigned char *p, size_t len, const unsigned char *key)
{
	uint32_t key4;
	uint64_t key8, word;
	memcpy(&key4, key, 4);
	key8 = (uint64_t)key4 << 32 | key4;
	size_t i = 0;
	for (; i + 8 <= len; i += 8) {
		memcpy(&word, p + i, 8);
		word ^= key8;
		memcpy(p + i, &word, 8);
	}
	for (; i < len; i++)
		p[i] ^= key[i & 3];
}

/* handle_frames handles all complete frames and returns their length. */
static size_t handle_frames(struct conn *c, unsigned char *p, size_t len)
{
	size_t done = 0;
	while (len - done >= 6 && !c->closing) {
		unsigned char *f = p + done;
		size_t head = 6, size = f[1] & 0x7f;
		if (size == 126)
			head = 8, size = f[2] << 8 | f[3];
		if (!(f[0] & 0x80) || !(f[1] & 0x80) || size == 127) {
			close_later(c); /* the generator sends no fragments and nothing that long */
			break;
		}
		if (len - done < head + size)
			break;
		unmask(f + head, size, f + head - 4);
		handle_frame(c, f[0] & 0x0f, (char *)f + head, size);
		done += head + size;
	}
	return done;
}

/* handshake answers a complete request and returns its length. */
static size_t handshake(struct conn *c, char *p, size_t len)
{
	char *end = memmem(p, len, "\r\n\r\n", 4);
	if (!end) {
		if (len > 8192)
			close_later(c);
		return 0;
	}
	char out[256], name[ROOM_NAME];
	end[2] = 0;
	size_t n = answer(p, out, name);
	if (!n || write_some(c, out, n) < n) {
		close_later(c);
		return 0;
	}
	join(c, find_room(name));
	return end + 4 - p;
}

static void receive(struct conn *c)
{
	size_t kept = c->in.len;
	if (kept)
		memcpy(input, c->in.data, kept);
	ssize_t n = read(c->fd, input + kept, READ_SIZE);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			close_later(c);
		return;
	}
	size_t len = kept + n, done = 0;
	if (!c->room)
		done = handshake(c, input, len);
	if (c->room)
		done += handle_frames(c, (unsigned char *)input + done, len - done);
	empty(&c->in);
	if (done < len)
		append(&c->in, input + done, len - done);
}

static void accept_all(int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		int one = 1;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		struct conn *c = &conns[fd];
		memset(c, 0, sizeof *c);
		c->fd = fd;
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e))
			fail("epoll_ctl");
	}
}

static void finish_batch(void)
{
	for (int i = 0; i < dirty_count; i++) {
		dirty[i]->queued = false;
		if (!dirty[i]->closing)
			flush(dirty[i]);
	}
	dirty_count = 0;
	for (int i = 0; i < closing_count; i++) {
		leave(closing[i]);
		close(closing[i]->fd);
		empty(&closing[i]->in);
		empty(&closing[i]->out);
	}
	closing_count = 0;
}

static int listen_on(int port)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&addr, sizeof addr) || listen(fd, 4096))
		fail("listen");
	return fd;
}

int main(int argc, char **argv)
{
	corked = argc == 3 && !strcmp(argv[1], "-c");
	if (argc != 2 + corked) {
		fprintf(stderr, "usage: server [-c] PORT\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	mallopt(M_TRIM_THRESHOLD, 64 << 20); /* else the heap shrinks and grows all the time */
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_max > MAX_FILES)
		files.rlim_max = MAX_FILES;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);

	int listener = listen_on(atoi(argv[argc - 1]));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = {.events = EPOLLIN}, events[BATCH];
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
	for (;;) {
		int n = epoll_wait(epoll, events, BATCH, 1000);
		if (!n)
			malloc_trim(0); /* nothing happened for a second */
		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;
			if (!c)
				accept_all(listener);
			else if (!c->closing && (events[i].events & EPOLLOUT))
				flush(c);
			if (c && !c->closing && (events[i].events & ~EPOLLOUT))
				receive(c);
		}
		finish_batch();
	}
}
