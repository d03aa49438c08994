package identity

import (
	"context"
	"sync"
)

// Secrets keeps this server's own keys, shared by all instances that are to
// believe each other's tokens. Implementations must be safe for concurrent use.
type Secrets interface {
	// Update has f make what is kept under name, as the only one in all
	// instances to do so at the time, and returns it. f gets what is there, nil
	// for nothing; where it returns the same, nothing is written.
	Update(ctx context.Context, name string, f func(old []byte) ([]byte, error)) ([]byte, error)
}

// MemorySecrets are Secrets that end with the process, and every token with
// them. The zero value is ready.
type MemorySecrets struct {
	mu     sync.Mutex // guards values
	values map[string][]byte
}

// Update implements Secrets.
func (m *MemorySecrets) Update(_ context.Context, name string, f func([]byte) ([]byte, error)) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, err := f(m.values[name])
	if err != nil {
		return nil, err
	}
	if m.values == nil {
		m.values = map[string][]byte{}
	}
	m.values[name] = value
	return value, nil
}
