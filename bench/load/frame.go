//go:build linux

package load

import (
	"encoding/binary"
	"errors"
)

const (
	opMore  = 0x0 // continues a fragmented message
	opText  = 0x1
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xa
)

var (
	errMasked   = errors.New("the server sent a masked frame")
	errReserved = errors.New("the server set a reserved bit")
	errTooLong  = errors.New("the server sent a message longer than the generator reads")
)

// frame is one frame of a server. Its payload is a part of what was read.
type frame struct {
	opcode  byte
	last    bool // of its message
	payload []byte
}

// readFrame takes the first frame from b. size is what it occupies, or 0 while
// it is not all there.
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

// mask is the key of every frame sent. Any key is as dear to the server as any
// other, except that some take a short cut for zero.
var mask = [4]byte{0x5a, 0xc3, 0x96, 0x3c}

// appendFrame appends a client's frame, masked. The payload may be given in
// parts.
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
