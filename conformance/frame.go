package conformance

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"unicode/utf8"
)

// Opcodes (RFC 6455 section 5.2).
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

// Close codes (section 7.4.1).
const (
	codeNormal        = 1000
	codeProtocolError = 1002
	codeNotUTF8       = 1007
	codeTooBig        = 1009
)

// maxControl is the longest payload of a control frame (section 5.5).
const maxControl = 125

// frame is a frame from a client. It is correct unless a field makes it wrong.
type frame struct {
	opcode  byte
	payload []byte
	more    bool // FIN is not set
	rsv     byte // RSV1 to RSV3 in the low three bits

	unmasked bool
	width    int     // of the length, if not the shortest: 16 or 64 bits
	claim    *uint64 // the length in the header, if not the payload's
}

func text(s string) frame                     { return frame{opcode: opText, payload: []byte(s)} }
func binaryFrame(b []byte) frame              { return frame{opcode: opBinary, payload: b} }
func continuation(s string) frame             { return frame{opcode: opContinuation, payload: []byte(s)} }
func pingFrame(s string) frame                { return frame{opcode: opPing, payload: []byte(s)} }
func pongFrame(s string) frame                { return frame{opcode: opPong, payload: []byte(s)} }
func closeFrame(b ...byte) frame              { return frame{opcode: opClose, payload: b} }
func (f frame) notFinal() frame               { f.more = true; return f }
func (f frame) withRSV(b byte) frame          { f.rsv = b; return f }
func (f frame) withoutMask() frame            { f.unmasked = true; return f }
func (f frame) withLengthBits(bits int) frame { f.width = bits; return f }

// withLength writes n into the header as the length.
func (f frame) withLength(n uint64) frame { f.claim = &n; return f }

// closeWith is a close frame with a code and a reason.
func closeWith(code uint16, reason string) frame {
	return closeFrame(append(binary.BigEndian.AppendUint16(nil, code), reason...)...)
}

// split cuts a message into fragments of n bytes each (section 5.4).
func split(opcode byte, payload []byte, n int) []frame {
	var frames []frame
	for len(payload) > n {
		frames = append(frames, frame{opcode: opcode, payload: payload[:n], more: true})
		opcode, payload = opContinuation, payload[n:]
	}
	return append(frames, frame{opcode: opcode, payload: payload})
}

func appendFrames(dst []byte, frames ...frame) []byte {
	for _, f := range frames {
		dst = f.append(dst)
	}
	return dst
}

// append encodes f (section 5.2).
func (f frame) append(dst []byte) []byte {
	first := f.opcode | f.rsv<<4
	if !f.more {
		first |= 0x80
	}
	mask := byte(0x80)
	if f.unmasked {
		mask = 0
	}
	n := uint64(len(f.payload))
	if f.claim != nil {
		n = *f.claim
	}
	switch {
	case f.width == 64 || n > 0xffff:
		dst = binary.BigEndian.AppendUint64(append(dst, first, mask|127), n)
	case f.width == 16 || n > 125:
		dst = binary.BigEndian.AppendUint16(append(dst, first, mask|126), uint16(n))
	default:
		dst = append(dst, first, mask|byte(n))
	}
	if f.unmasked {
		return append(dst, f.payload...)
	}
	return appendMasked(dst, f.payload)
}

// appendMasked appends a fresh masking key and the payload masked with it
// (section 5.3).
func appendMasked(dst, payload []byte) []byte {
	key := binary.BigEndian.AppendUint32(nil, rand.Uint32())
	dst = append(dst, key...)
	for i, b := range payload {
		dst = append(dst, b^key[i%4])
	}
	return dst
}

// protocolError says that the server broke a rule of RFC 6455.
type protocolError string

func (e protocolError) Error() string { return string(e) }

// serverFrame is a frame from the server.
type serverFrame struct {
	opcode  byte
	payload []byte
	more    bool
}

// readFrame reads a frame. It returns a protocolError for one that no server may
// send.
func readFrame(r *bufio.Reader, limit int) (serverFrame, error) {
	head, err := r.Peek(2)
	if err != nil {
		return serverFrame{}, err
	}
	f := serverFrame{opcode: head[0] & 0xf, more: head[0]&0x80 == 0}
	rsv, masked, n := head[0]>>4&7, head[1]&0x80 != 0, int(head[1]&0x7f)
	switch {
	case rsv != 0:
		return f, protocolError(fmt.Sprintf("server sent reserved bits %03b", rsv))
	case masked:
		return f, protocolError("server sent a masked frame")
	case f.opcode >= opClose && (f.more || n > maxControl):
		return f, protocolError("server sent a control frame that is fragmented or too long")
	}
	r.Discard(2)
	if n > maxControl {
		if n, err = readLength(r, n); err != nil {
			return f, err
		}
	}
	if n > limit {
		return f, protocolError(fmt.Sprintf("server sent a frame of %d bytes, longer than any message", n))
	}
	f.payload = make([]byte, n)
	_, err = io.ReadFull(r, f.payload)
	return f, err
}

// readLength reads a length of 16 bits (form 126) or 64 (form 127). A length that
// fits into fewer bits is an error.
func readLength(r *bufio.Reader, form int) (int, error) {
	width, least := 2, uint64(126)
	if form == 127 {
		width, least = 8, 1<<16
	}
	b, err := r.Peek(width)
	if err != nil {
		return 0, err
	}
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	r.Discard(width)
	if n < least || n>>63 != 0 {
		return 0, protocolError(fmt.Sprintf("server sent length %d in %d bytes", n, width))
	}
	return int(n), nil
}

// checkClose returns the code of a close frame from the server, 0 if there is
// none, or an error if the payload is not allowed (section 5.5.1).
func checkClose(payload []byte) (uint16, error) {
	switch {
	case len(payload) == 0:
		return 0, nil
	case len(payload) == 1:
		return 0, protocolError("server sent a close frame of one byte")
	case !utf8.Valid(payload[2:]):
		return 0, protocolError("server sent a close reason that is not UTF-8")
	}
	return binary.BigEndian.Uint16(payload), nil
}
