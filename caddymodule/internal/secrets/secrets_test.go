package secrets_test

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/certmagic"

	"github.com/caddychat/caddy-chat/caddymodule/internal/secrets"
)

// storage counts how often it is locked.
type storage struct {
	certmagic.Storage
	mu     sync.Mutex // guards the values
	values map[string]string
	locks  atomic.Int32
}

func (s *storage) Lock(context.Context, string) error   { s.locks.Add(1); return nil }
func (s *storage) Unlock(context.Context, string) error { return nil }

func (s *storage) Load(_ context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.values[key]; ok {
		return []byte(v), nil
	}
	return nil, fs.ErrNotExist
}

func (s *storage) Store(_ context.Context, key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[key] = string(value)
	return nil
}

// The lock of Caddy's storage is waited for by asking each second: many hubs that open take it
// once to make the key, and not at all when the key is there.
func TestStored_Update_LocksOnce(t *testing.T) {
	s := &storage{values: map[string]string{}}
	for _, want := range []int32{1, 1} {
		var all sync.WaitGroup
		var made atomic.Int32
		for range 20 {
			all.Go(func() {
				value, err := secrets.Stored{Storage: s}.Update(t.Context(), "a key of "+t.Name(), func(old []byte) ([]byte, error) {
					if old == nil {
						return fmt.Append(nil, made.Add(1)), nil
					}
					return old, nil
				})
				s.mu.Lock()
				defer s.mu.Unlock()
				if kept := s.values["chat-keys/a key of "+t.Name()]; err != nil || string(value) != kept {
					t.Errorf("%q, %v, and %q is stored", value, err, kept)
				}
			})
		}
		all.Wait()
		if got := s.locks.Load(); got != want {
			t.Errorf("it was locked %d times, want %d", got, want)
		}
	}
}

// Who waits for a change that does not end gives up with its context.
func TestStored_Update_GivesUp(t *testing.T) {
	s := &storage{values: map[string]string{}}
	hangs, end := make(chan struct{}), make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		calls := 0
		_, _ = secrets.Stored{Storage: s}.Update(t.Context(), t.Name(), func([]byte) ([]byte, error) {
			if calls++; calls == 2 {
				close(hangs)
				<-end
			}
			return []byte("v"), nil
		})
	}()
	select {
	case <-hangs:
	case <-ended:
		t.Fatal("it called its function once")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (secrets.Stored{Storage: s}).Update(ctx, t.Name(), func([]byte) ([]byte, error) { return []byte("w"), nil }); err == nil {
		t.Error("it did not wait")
	}
	close(end)
	<-ended
}
