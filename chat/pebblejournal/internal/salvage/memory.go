package salvage

import (
	"bytes"
	"slices"
	"sync"
)

// rangesMax bounds how many damaged places a Memory knows. It forgets the lowest one
// first; that one is then searched again.
const rangesMax = 256

// Memory knows which keys of a store cannot be read, so that each damaged block costs
// its search once. It holds until the store is opened again. The zero Memory knows
// nothing.
type Memory struct {
	mu     sync.Mutex
	ranges []keyRange // guarded by mu; in ascending order, and apart from each other
}

// keyRange has the keys from ≤ key < to. It is never changed.
type keyRange struct{ from, to []byte }

// Note remembers that the keys from ≤ key < to cannot be read. What is written there later is
// found by an Iter that has Tables, and not by a Reader.
func (m *Memory) Note(from, to []byte) {
	if bytes.Compare(from, to) >= 0 {
		return
	}
	from, to = slices.Clone(from), slices.Clone(to)
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.search(from)
	end := i
	for ; end < len(m.ranges) && bytes.Compare(m.ranges[end].from, to) <= 0; end++ {
		if bytes.Compare(m.ranges[end].from, from) < 0 {
			from = m.ranges[end].from
		}
		if bytes.Compare(m.ranges[end].to, to) > 0 {
			to = m.ranges[end].to
		}
	}
	m.ranges = slices.Replace(m.ranges, i, end, keyRange{from, to})
	if len(m.ranges) > rangesMax {
		m.ranges = slices.Delete(m.ranges, 0, 1)
	}
}

// search returns the index of the first range that ends at key or behind it. The caller
// holds mu.
func (m *Memory) search(key []byte) int {
	i, _ := slices.BinarySearchFunc(m.ranges, key, func(r keyRange, key []byte) int { return bytes.Compare(r.to, key) })
	return i
}

// overlapping returns where the first range ends that has any of the keys from ≤ key < to,
// or nil. A nil to is the end of the store.
func (m *Memory) overlapping(from, to []byte) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.ranges[m.search(from):] {
		if bytes.Compare(r.to, from) > 0 {
			if to == nil || bytes.Compare(r.from, to) < 0 {
				return r.to
			}
			return nil
		}
	}
	return nil
}

// at returns where the range ends that has key, or nil.
func (m *Memory) at(key []byte) []byte { return m.overlapping(key, append(slices.Clip(key), 0)) }
