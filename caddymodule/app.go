package caddymodule

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
)

func init() {
	caddy.RegisterModule(new(App))
}

// App starts the hubs of a configuration when the configuration starts to run, so
// that validating a configuration does not touch a journal. It has no settings;
// handlers load it.
type App struct {
	// Set by Provision.
	ctx   caddy.Context
	begin func() error // begins to start all hubs; does so once

	started bool // owned by Caddy's goroutine

	mu       sync.Mutex        // guards the rest
	leases   []*lease          // complete when the configuration starts
	journals map[string]string // the places of hubs' journals, by hub
	startBy  time.Time         // set by begin
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat", New: func() caddy.Module { return new(App) }}
}

// Provision implements caddy.Provisioner.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx, a.journals = ctx, map[string]string{}
	a.begin = sync.OnceValue(a.beginOnce)
	return ctx.GetMetricsRegistry().Register(collector{})
}

// acquire makes l a lease of the hub of that name, which Start starts.
func (a *App) acquire(name string, l *lease) error {
	if err := l.locate(name); err != nil {
		return err
	}
	if err := a.claim(name, l.place); err != nil {
		return err
	}
	if err := l.acquire(name); err != nil {
		return err
	}
	l.ready = sync.OnceValue(func() error { return a.await(l) })
	a.mu.Lock()
	defer a.mu.Unlock()
	a.leases = append(a.leases, l)
	return nil
}

// claim notes where the journal of a hub is. Two hubs can't have theirs in one place,
// nor one hub in two.
func (a *App) claim(hub, place string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if other := a.journals[hub]; other != "" && other != place {
		return fmt.Errorf("chat: hub %q can't have its journal both in %s and in %s", hub, other, place)
	}
	for other, used := range a.journals {
		if used == place && other != hub {
			return fmt.Errorf("chat: hubs %q and %q can't both have their journal in %s", other, hub, place)
		}
	}
	a.journals[hub] = place
	return nil
}

func (a *App) beginOnce() error {
	a.mu.Lock()
	leases := a.leases
	a.startBy = time.Now().Add(startTimeout)
	a.mu.Unlock()
	for _, l := range leases {
		l.noteBegun() // of all, before one of their hubs is started
	}
	for _, l := range leases {
		if err := l.begin(); err != nil {
			return err
		}
	}
	return nil
}

// await waits for the hub of l until all hubs of the configuration have had
// startTimeout. It begins to start them if Start has not done so yet.
func (a *App) await(l *lease) error {
	if err := a.begin(); err != nil {
		return err
	}
	a.mu.Lock()
	startBy := a.startBy
	a.mu.Unlock()
	ctx, cancel := context.WithDeadline(a.ctx, startBy)
	defer cancel()
	return l.await(ctx)
}

// Start implements caddy.App.
func (a *App) Start() error {
	a.started = true
	err := a.begin()
	for _, l := range a.leases {
		if err == nil {
			err = l.ready()
		}
	}
	return err
}

// Stop implements caddy.App. Handlers release their hubs in Cleanup.
func (*App) Stop() error { return nil }

// Cleanup implements caddy.CleanerUpper. A configuration that was never started was
// only validated: Cleanup warns of journals that could not be opened now.
func (a *App) Cleanup() error {
	if a.started {
		return nil
	}
	for _, l := range a.leases {
		c, ok := l.engine.(Checker)
		if !ok {
			continue
		}
		if err := c.Check(l.location); err != nil {
			a.ctx.Logger().Warn("the journal could not be opened and written now: the chat would not work, all else would",
				zap.String("hub", l.hub.name), zap.String("journal", l.location), zap.Error(err))
		}
	}
	return nil
}

var (
	_ caddy.App          = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
)
