//go:build linux

package load

import (
	"encoding/binary"
	"errors"
)

const (
	opContinuation = 0x0
	opText         = 0x1
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa
)

// maxFrame is the longest frame. A read buffer has space for its beginning and one
// more read.
const maxFrame = 128 << 10

var (
	errMasked   = errors.New("the server sent a masked frame")
	errReserved = errors.New("the server set a reserved bit")
	errTooLong  = errors.New("the server sent a message that is too long for the generator")
)

// frame is one frame from a server. Its payload is a slice of the read buffer.
type frame struct {
	opcode  byte
	last    bool // it ends its message
	payload []byte
}

// readFrame decodes the first frame in b. size is its length with the header, or
// 0 if it is not complete.
func readFrame(b []byte) (f frame, size int, err error) {
	if len(b) < 2 {
		return frame{}, 0, nil
	}
	switch {
	case b[0]&0x70 != 0:
		return frame{}, 0, errReserved
	case b[1]&0x80 != 0:
		return frame{}, 0, errMasked
	}
	header, length := 2, int(b[1])
	switch length {
	case 126:
		if len(b) < 4 {
			return frame{}, 0, nil
		}
		header, length = 4, int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if len(b) < 10 {
			return frame{}, 0, nil
		}
		long := binary.BigEndian.Uint64(b[2:])
		if long > maxFrame {
			return frame{}, 0, errTooLong
		}
		header, length = 10, int(long)
	}
	size = header + length
	if len(b) < size {
		return frame{}, 0, nil
	}
	return frame{b[0] & 0x0f, b[0]&0x80 != 0, b[header:size]}, size, nil
}

// mask is the key of every frame sent. All keys cost a server the same, except
// zero, for which some servers skip the unmasking.
var mask = [4]byte{0x5a, 0xc3, 0x96, 0x3c}

// appendFrame appends a masked frame. Its payload is parts, one after the other.
func appendFrame(dst []byte, opcode byte, parts ...[]byte) []byte {
	length := 0
	for _, p := range parts {
		length += len(p)
	}
	dst = append(dst, 0x80|opcode)
	switch {
	case length < 126:
		dst = append(dst, 0x80|byte(length))
	case length < 1<<16:
		dst = append(dst, 0x80|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(length))
	default:
		dst = append(dst, 0x80|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(length))
	}
	dst = append(dst, mask[:]...)
	i := 0
	for _, p := range parts {
		for _, c := range p {
			dst = append(dst, c^mask[i&3])
			i++
		}
	}
	return dst
}
