package identity

import (
	"context"
	"sync"
)

// Secrets stores the keys that this server generates. All instances that are to
// accept each other's tokens share one. Implementations must be safe for
// concurrent use.
type Secrets interface {
	// Update calls f with the value stored under name, nil if there is none,
	// stores the value that f returns, and returns it. Between the last call of f and
	// the store, no other Update of that name may run, on any instance.
	//
	// If f returns the same value, nothing needs to be stored. If f returns an
	// error, nothing is stored and Update returns that error. Update may call f again,
	// as if it had not called it before, but not after it has returned. f does not call
	// Update.
	Update(ctx context.Context, name string, f func(old []byte) ([]byte, error)) ([]byte, error)
}

// MemorySecrets are Secrets in memory: when the process ends, every token becomes
// invalid. The zero value is ready to use.
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
