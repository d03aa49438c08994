// Package secrets keeps this server's own keys in Caddy's storage.
//
// # Files
//
//	made.go     who is told of keys that were made
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
	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/identity"
)

// Stored keeps this server's signing keys in Caddy's storage, where all
// instances that share the storage find them. They are below chat-keys, not below
// chat: in Caddy's data directory that one has the journals. It logs each key that it makes because
// there is none, or leaves that to the Made of the context.
type Stored struct {
	Storage certmagic.Storage
	Log     *zap.Logger // nil means silence
}

// updating has a channel with room for one for each key: who has put something into it changes
// that key. The storage's lock is waited for by asking each second, so those of one process,
// such as many hubs that open, must not meet there.
var updating sync.Map

// Update implements identity.Secrets. It calls f without a lock first, which is enough if
// nothing changes.
func (s Stored) Update(ctx context.Context, name string, f func([]byte) ([]byte, error)) (value []byte, err error) {
	key := path.Join("chat-keys", name)
	if value, old, err := s.read(ctx, key, f); err != nil || string(value) == string(old) {
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
	if value, old, err := s.read(ctx, key, f); err != nil || string(value) == string(old) {
		return value, err
	}
	if err := s.Storage.Lock(ctx, key); err != nil {
		return nil, fmt.Errorf("lock %s in Caddy's storage: %w", key, err)
	}
	defer func() {
		err = errors.Join(err, s.Storage.Unlock(context.WithoutCancel(ctx), key))
	}()
	value, old, err := s.read(ctx, key, f)
	if err != nil || string(value) == string(old) {
		return value, err
	}
	if err := s.Storage.Store(ctx, key, value); err != nil {
		return nil, fmt.Errorf("store %s in Caddy's storage: %w", key, err)
	}
	if old == nil {
		noteMade(ctx, s.Log, key)
	}
	return value, nil
}

// read returns what f makes of what is stored, and that; nil if nothing is.
func (s Stored) read(ctx context.Context, key string, f func([]byte) ([]byte, error)) (value, old []byte, err error) {
	old, err = s.Storage.Load(ctx, key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("load %s from Caddy's storage: %w", key, err)
	}
	value, err = f(old)
	return value, old, err
}

var _ identity.Secrets = Stored{}
