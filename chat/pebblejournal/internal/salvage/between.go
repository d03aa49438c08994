package salvage

import (
	"bytes"
	"math/big"
)

// precision is how many bytes of a key behind those that are certain are looked at to
// find the end of a damaged block. If they do not suffice, some intact keys beside the
// block are skipped too.
const precision = 8

// How many seeks may fail while the end of a damaged block is looked for. Each halves what
// is unknown; numbers lie closer together than names. After failsMax in all, an Iter is
// content with one for each block, which may cost as many intact keys as the block has.
const (
	failsAtName   = 32
	failsAtNumber = 10
	failsMax      = 64
)

// between returns a key about in the middle between a and b, a < b. It returns nil if
// they are too close to each other. It is at most size bytes long.
func between(a, b []byte, size int) []byte {
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	size = min(size, same+precision)
	low, high := number(a, size), number(b, size)
	mid := new(big.Int).Add(low, high)
	mid.Rsh(mid, 1)
	if mid.Cmp(low) <= 0 || mid.Cmp(high) >= 0 {
		return nil
	}
	return bytes.TrimRight(mid.FillBytes(make([]byte, size)), "\x00")
}

// number is what the first bytes of a key are as a number of that many bytes.
func number(key []byte, size int) *big.Int {
	digits := make([]byte, size)
	copy(digits, key)
	return new(big.Int).SetBytes(digits)
}
