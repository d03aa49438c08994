package memjournal

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// records implements journal.Records. MaxBytes does not bound them: the hub
// bounds what it keeps here.
type records struct {
	mu     sync.Mutex        // guards values
	values map[string][]byte // nil once closed
}

func (r *records) close() {
	r.mu.Lock()
	r.values = nil
	r.mu.Unlock()
}

func (r *records) Put(_ context.Context, key string, value []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.values == nil {
		return journal.ErrClosed
	}
	if value == nil {
		delete(r.values, key)
	} else {
		r.values[key] = slices.Clone(value)
	}
	return nil
}

func (r *records) Get(_ context.Context, key string) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.values == nil {
		return nil, journal.ErrClosed
	}
	return slices.Clone(r.values[key]), nil
}

func (r *records) Scan(_ context.Context, prefix string, each func(key string, value []byte) error) error {
	r.mu.Lock()
	if r.values == nil {
		r.mu.Unlock()
		return journal.ErrClosed
	}
	found := map[string][]byte{}
	for k, v := range r.values {
		if strings.HasPrefix(k, prefix) {
			found[k] = v
		}
	}
	r.mu.Unlock()
	for _, k := range slices.Sorted(maps.Keys(found)) {
		if err := each(k, found[k]); err != nil {
			return err
		}
	}
	return nil
}
