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
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// hubs has the hubs of this process by name. They outlive configurations: on a
// reload the handlers of the new configuration acquire a hub before those of the old
// one release it. The key is only the name, so that changed settings don't make
// another hub.
var hubs = caddy.NewUsagePool()

// RunningHubs returns the hubs of this process that have been started, by name. The
// map belongs to the caller. A hub in it may be closed at any time: a method that
// fails because of that returns chat.ErrHubClosed or journal.ErrClosed.
func RunningHubs() map[string]*chat.Hub {
	running := map[string]*chat.Hub{}
	hubs.Range(func(name, value any) bool {
		if hub := value.(*sharedHub).hub.Load(); hub != nil {
			running[name.(string)] = hub
		}
		return true
	})
	return running
}

// sharedHub is a hub and the leases of the handlers that use it.
type sharedHub struct {
	// Fixed.
	name     string
	location string // of its journal, after the name of the engine and a colon
	log      *zap.Logger

	current atomic.Pointer[lease] // whose settings apply

	starting sync.Once // guards the setting of the next three
	hub      atomic.Pointer[chat.Hub]
	journal  journal.Journal
	failure  error

	mu          sync.Mutex  // guards the rest
	leases      []*lease    // the oldest first
	configTimes []time.Time // when the last keptConfigs configurations began to apply, the oldest first
}

// lease is one handler's use of a hub, with that handler's settings. Its fields are
// fixed.
type lease struct {
	hub      *sharedHub
	settings chat.Settings
	origins  access.Origins
	engine   Engine
	limits   StorageLimits
	logger   *zap.Logger // of the handler's configuration
}

// closeTimeout is how long closing a hub may take.
const closeTimeout = 4 * time.Second

var errReleased = errors.New("all handlers have released the hub")

// acquireHub returns a lease of the hub of that name. It does not start the hub: a
// configuration that is only validated must not touch a journal.
//
// If the hub runs already, its settings don't change yet: this configuration may
// still be refused. They change when a handler of the old configuration releases its
// lease, which Caddy makes it do once the new configuration runs.
func acquireHub(name string, engine Engine, settings chat.Settings, origins access.Origins, logger *zap.Logger) (*lease, error) {
	location, err := engine.Location(name)
	if err != nil {
		return nil, err
	}
	engineName := engine.(caddy.Module).CaddyModule().ID.Name()
	location = engineName + ":" + location
	value, _, err := hubs.LoadOrNew(name, func() (caddy.Destructor, error) {
		return &sharedHub{name: name, location: location, log: limitedLog(logger)}, nil
	})
	if err != nil {
		return nil, err
	}
	l := &lease{value.(*sharedHub), settings, origins, engine, engine.Limits(), logger}
	l.hub.mu.Lock()
	l.hub.leases = append(l.hub.leases, l)
	l.hub.mu.Unlock()
	l.hub.current.CompareAndSwap(nil, l)
	if l.hub.location != location {
		err := fmt.Errorf("chat: hub %q has its journal in %s and can't move to %s while it runs; "+
			"restart Caddy for that, or name another hub", name, l.hub.location, location)
		return nil, errors.Join(err, l.release())
	}
	return l, nil
}

// start starts the hub unless it has been started, and returns it.
func (l *lease) start() (*chat.Hub, error) {
	h := l.hub
	h.starting.Do(func() {
		// The settings of the newest lease apply, as after a change.
		h.mu.Lock()
		l := h.leases[len(h.leases)-1]
		h.mu.Unlock()
		h.current.Store(l)
		redirectLog(h.log, l.logger)
		_, location, _ := strings.Cut(h.location, ":")
		h.journal, h.failure = l.engine.Open(location, JournalParams{Hub: h.name, Retention: h.retention, Logger: h.log})
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

// retention returns how much is kept of a room by the current settings.
func (h *sharedHub) retention(room string) journal.Retention {
	l := h.current.Load()
	if keep, ok := l.settings.Policies.Retention(room); ok {
		return keep
	}
	return l.limits.Retention.toChat()
}

// configureLocked makes the settings of l the current ones. h.mu must be held, so
// that settings apply in the order of their configurations.
func (h *sharedHub) configureLocked(l *lease) {
	changed := h.current.Swap(l) != l
	redirectLog(h.log, l.logger)
	hub := h.hub.Load()
	if hub == nil {
		return
	}
	hub.Configure(l.settings)
	if changed {
		h.retireLocked(hub)
	}
	if j, ok := h.journal.(interface{ SetMaxBytes(int64) }); ok {
		j.SetMaxBytes(l.limits.MaxSize)
	}
}

// A connection over TLS, and a stream of HTTP/2 or HTTP/3, keeps the configuration in
// memory that was running when it began: 65 KiB for a small one. The clients of the
// newest keptConfigs configurations are left alone. Those of older ones are asked to
// reconnect, one after the other over retireTime.
const keptConfigs = 16

var retireTime = 2 * time.Hour // a test shortens it

func (h *sharedHub) retireLocked(hub *chat.Hub) {
	h.configTimes = append(h.configTimes, time.Now())
	if n := len(h.configTimes) - keptConfigs; n > 0 {
		h.configTimes = slices.Delete(h.configTimes, 0, n)
		hub.Retire(h.configTimes[0], retireTime)
	}
}

// reviewOrigins ends the sessions of web pages whose origin no handler permits any
// more. h.mu must not be held, because each of these sessions is sent a goodbye.
func (h *sharedHub) reviewOrigins() {
	h.mu.Lock()
	var permitted []access.Origins
	for _, l := range h.leases {
		permitted = append(permitted, l.origins)
	}
	h.mu.Unlock()
	if hub := h.hub.Load(); hub != nil && len(permitted) > 0 {
		hub.ReviewOrigins(permitted...)
	}
}

// release ends the lease. The settings of the newest remaining lease become the
// current ones; if there is none, the hub is closed.
func (l *lease) release() error {
	h := l.hub
	h.mu.Lock()
	h.leases = slices.DeleteFunc(h.leases, func(other *lease) bool { return other == l })
	if n := len(h.leases); n > 0 {
		h.configureLocked(h.leases[n-1])
	}
	h.mu.Unlock()
	h.reviewOrigins()
	_, err := hubs.Delete(h.name)
	return err
}

// leaveOnExit is called when a server shuts down. On a reload it does nothing. When
// the process ends, it says goodbye to all clients at once, so that Caddy does not
// wait for their streams.
func (l *lease) leaveOnExit() {
	if hub := l.hub.hub.Load(); hub != nil && caddy.Exiting() {
		hub.Leave()
	}
}

// Destruct implements caddy.Destructor. The pool calls it when the last lease has
// been released.
func (h *sharedHub) Destruct() error {
	// This waits for a start that is under way, and prevents any later one.
	h.starting.Do(func() { h.failure = errReleased })
	hub := h.hub.Load()
	if hub == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return hub.Close(ctx)
}
