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

func (m *refMember) serve() {
	err := m.listen()
	var v violation
	if errors.As(err, &v) {
		if m.server.flaw == closesWith1000 {
			v = 1000
		}
		m.put(8, binary.BigEndian.AppendUint16(nil, uint16(v)))
		if m.server.flaw == violationEndsRoom {
			m.server.endRoom(m)
		}
	}
	m.server.exit(m)
}

// endRoom closes everybody's connection but that of the one who is to blame.
func (s *reference) endRoom(guilty *refMember) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range guilty.room.members {
		if m != guilty {
			m.putLocked(8, []byte{0x03, 0xe9})
		}
	}
}

var errClosed = errors.New("closed by the client")

// listen reads until the connection ends.
func (m *refMember) listen() error {
	var op byte // of the message under way
	var body []byte
	for {
		f, err := m.read(op, len(body))
		if err != nil {
			return err
		}
		if f.op >= 8 {
			if err := m.control(f); err != nil {
				return err
			}
			continue
		}
		if f.op != 0 {
			op, body = f.op, nil
		}
		if m.server.flaw == checksEachFragment && op == 1 && !utf8.Valid(f.data) {
			return notUTF8
		}
		body = append(body, f.data...)
		if m.server.flaw == relaysFragments {
			m.server.say(refMessage{op, f.data, m})
			if f.fin {
				op = 0
			}
			continue
		}
		if !f.fin {
			continue
		}
		if op == 1 && !utf8.Valid(body) && m.server.flaw != skipsUTF8 {
			return notUTF8
		}
		m.server.say(refMessage{op, body, m})
		op, body = 0, nil
	}
}

func (m *refMember) control(f refFrame) error {
	switch f.op {
	case 8:
		if err := m.checkClose(f.data); err != nil {
			return err
		}
		if m.server.flaw == closesWithout && len(f.data) >= 2 {
			f.data = nil
		}
		m.put(8, f.data[:min(2, len(f.data))])
		if m.server.flaw == listensAfterClose {
			return nil
		}
		return errClosed
	case 9:
		if m.server.flaw == emptyPongs {
			f.data = nil
		}
		if m.server.flaw != forgetsPongs {
			m.put(10, f.data)
		}
	case 10:
		if m.server.flaw == relaysPongs {
			m.server.say(refMessage{10, f.data, m})
		}
	}
	return nil
}

func (m *refMember) checkClose(data []byte) error {
	if len(data) == 0 || m.server.flaw == anyClose {
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

// read reads one frame. within is the opcode of the message under way, got its
// length so far.
func (m *refMember) read(within byte, got int) (f refFrame, err error) {
	var head [2]byte
	if m.server.flaw == headerInOneRead {
		n, err := m.in.Read(head[:])
		if err == nil && n < 2 {
			err = protocolError
		}
		if err != nil {
			return f, err
		}
	} else if _, err = io.ReadFull(m.in, head[:]); err != nil {
		return f, err
	}
	f.op, f.fin = head[0]&0xf, head[0]&0x80 != 0
	if err := m.checkHead(head, f, within); err != nil {
		return f, err
	}
	n, err := m.readLength(head[1] & 0x7f)
	if err != nil {
		return f, err
	}
	if f.op < 8 {
		limit := refMax - got
		switch m.server.flaw {
		case limitsFramesOnly:
			limit = refMax
		case laxLimit:
			limit++
		}
		if n > uint64(limit) {
			if m.server.flaw == readsBeforeRefusing {
				_, _ = io.CopyN(io.Discard, m.in, int64(n+4))
			}
			return f, tooBig
		}
	}
	if n > 1<<20 { // a control frame, where longControl lets it in
		return f, tooBig
	}
	var key [4]byte
	if head[1]&0x80 != 0 {
		if _, err := io.ReadFull(m.in, key[:]); err != nil {
			return f, err
		}
	}
	f.data = make([]byte, n)
	_, err = io.ReadFull(m.in, f.data)
	for i := range f.data {
		f.data[i] ^= key[i%4]
	}
	return f, err
}

func (m *refMember) checkHead(head [2]byte, f refFrame, within byte) error {
	flaw := m.server.flaw
	switch {
	case head[0]&0x70 != 0 && flaw != ignoresReserved,
		head[1]&0x80 == 0 && flaw != takesUnmasked,
		f.op > 2 && f.op < 8 && flaw != ignoresOpcodes,
		f.op > 10 && flaw != ignoresOpcodes,
		f.op >= 8 && !f.fin && flaw != fragmentsControl,
		f.op >= 8 && head[1]&0x7f > 125 && flaw != longControl,
		f.op == 0 && within == 0 && flaw != takesOrphans,
		(f.op == 1 || f.op == 2) && within != 0 && flaw != nestsMessages:
		return protocolError
	}
	return nil
}

func (m *refMember) readLength(short byte) (uint64, error) {
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
	if _, err := io.ReadFull(m.in, b[8-width:]); err != nil {
		return 0, err
	}
	n := binary.BigEndian.Uint64(b[:])
	if n>>63 != 0 && m.server.flaw == topBitIsTooBig {
		return n, tooBig
	}
	if (n < least && m.server.flaw != longerLengths) || n>>63 != 0 {
		return n, protocolError
	}
	return n, nil
}
