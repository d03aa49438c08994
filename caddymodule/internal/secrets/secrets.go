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

	"github.com/caddyserver/certmagic"

	"github.com/caddychat/caddy-chat/chat/identity"
)

// Stored keeps this server's signing keys in Caddy's storage, where all
// instances that share the storage find them. They are below chat-keys, not below
// chat: in Caddy's data directory that one has the journals.
type Stored struct{ Storage certmagic.Storage }

// Update implements identity.Secrets.
func (s Stored) Update(ctx context.Context, name string, f func([]byte) ([]byte, error)) (value []byte, err error) {
	key := path.Join("chat-keys", name)
	if err := s.Storage.Lock(ctx, key); err != nil {
		return nil, fmt.Errorf("lock %s in Caddy's storage: %w", key, err)
	}
	defer func() {
		err = errors.Join(err, s.Storage.Unlock(context.WithoutCancel(ctx), key))
	}()
	old, err := s.Storage.Load(ctx, key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("load %s from Caddy's storage: %w", key, err)
	}
	if value, err = f(old); err != nil || string(value) == string(old) {
		return value, err
	}
	if err := s.Storage.Store(ctx, key, value); err != nil {
		return nil, fmt.Errorf("store %s in Caddy's storage: %w", key, err)
	}
	return value, nil
}

var _ identity.Secrets = Stored{}
