package pebblejournal

import (
	"context"
	"encoding/binary"
	"sync/atomic"
	"time"
)

// filterBlocks is the size of a filter in blocks of 64 bytes: 16 MiB, whatever
// the store holds. Up to some ten million keys it is wrong for one in a hundred
// of the new ones, at fifty million for every other.
const filterBlocks = 1 << 18

// filterWorn is after how many deletions of keys a filter is built anew.
const filterWorn = 5 << 20

// filter tells keys that were surely never used from those that must be looked
// up in the store. Nearly every key is new, and to find that out in the store
// costs as much as all the rest of an append.
type filter struct {
	current atomic.Pointer[sieve] // nil until it is built
	next    atomic.Pointer[sieve] // being built
	deleted atomic.Int64          // keys, since current was begun
}

// mayHave reports whether the key may have been used.
func (f *filter) mayHave(c claim) bool {
	b := f.current.Load()
	return b == nil || b.has(c)
}

// add notes that the key is used.
func (f *filter) add(c claim) {
	if b := f.current.Load(); b != nil {
		b.add(c)
	}
	if b := f.next.Load(); b != nil {
		b.add(c)
	}
}

// worn reports whether the filter is to be built, for the first time or anew.
func (f *filter) worn() bool {
	return f.current.Load() == nil || f.deleted.Load() > filterWorn
}

// buildFilter goes through all keys of the store. Those that are used meanwhile
// are added by the committer.
func (j *Journal) buildFilter(ctx context.Context) error {
	f := &j.filter
	b := newSieve()
	f.next.Store(b)
	f.deleted.Store(0)
	// A key that the committer wrote before it saw next is in the store by the
	// end of the group that it is writing now.
	if err := j.change(ctx, true, func(*group) error { return nil }); err != nil {
		return err
	}
	start := tableStart(tableKey)
	for start != nil {
		began := time.Now()
		next, err := j.walk(ctx, start, tableEnd(tableKey), 16*sweepStep, func(key, _ []byte) error {
			b.add(claim(key[len(key)-len(claim{}):]))
			return nil
		})
		if err != nil {
			return err
		}
		start = next
		if err := rest(ctx, time.Since(began)); err != nil {
			return err
		}
	}
	f.current.Store(b)
	f.next.Store(nil)
	return nil
}

// sieve is a Bloom filter whose bits for one key lie in one line of the
// processor's cache. Any number of goroutines may use it.
type sieve struct {
	blocks [][8]atomic.Uint64
}

func newSieve() *sieve { return &sieve{blocks: make([][8]atomic.Uint64, filterBlocks)} }

// sieveBits is how many bits stand for a key. Each takes nine bits of the hash.
const sieveBits = 6

// place returns the block of a key and the hash that says which bits. The key is
// a hash already.
func (b *sieve) place(c claim) (block *[8]atomic.Uint64, bits uint64) {
	return &b.blocks[binary.LittleEndian.Uint64(c[:8])%filterBlocks], binary.LittleEndian.Uint64(c[8:])
}

func (b *sieve) add(c claim) {
	block, bits := b.place(c)
	for range sieveBits {
		block[bits>>6&7].Or(1 << (bits & 63))
		bits >>= 9
	}
}

func (b *sieve) has(c claim) bool {
	block, bits := b.place(c)
	for range sieveBits {
		if block[bits>>6&7].Load()&(1<<(bits&63)) == 0 {
			return false
		}
		bits >>= 9
	}
	return true
}
