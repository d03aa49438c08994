package conformance_test

import (
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf8"
)

// violation ends a connection with a close code.
type violation uint16

func (violation) Error() string { return "violation" }

const protocolError, notUTF8, tooBig = violation(1002), violation(1007), violation(1009)

func (c *refClient) serve() {
	err := c.readMessages()
	var v violation
	if errors.As(err, &v) {
		if c.server.fault == closesWith1000 {
			v = 1000
		}
		c.put(8, binary.BigEndian.AppendUint16(nil, uint16(v)))
		if c.server.fault == violationEndsRoom {
			c.server.endRoom(c)
		}
	}
	c.server.leave(c)
}

// endRoom closes all connections of the room except one.
func (s *reference) endRoom(except *refClient) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range except.room.clients {
		if c != except {
			c.putLocked(8, []byte{0x03, 0xe9})
		}
	}
}

var errClosed = errors.New("closed by the client")

// readMessages reads until the connection ends, and returns why.
func (c *refClient) readMessages() error {
	var op byte // of a message whose last fragment has not come
	var body []byte
	for {
		f, err := c.read(op, len(body))
		if err != nil {
			return err
		}
		if f.op >= 8 {
			if err := c.control(f); err != nil {
				return err
			}
			continue
		}
		if f.op != 0 {
			op, body = f.op, nil
		}
		if c.server.fault == checksEachFragment && op == 1 && !utf8.Valid(f.data) {
			return notUTF8
		}
		body = append(body, f.data...)
		if c.server.fault == relaysFragments {
			c.server.publish(refMessage{op, f.data, c})
			if f.fin {
				op = 0
			}
			continue
		}
		if !f.fin {
			continue
		}
		if op == 1 && !utf8.Valid(body) && c.server.fault != skipsUTF8 {
			return notUTF8
		}
		c.server.publish(refMessage{op, body, c})
		op, body = 0, nil
	}
}

func (c *refClient) control(f refFrame) error {
	switch f.op {
	case 8:
		if err := c.checkClose(f.data); err != nil {
			return err
		}
		if c.server.fault == closesWithoutCode && len(f.data) >= 2 {
			f.data = nil
		}
		c.put(8, f.data[:min(2, len(f.data))])
		if c.server.fault == readsAfterClose {
			return nil
		}
		return errClosed
	case 9:
		if c.server.fault == emptyPongs {
			f.data = nil
		}
		if c.server.fault != sendsNoPongs {
			c.put(10, f.data)
		}
	case 10:
		if c.server.fault == relaysPongs {
			c.server.publish(refMessage{10, f.data, c})
		}
	}
	return nil
}

func (c *refClient) checkClose(data []byte) error {
	if len(data) == 0 || c.server.fault == anyClose {
		return nil
	}
	if len(data) == 1 {
		return protocolError
	}
	code := binary.BigEndian.Uint16(data)
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1011, code >= 3000 && code <= 4999:
	default:
		return protocolError
	}
	if !utf8.Valid(data[2:]) {
		return notUTF8
	}
	return nil
}

type refFrame struct {
	op   byte
	fin  bool
	data []byte
}

// read reads one frame. within is the opcode of a message whose last fragment has
// not come, got is its length so far.
func (c *refClient) read(within byte, got int) (f refFrame, err error) {
	var head [2]byte
	if c.server.fault == headerInOneRead {
		n, err := c.in.Read(head[:])
		if err == nil && n < 2 {
			err = protocolError
		}
		if err != nil {
			return f, err
		}
	} else if _, err = io.ReadFull(c.in, head[:]); err != nil {
		return f, err
	}
	f.op, f.fin = head[0]&0xf, head[0]&0x80 != 0
	if err := c.checkHead(head, f, within); err != nil {
		return f, err
	}
	n, err := c.readLength(head[1] & 0x7f)
	if err != nil {
		return f, err
	}
	if f.op < 8 {
		limit := refMax - got
		switch c.server.fault {
		case limitsFramesOnly:
			limit = refMax
		case limitOneTooHigh:
			limit++
		}
		if n > uint64(limit) {
			if c.server.fault == readsBeforeRefusing {
				_, _ = io.CopyN(io.Discard, c.in, int64(n+4))
			}
			return f, tooBig
		}
	}
	if n > 1<<20 { // a control frame that acceptsLongControl accepts
		return f, tooBig
	}
	var key [4]byte
	if head[1]&0x80 != 0 {
		if _, err := io.ReadFull(c.in, key[:]); err != nil {
			return f, err
		}
	}
	f.data = make([]byte, n)
	_, err = io.ReadFull(c.in, f.data)
	for i := range f.data {
		f.data[i] ^= key[i%4]
	}
	return f, err
}

func (c *refClient) checkHead(head [2]byte, f refFrame, within byte) error {
	fault := c.server.fault
	switch {
	case head[0]&0x70 != 0 && fault != ignoresReserved,
		head[1]&0x80 == 0 && fault != acceptsUnmasked,
		f.op > 2 && f.op < 8 && fault != ignoresOpcodes,
		f.op > 10 && fault != ignoresOpcodes,
		f.op >= 8 && !f.fin && fault != acceptsFragmentedControl,
		f.op >= 8 && head[1]&0x7f > 125 && fault != acceptsLongControl,
		f.op == 0 && within == 0 && fault != acceptsOrphans,
		(f.op == 1 || f.op == 2) && within != 0 && fault != acceptsNested:
		return protocolError
	}
	return nil
}

func (c *refClient) readLength(short byte) (uint64, error) {
	width, least := 0, uint64(0)
	switch short {
	case 126:
		width, least = 2, 126
	case 127:
		width, least = 8, 1<<16
	default:
		return uint64(short), nil
	}
	var b [8]byte
	if _, err := io.ReadFull(c.in, b[8-width:]); err != nil {
		return 0, err
	}
	n := binary.BigEndian.Uint64(b[:])
	if n>>63 != 0 && c.server.fault == topBitIsSize {
		return n, tooBig
	}
	if (n < least && c.server.fault != acceptsLongLengths) || n>>63 != 0 {
		return n, protocolError
	}
	return n, nil
}
