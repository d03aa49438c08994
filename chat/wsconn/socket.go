package wsconn

import (
	"errors"
	"time"
)

// socket is what a Conn needs of the transport below it. At most one goroutine
// reads and one writes at a time.
type socket interface {
	// attach makes the socket report to h when it can be read or written again.
	attach(h readyHandler) error
	// read reads what has come. errWouldBlock means nothing now: the Conn parks,
	// and the poller reports when there is more. Nothing read and no error means
	// that read should be called again.
	read(p []byte) (int, error)
	// littleRead is below how many bytes a read costs more than its bytes: see charge.
	littleRead() int
	// write writes p, or as much as there is room for with errWouldBlock: the
	// poller reports when there is more room. A socket that blocks never returns
	// errWouldBlock. Nothing but interrupt bounds how long it waits: the Conn's timer
	// decides when a peer has stopped reading.
	write(p []byte) (int, error)
	// writesAtOnce reports whether writing n bytes now is sure not to wait for the
	// peer. If it isn't, only a goroutine of the Conn's own may write.
	writesAtOnce(n int) bool
	// blocks reports whether write may wait for the peer.
	blocks() bool
	// progress says what the peer has taken of what was written. The engine's timer
	// calls it, with the Conn's mutex held, until close.
	progress() progress
	// closeWrite tells the peer that nothing more will come, while what the peer sends is
	// still read. It returns false where only close can tell that.
	closeWrite() bool
	// interrupt makes reads and writes that wait return. Any goroutine may call
	// it, until close.
	interrupt()
	// close releases the socket. It is called once, when nobody uses it.
	close()
}

// littleSize is below how many bytes a fragment, or a read of most sockets, costs more than
// its bytes.
const littleSize = 64

// progress is what the kernel knows about the bytes that it sends for a socket. The
// zero value means that nothing is known: the peer may be of any speed.
type progress struct {
	some bool // the peer has taken bytes since the last look
	left bool // it has yet to take others
}

// readyHandler is told by the poller what its socket is ready for.
type readyHandler interface {
	readable()
	writable()
}

// errWouldBlock says that a socket can't go on now without waiting.
var errWouldBlock = errors.New("socket would block")

// past is a deadline that is over.
var past = time.Unix(1, 0)
