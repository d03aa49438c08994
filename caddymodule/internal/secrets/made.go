package secrets

import (
	"context"
	"sync"

	"go.uber.org/zap"
)

// Made collects which keys were made because there were none, until it is known whether that
// is as it should be: in a hub that has nothing yet it is.
type Made struct {
	log *zap.Logger

	mu   sync.Mutex // guards what follows
	keys []string
	told bool
}

type madeKey struct{}

// Collect returns a context with which keys are made that the Made then has.
func Collect(ctx context.Context, log *zap.Logger) (context.Context, *Made) {
	m := &Made{log: log}
	return context.WithValue(ctx, madeKey{}, m), m
}

// Tell logs the keys, and those that are made later. first says that the hub has nothing yet.
func (m *Made) Tell(first bool) {
	m.mu.Lock()
	keys := m.keys
	m.keys, m.told = nil, true
	m.mu.Unlock()
	for _, key := range keys {
		if first {
			m.log.Info("keys were made, and are in Caddy's storage", zap.String("key", key))
		} else {
			warn(m.log, key)
		}
	}
}

// noteMade notes a key in the Made of the context, or logs it.
func noteMade(ctx context.Context, log *zap.Logger, key string) {
	if m, is := ctx.Value(madeKey{}).(*Made); is && m.note(key) {
		return
	}
	warn(log, key)
}

// note returns false if nobody tells of the key any more.
func (m *Made) note(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.told {
		m.keys = append(m.keys, key)
	}
	return !m.told
}

func warn(log *zap.Logger, key string) {
	if log != nil {
		log.Warn("there were no such keys in Caddy's storage, so new ones were made. If there were some before, tokens that "+
			"they have signed, and openids, are not known any more, and guests are strangers: "+
			"then put chat-keys of a backup of that storage back, and restart", zap.String("key", key))
	}
}
