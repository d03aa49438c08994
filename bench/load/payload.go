//go:build linux

package load

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// A payload is printable ASCII without quotes or backslashes, so that it
// survives in a text frame and inside a JSON string:
//
//	run      8 hex digits, the same for all messages of a run
//	sender   8 hex digits
//	sequence 8 hex digits, from 1 for each sender
//	checksum 8 hex digits, CRC-32C of everything else
//	filler   pseudo-random, different in each message
const (
	headerSize = 32
	// MinPayload is the length of a payload without filler.
	MinPayload = headerSize
)

const (
	hexDigits = "0123456789abcdef"
	alphabet  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendPayload appends a payload of size bytes, at least MinPayload.
func appendPayload(dst []byte, run, sender, seq uint32, size int) []byte {
	start := len(dst)
	dst = appendHex(dst, run)
	dst = appendHex(dst, sender)
	dst = appendHex(dst, seq)
	dst = append(dst, "00000000"...)
	dst = appendFiller(dst, uint64(sender)<<32|uint64(seq), size-headerSize)
	payload := dst[start:]
	copyHex(payload[24:32], checksum(payload))
	return dst
}

// appendFiller draws six bits of a xorshift generator for each character.
func appendFiller(dst []byte, seed uint64, n int) []byte {
	x := seed*0x9e3779b97f4a7c15 | 1
	for n > 0 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		for bits := x; bits >= 64 && n > 0; bits >>= 6 {
			dst = append(dst, alphabet[bits&63])
			n--
		}
	}
	return dst
}

func checksum(payload []byte) uint32 {
	sum := crc32.Update(0, castagnoli, payload[:24])
	return crc32.Update(sum, castagnoli, payload[headerSize:])
}

func appendHex(dst []byte, v uint32) []byte {
	dst = append(dst, "00000000"...)
	copyHex(dst[len(dst)-8:], v)
	return dst
}

func copyHex(dst []byte, v uint32) {
	for i := 7; i >= 0; i-- {
		dst[i] = hexDigits[v&15]
		v >>= 4
	}
}

// parseOrigin returns the sender and the sequence number in a payload. They are
// not reliable until the payload has been compared with what was sent.
func parseOrigin(payload []byte) (sender, seq uint32, ok bool) {
	if len(payload) < headerSize {
		return 0, 0, false
	}
	sender, ok1 := parseHex(payload[8:16])
	seq, ok2 := parseHex(payload[16:24])
	return sender, seq, ok1 && ok2
}

// valid reports whether a payload is of this run and has the right checksum. It
// is for the few messages whose original is not kept any more.
func valid(payload []byte, run uint32) bool {
	if len(payload) < headerSize || !bytes.Equal(payload[:8], appendHex(nil, run)) {
		return false
	}
	sum, ok := parseHex(payload[24:32])
	return ok && sum == checksum(payload)
}

// hexValue has bit 7 set for all but lower-case hex digits.
var hexValue = func() (t [256]byte) {
	for i := range t {
		t[i] = 0x80
	}
	for i, c := range []byte(hexDigits) {
		t[c] = byte(i)
	}
	return t
}()

func parseHex(b []byte) (uint32, bool) {
	_ = b[7]
	d0, d1, d2, d3 := hexValue[b[0]], hexValue[b[1]], hexValue[b[2]], hexValue[b[3]]
	d4, d5, d6, d7 := hexValue[b[4]], hexValue[b[5]], hexValue[b[6]], hexValue[b[7]]
	packed := [4]byte{d0<<4 | d1, d2<<4 | d3, d4<<4 | d5, d6<<4 | d7}
	return binary.BigEndian.Uint32(packed[:]), (d0|d1|d2|d3|d4|d5|d6|d7)&0x80 == 0
}
