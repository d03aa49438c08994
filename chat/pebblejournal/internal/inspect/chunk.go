package inspect

import (
	"encoding/binary"
	"hash/crc32"
)

const (
	blockSize = 32 << 10

	// A write that was interrupted ends where a page of memory or a sector of the disk
	// ends. This is the size of the smallest of these.
	sectorSize = 512
)

// The types of chunks, by their form. Each form has four: whole, first, middle, last.
const (
	firstPlainType  = 1
	firstLogType    = 5
	firstSyncedType = 9
	endOfTypes      = 13
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// chunk is one readable chunk.
type chunk struct {
	payload []byte
	size    int   // with its header
	whole   bool  // it is a record of its own
	synced  int64 // so many bytes of the log were synced before it; 0 if it does not say
}

// parseChunk reads the chunk at the beginning of b, which ends where its block ends.
// logNum is the number of the log; a manifest has none, and plain chunks.
func parseChunk(b []byte, logNum uint32, isLog bool) (c chunk, ok bool) {
	const plainHeader, logHeader, syncedHeader = 7, 11, 19
	if len(b) < plainHeader {
		return chunk{}, false
	}
	kind, header := b[6], plainHeader
	switch {
	case kind < firstPlainType || kind >= endOfTypes:
		return chunk{}, false
	case kind >= firstSyncedType:
		header = syncedHeader
	case kind >= firstLogType:
		header = logHeader
	}
	end := header + int(binary.LittleEndian.Uint16(b[4:]))
	if isLog != (header > plainHeader) || end > len(b) {
		return chunk{}, false
	}
	if isLog && binary.LittleEndian.Uint32(b[7:]) != logNum {
		return chunk{}, false
	}
	sum := crc32.Checksum(b[6:end], castagnoli)
	if binary.LittleEndian.Uint32(b) != sum>>15|sum<<17+0xa282ead8 {
		return chunk{}, false
	}
	c = chunk{payload: b[header:end], size: end, whole: (kind-1)%4 == 0}
	if header == syncedHeader {
		c.synced = int64(binary.LittleEndian.Uint64(b[11:]))
	}
	return c, true
}

// chunksIn calls each for the readable chunks in tail, which is what a file has from
// offset on. Damage may have changed lengths, so it looks for one at every byte.
func chunksIn(tail []byte, offset int64, logNum uint32, isLog bool, each func(chunk)) {
	for i := 0; i < len(tail); {
		end := i + blockSize - int((offset+int64(i))%blockSize)
		c, ok := parseChunk(tail[i:min(end, len(tail))], logNum, isLog)
		if !ok {
			i++
			continue
		}
		each(c)
		i += c.size
	}
}

// written returns how many bytes of tail are there without the zeros at its end.
func written(tail []byte) int {
	n := len(tail)
	for n > 0 && tail[n-1] == 0 {
		n--
	}
	return n
}

// isTorn reports whether tail, which a file has from offset on, looks like a write
// that was interrupted: it ends at a sector, and zeros or nothing follow. Whoever
// waited for that write was not answered.
func isTorn(tail []byte, offset int64) bool {
	n := written(tail)
	return n == 0 || (offset+int64(n))%sectorSize == 0
}
