package caddymodule

import (
	"sync"

	"github.com/caddyserver/caddy/v2"
)

func init() {
	caddy.RegisterModule(new(App))
}

// App starts the hubs of a configuration when that is run, so that nothing
// happens to a journal while a configuration is only validated. It comes by
// itself and has no settings.
type App struct {
	mu     sync.Mutex // guards leases
	leases []*lease
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat", New: func() caddy.Module { return new(App) }}
}

func (a *App) add(l *lease) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.leases = append(a.leases, l)
}

// Start implements caddy.App.
func (a *App) Start() error {
	for _, l := range a.leases { // complete since Provision
		if _, err := l.start(); err != nil {
			return err
		}
	}
	return nil
}

// Stop implements caddy.App. Handlers give back their hubs themselves.
func (*App) Stop() error { return nil }

var _ caddy.App = (*App)(nil)
