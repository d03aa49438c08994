package caddymodule

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat"
)

// hubs outlive configurations: a reload takes a hub before it gives it back.
// They are keyed by what they are, their name, and not by their settings.
var hubs = caddy.NewUsagePool()

// sharedHub is a hub and the handlers that use it.
type sharedHub struct {
	*chat.Hub

	mu     sync.Mutex // guards leases
	leases []*lease   // the oldest first
}

// lease is one handler's share in a hub.
type lease struct {
	name     string
	hub      *sharedHub
	settings chat.Settings
}

// destructTime bounds how long the end of a hub may take.
const destructTime = 4 * time.Second

// Destruct implements caddy.Destructor: the last handler has given the hub back.
func (h *sharedHub) Destruct() error {
	ctx, cancel := context.WithTimeout(context.Background(), destructTime)
	defer cancel()
	return h.Close(ctx)
}

// takeHub returns a share in the hub of that name, which it starts if need be.
//
// The settings of a hub that runs already are not touched yet: this
// configuration may still be refused. They come into force when an older one
// gives its share back, which Caddy has it do once the new one runs.
func takeHub(name string, settings chat.Settings, logger *zap.Logger) (*lease, error) {
	value, _, err := hubs.LoadOrNew(name, func() (caddy.Destructor, error) {
		hub, err := chat.NewHub(chat.Config{
			Settings: settings,
			Journal:  chat.NewMemoryJournal(chat.MemoryOptions{}),
			Logger:   logger,
		})
		if err != nil {
			return nil, fmt.Errorf("start hub %q: %w", name, err)
		}
		return &sharedHub{Hub: hub}, nil
	})
	if err != nil {
		return nil, err
	}
	l := &lease{name, value.(*sharedHub), settings}
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.hub.leases = append(l.hub.leases, l)
	return l, nil
}

// giveBack ends the lease and brings the newest remaining settings into force.
func (l *lease) giveBack() error {
	h := l.hub
	h.mu.Lock()
	h.leases = slices.DeleteFunc(h.leases, func(other *lease) bool { return other == l })
	if n := len(h.leases); n > 0 {
		h.Configure(h.leases[n-1].settings)
	}
	h.mu.Unlock()
	_, err := hubs.Delete(l.name)
	return err
}

// leaveOnExit is called when a server shuts down: on a reload nothing happens,
// on the way out every client is told at once, so that Caddy need not wait for
// their streams.
func (l *lease) leaveOnExit() {
	if caddy.Exiting() {
		l.hub.Leave()
	}
}
