// Package secrets keeps this server's own keys in Caddy's storage.
//
// # Files
//
//	secrets.go  Stored
package secrets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sync"

	"github.com/caddyserver/certmagic"

	"github.com/caddychat/caddy-chat/chat/identity"
)

// Stored keeps this server's signing keys in Caddy's storage, where all
// instances that share the storage find them. They are below chat-keys, not below
// chat: in Caddy's data directory that one has the journals.
type Stored struct{ Storage certmagic.Storage }

// updating has a channel with room for one for each key: who has put something into it changes
// that key. The storage's lock is waited for by asking each second, so those of one process,
// such as many hubs that open, must not meet there.
var updating sync.Map

// Update implements identity.Secrets. It calls f without a lock first, which is enough if
// nothing changes.
func (s Stored) Update(ctx context.Context, name string, f func([]byte) ([]byte, error)) (value []byte, err error) {
	key := path.Join("chat-keys", name)
	if value, same, err := s.read(ctx, key, f); err != nil || same {
		return value, err
	}
	c, _ := updating.LoadOrStore(key, make(chan struct{}, 1))
	turn := c.(chan struct{})
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the change of %s in Caddy's storage: %w", key, context.Cause(ctx))
	}
	// Another one of this process may have changed it.
	if value, same, err := s.read(ctx, key, f); err != nil || same {
		return value, err
	}
	if err := s.Storage.Lock(ctx, key); err != nil {
		return nil, fmt.Errorf("lock %s in Caddy's storage: %w", key, err)
	}
	defer func() {
		err = errors.Join(err, s.Storage.Unlock(context.WithoutCancel(ctx), key))
	}()
	value, same, err := s.read(ctx, key, f)
	if err != nil || same {
		return value, err
	}
	if err := s.Storage.Store(ctx, key, value); err != nil {
		return nil, fmt.Errorf("store %s in Caddy's storage: %w", key, err)
	}
	return value, nil
}

// read returns what f makes of what is stored, and whether that is the same.
func (s Stored) read(ctx context.Context, key string, f func([]byte) ([]byte, error)) (value []byte, same bool, err error) {
	old, err := s.Storage.Load(ctx, key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, fmt.Errorf("load %s from Caddy's storage: %w", key, err)
	}
	value, err = f(old)
	return value, string(value) == string(old), err
}

var _ identity.Secrets = Stored{}
