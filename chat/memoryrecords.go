package chat

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
)

// memoryRecords are Records in memory. They are not bounded by MaxBytes: the
// hub bounds what it keeps here.
type memoryRecords struct {
	mu     sync.Mutex        // guards values
	values map[string][]byte // nil once closed
}

func (m *memoryRecords) close() {
	m.mu.Lock()
	m.values = nil
	m.mu.Unlock()
}

func (m *memoryRecords) Put(_ context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil {
		return ErrJournalClosed
	}
	if value == nil {
		delete(m.values, key)
	} else {
		m.values[key] = slices.Clone(value)
	}
	return nil
}

func (m *memoryRecords) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil {
		return nil, ErrJournalClosed
	}
	return slices.Clone(m.values[key]), nil
}

func (m *memoryRecords) Scan(_ context.Context, prefix string, each func(key string, value []byte) error) error {
	m.mu.Lock()
	if m.values == nil {
		m.mu.Unlock()
		return ErrJournalClosed
	}
	found := map[string][]byte{}
	for k, v := range m.values {
		if strings.HasPrefix(k, prefix) {
			found[k] = v
		}
	}
	m.mu.Unlock()
	for _, k := range slices.Sorted(maps.Keys(found)) {
		if err := each(k, found[k]); err != nil {
			return err
		}
	}
	return nil
}
