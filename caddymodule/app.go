package caddymodule

import (
	"sync"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddychat/caddy-chat/chat"
)

func init() {
	caddy.RegisterModule(new(App))
}

// App starts the hubs of a configuration when the configuration starts to run, so
// that validating a configuration does not touch a journal. It has no settings;
// handlers load it.
type App struct {
	mu     sync.Mutex // guards starts
	starts []func() (*chat.Handler, error)
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat", New: func() caddy.Module { return new(App) }}
}

// Provision implements caddy.Provisioner.
func (a *App) Provision(ctx caddy.Context) error {
	return ctx.GetMetricsRegistry().Register(collector{})
}

// onStart makes Start call start.
func (a *App) onStart(start func() (*chat.Handler, error)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.starts = append(a.starts, start)
}

// Start implements caddy.App.
func (a *App) Start() error {
	for _, start := range a.starts { // which is complete: all handlers are provisioned
		if _, err := start(); err != nil {
			return err
		}
	}
	return nil
}

// Stop implements caddy.App. Handlers release their hubs in Cleanup.
func (*App) Stop() error { return nil }

var (
	_ caddy.App         = (*App)(nil)
	_ caddy.Provisioner = (*App)(nil)
)
