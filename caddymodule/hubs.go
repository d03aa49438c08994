package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	// Fixed.
	name  string
	place string // of its journal
	log   *zap.Logger

	inForce atomic.Pointer[lease] // whose settings count

	opening sync.Once // guards the setting of what follows
	hub     atomic.Pointer[chat.Hub]
	journal chat.Journal
	failure error

	mu     sync.Mutex  // guards the rest
	leases []*lease    // the oldest first
	since  []time.Time // when the last configurations came into force, the oldest first
}

// lease is one handler's share in a hub. Its fields are fixed.
type lease struct {
	hub      *sharedHub
	settings chat.Settings
	origins  chat.Origins
	engine   Engine
	keep     Keep
	logger   *zap.Logger // of its configuration
}

// destructTime bounds how long the end of a hub may take.
const destructTime = 4 * time.Second

var errHubGone = errors.New("the hub has been given back")

// takeHub returns a share in the hub of that name, which is not started yet: a
// configuration that is only looked at touches no journal.
//
// The settings of a hub that runs already are not touched either: this
// configuration may still be refused. They come into force when an older one
// gives its share back, which Caddy has it do once the new one runs.
func takeHub(name string, engine Engine, settings chat.Settings, origins chat.Origins, logger *zap.Logger) (*lease, error) {
	place, err := engine.Place(name)
	if err != nil {
		return nil, err
	}
	kind := engine.(caddy.Module).CaddyModule().ID.Name()
	place = kind + ":" + place
	value, _, err := hubs.LoadOrNew(name, func() (caddy.Destructor, error) {
		return &sharedHub{name: name, place: place, log: boundedLog(logger)}, nil
	})
	if err != nil {
		return nil, err
	}
	l := &lease{value.(*sharedHub), settings, origins, engine, engine.Keeps(), logger}
	l.hub.mu.Lock()
	l.hub.leases = append(l.hub.leases, l)
	l.hub.mu.Unlock()
	l.hub.inForce.CompareAndSwap(nil, l)
	if l.hub.place != place {
		err := fmt.Errorf("chat: hub %q has its journal in %s and can't move to %s while it runs; "+
			"restart Caddy for that, or name another hub", name, l.hub.place, place)
		return nil, errors.Join(err, l.giveBack())
	}
	return l, nil
}

// start starts the hub, unless it runs already.
func (l *lease) start() (*chat.Hub, error) {
	h := l.hub
	h.opening.Do(func() {
		h.inForce.Store(l)
		follow(h.log, l.logger)
		_, place, _ := strings.Cut(h.place, ":")
		h.journal, h.failure = l.engine.Open(place, JournalParams{Hub: h.name, Retention: h.retention, Logger: h.log})
		if h.failure != nil {
			return
		}
		hub, err := chat.NewHub(chat.Config{Settings: l.settings, Journal: h.journal, Logger: h.log})
		if err != nil {
			h.failure = errors.Join(err, h.journal.Close())
			return
		}
		h.hub.Store(hub)
	})
	if h.failure != nil {
		return nil, fmt.Errorf("chat: start hub %q: %w", h.name, h.failure)
	}
	return h.hub.Load(), nil
}

// retention is what is kept of a room by the settings in force.
func (h *sharedHub) retention(room string) chat.Retention {
	l := h.inForce.Load()
	if keep, ok := l.settings.Policies.Retention(room); ok {
		return keep
	}
	return l.keep.Retention.chat()
}

// configure brings the settings of l into force. h.mu is held, so that they
// come into force in the order of the configurations.
func (h *sharedHub) configure(l *lease) {
	changed := h.inForce.Swap(l) != l
	follow(h.log, l.logger)
	hub := h.hub.Load()
	if hub == nil {
		return
	}
	hub.Configure(l.settings)
	if changed {
		h.retire(hub)
	}
	if j, ok := h.journal.(interface{ SetMaxBytes(int64) }); ok {
		j.SetMaxBytes(l.keep.MaxSize)
	}
}

// A connection over TLS, and a stream of HTTP/2 or 3, keeps the configuration in
// memory that it came with: 65 KiB for a small one. So many configurations stay
// undisturbed; the clients of older ones are asked to come back, over retireTime.
const keptConfigs = 16

var retireTime = 2 * time.Hour // a test shortens it

func (h *sharedHub) retire(hub *chat.Hub) {
	h.since = append(h.since, time.Now())
	if n := len(h.since) - keptConfigs; n > 0 {
		h.since = slices.Delete(h.since, 0, n)
		hub.Retire(h.since[0], retireTime)
	}
}

// reviewOrigins ends the sessions of pages that no handler lets in any more. h.mu
// is not held, since it says goodbye to them.
func (h *sharedHub) reviewOrigins() {
	h.mu.Lock()
	var of []chat.Origins
	for _, l := range h.leases {
		of = append(of, l.origins)
	}
	h.mu.Unlock()
	if hub := h.hub.Load(); hub != nil && len(of) > 0 {
		hub.ReviewOrigins(of...)
	}
}

// giveBack ends the lease and brings the newest remaining settings into force.
func (l *lease) giveBack() error {
	h := l.hub
	h.mu.Lock()
	h.leases = slices.DeleteFunc(h.leases, func(other *lease) bool { return other == l })
	if n := len(h.leases); n > 0 {
		h.configure(h.leases[n-1])
	}
	h.mu.Unlock()
	h.reviewOrigins()
	_, err := hubs.Delete(h.name)
	return err
}

// leaveOnExit is called when a server shuts down: on a reload nothing happens,
// on the way out every client is told at once, so that Caddy need not wait for
// their streams.
func (l *lease) leaveOnExit() {
	if hub := l.hub.hub.Load(); hub != nil && caddy.Exiting() {
		hub.Leave()
	}
}

// Destruct implements caddy.Destructor: the last handler has given the hub back.
func (h *sharedHub) Destruct() error {
	h.opening.Do(func() { h.failure = errHubGone }) // waits for who is starting it
	hub := h.hub.Load()
	if hub == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), destructTime)
	defer cancel()
	return hub.Close(ctx)
}
