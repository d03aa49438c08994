package failstop

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// errKnownBlock is the error of reading a block that is known to be damaged.
var errKnownBlock = fmt.Errorf("a block that is known to be damaged: %w", pebble.ErrCorruption)

// blockDamage matches what Pebble says of a damaged block; its offset is the first group. If
// that changes, reading damaged blocks is slow again.
var blockDamage = regexp.MustCompile(`block (\d+)/\d+: \S+ checksum mismatch`)

// badBlocks are the blocks of tables that are known to be damaged. Each time that Pebble reads
// one it looks for a flipped bit, which takes from 10 ms to seconds. Tables are never changed.
type badBlocks struct {
	mu     sync.Mutex // guards the rest
	blocks map[badBlock]struct{}
	files  []string // those with something that is damaged
}

// noteFile remembers that something in a file is damaged.
func (b *badBlocks) noteFile(path string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.files, path) {
		b.files = append(b.files, path)
	}
}

func (b *badBlocks) list() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.files)
}

type badBlock struct {
	path   string
	offset int64
}

// note remembers the block that an error of reading a table is about, if it is about one.
func (b *badBlocks) note(path string, err error) {
	m := blockDamage.FindStringSubmatch(fmt.Sprint(err))
	if m == nil {
		return
	}
	offset, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.blocks == nil {
		b.blocks = map[badBlock]struct{}{}
	}
	b.blocks[badBlock{path, offset}] = struct{}{}
}

func (b *badBlocks) has(path string, offset int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, bad := b.blocks[badBlock{path, offset}]
	return bad
}

// readTable is a table that is read.
type readTable struct {
	vfs.File
	path string
	bad  *badBlocks
}

// ReadAt implements vfs.File.
func (f *readTable) ReadAt(p []byte, offset int64) (int, error) {
	if f.bad.has(f.path, offset) {
		return 0, errKnownBlock
	}
	return f.File.ReadAt(p, offset)
}
