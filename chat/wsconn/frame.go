package wsconn

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// maxHeader is the size of the longest frame header that a client can send: two
// bytes, eight of length, four of mask (RFC 6455 section 5.2).
const maxHeader = 14

// CloseError says why a connection ended. Code is the code of the close frame
// that was sent or received, or that would have been sent.
type CloseError struct {
	Code   ws.StatusCode
	Reason string
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("websocket close %d: %s", e.Code, e.Reason)
}

var (
	errNotUTF8  = &CloseError{Code: ws.StatusInvalidFramePayloadData, Reason: "text is not UTF-8"}
	errTooLarge = &CloseError{Code: ws.StatusMessageTooBig, Reason: "message too large"}
)

func protocolError(reason string) error {
	return &CloseError{Code: ws.StatusProtocolError, Reason: reason}
}

// AppendFrame appends one whole frame of a server to dst: final, unmasked.
// compressed sets RSV1 (RFC 7692 section 6); such a frame may be sent only where
// compression was negotiated.
func AppendFrame(dst []byte, op ws.OpCode, compressed bool, payload []byte) []byte {
	first := byte(op) | 0x80
	if compressed {
		first |= 0x40
	}
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, first, byte(n))
	case n < 1<<16:
		dst = append(dst, first, 126, byte(n>>8), byte(n))
	default:
		dst = append(dst, first, 127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	return append(dst, payload...)
}

// appendClose appends a close frame. Code 0 means an empty one.
func appendClose(dst []byte, code ws.StatusCode, reason string) []byte {
	if code == 0 {
		return AppendFrame(dst, ws.OpClose, false, nil)
	}
	if len(reason) > 123 { // a control frame holds 125 bytes (section 5.5)
		reason = reason[:123]
	}
	return AppendFrame(dst, ws.OpClose, false, ws.NewCloseFrameBody(code, reason))
}

// parseHeader reads the frame header at the start of p and returns its length,
// or 0 when p does not hold all of it yet.
func parseHeader(p []byte) (h ws.Header, n int, err error) {
	if len(p) < 2 {
		return h, 0, nil
	}
	h.Fin = p[0]&0x80 != 0
	h.Rsv = p[0] >> 4 & 7
	h.OpCode = ws.OpCode(p[0] & 0x0f)
	h.Masked = p[1]&0x80 != 0
	h.Length = int64(p[1] & 0x7f)
	n = 2
	switch h.Length {
	case 126:
		if len(p) < 4 {
			return h, 0, nil
		}
		h.Length = int64(binary.BigEndian.Uint16(p[2:]))
		if h.Length < 126 {
			return h, 0, protocolError("length not encoded in its shortest form")
		}
		n = 4
	case 127:
		if len(p) < 10 {
			return h, 0, nil
		}
		length := binary.BigEndian.Uint64(p[2:])
		if length>>63 != 0 {
			return h, 0, protocolError("length with its highest bit set")
		}
		if length < 1<<16 {
			return h, 0, protocolError("length not encoded in its shortest form")
		}
		h.Length = int64(length)
		n = 10
	}
	if h.Masked {
		if len(p) < n+4 {
			return h, 0, nil
		}
		copy(h.Mask[:], p[n:])
		n += 4
	}
	return h, n, nil
}

// checkClose checks the payload of a close frame from a client and returns the
// code to answer with (section 7.4): the client's own, or 0 if the frame is empty.
func checkClose(payload []byte) (ws.StatusCode, error) {
	if len(payload) == 0 {
		return 0, nil
	}
	if len(payload) == 1 {
		return 0, protocolError("close frame of one byte")
	}
	code, reason := ws.ParseCloseFrameDataUnsafe(payload)
	if !utf8.ValidString(reason) {
		return 0, &CloseError{Code: ws.StatusInvalidFramePayloadData, Reason: "close reason is not UTF-8"}
	}
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014, code >= 3000 && code <= 4999:
		return code, nil
	}
	return 0, protocolError("close code that must not be sent")
}
