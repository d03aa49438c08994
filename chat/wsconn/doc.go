// Package wsconn is the socket engine: WebSocket connections (RFC 6455) over
// sockets that cost next to nothing while idle. It knows frames, not rooms.
//
// It is public because package chat is built on it, but it promises no
// compatibility: any release may change it.
//
// # A connection's life
//
// [Check] says what is wrong with a handshake, if anything. [Engine.Accept]
// answers the handshake, takes the socket over from net/http and makes a [Conn]
// of it; [Engine.Attach] makes one of a socket whose handshake is done. From
// [Conn.Start] on, the Conn calls its [Handler] for each message and, once, when
// it has ended. A stream of HTTP/2 or HTTP/3 ends with its HTTP handler, which
// therefore calls [Conn.Wait].
//
// # Reading
//
// A plain TCP or Unix socket on Linux belongs to the engine alone: it waits in
// epoll, and a goroutine with a pooled buffer exists only while there are bytes to
// read. Any other socket is read by a goroutine of its own. Over TLS, on Linux,
// that goroutine ends when nothing has come for 20 ms, and the socket waits in
// epoll too: it is parked.
//
// After 64 KiB of one connection others get their turn. What reaches no Handler
// (control frames, small fragments, small records of TLS) is charged, and a peer that
// keeps sending it is closed with 1008. Of a connection that is closing, 256 KiB are read
// at once and dropped, and then 256 KiB a second.
//
// # Writing
//
// [Conn.Send] takes bytes that are already encoded and may be shared by any
// number of connections. A caller that finds the connection idle writes at once,
// as far as that is sure not to wait for the peer. What remains waits in the
// Conn's outbox, bounded in bytes, and the next write takes what has gathered
// there, up to 64 KiB, or 16 KiB where the socket makes a write wait.
//
// What waits for all connections together is bounded, too, and so are messages that
// are not whole, or with which a Handler waits. The greatest holder pays: it is cut off,
// and what it held is free at once, or when its Handler returns. To find it takes constant time, and a write that need not wait never asks: a
// frame that waits costs some 200 ns, with one connection and with 50,000.
//
// No socket has a write deadline: one timer of the engine bounds all writes. Before
// it cuts a peer off, it asks the kernel whether that peer has taken anything.
//
// # Locks and goroutines
//
// A Conn has one mutex, held for memory only. The right to read and the right to
// write are fields guarded by that mutex rather than locks: the goroutine that
// holds one does I/O without any lock. The socket is closed when the connection
// is dead and nobody holds either, so it is never used after its close. The
// Engine's mutex guards its list of connections and is a leaf: it may be taken
// while a Conn's is held. So are those of the poller and of what makes sockets.
// Every goroutine is counted; [Engine.Close] waits for all of them.
//
// # Memory
//
// The engine never forces a garbage collection. What many handshakes leave behind
// stays with the process as long as GOGC and GOMEMLIMIT allow: with 10,000 idle
// connections the process took 3 to 4 KiB for each over plain TCP and 17 KiB over TLS,
// and with a GOMEMLIMIT of 120 MiB 10 KiB over TLS.
//
// # Files
//
// Each uses only those above it:
//
//   - frame.go: headers of frames, close codes
//   - deflate.go: permessage-deflate
//   - config.go: Config
//   - holders.go: who holds most of what a bound counts
//   - assembler.go: whole messages out of bytes
//   - socket.go: what a Conn needs of a transport
//   - netsocket.go: any net.Conn
//   - streamsocket.go: a stream of HTTP/2 or HTTP/3
//   - poll_linux.go: epoll
//   - fdsocket_linux.go: a plain socket, by its descriptor
//   - tlssocket_linux.go: a TLS connection, and when it parks
//   - sockets_linux.go, sockets_other.go: which of these serves a connection
//   - conn.go: Conn, what it shares with others, and its end
//   - write.go: sending, the outbox, closing
//   - read.go: receiving, parking, waking
//   - heartbeat.go: pings and time limits
//   - engine.go: Engine, its list of connections and its timer
//   - upgrade.go: the handshake
package wsconn
