// Package wsconn is the socket engine: WebSocket connections (RFC 6455) over
// sockets that cost next to nothing while idle. It knows frames, not rooms.
//
// # A connection's life
//
// [Check] looks at a handshake and says what is wrong with it, [Hijack] answers
// it and takes the socket away from net/http, [Engine.Attach] makes a [Conn] of
// the socket and returns at once. From then on the Conn calls its [Handler] for
// each message and, once, when it has ended.
//
// # Reading
//
// A plain TCP socket on Linux belongs to the engine alone: it waits in epoll,
// and a goroutine with a pooled buffer exists only while there are bytes to
// read. Any other socket is read by a goroutine of its own; a TLS connection
// gives that goroutine up after a quiet moment and waits in epoll too.
//
// # Writing
//
// [Conn.Send] takes bytes that are already encoded and may be shared by any
// number of connections. Whoever finds the connection idle writes, without ever
// waiting for the peer; whatever the socket does not take waits in the Conn's
// outbox, bounded in bytes, and the next writer sends all of it at once.
//
// # Locks and goroutines
//
// A Conn has one mutex, held for memory only. The right to read and the right
// to write are tokens (fields guarded by that mutex) rather than locks: the
// holder does I/O without any lock, and the descriptor is closed by whoever
// gives the last token back, so it is never used after its close. The Engine's
// mutex guards its registry and is never held together with a Conn's. Every
// goroutine is counted; [Engine.Close] waits for all of them.
package wsconn
