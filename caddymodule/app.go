package caddymodule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/caddymodule/checks"
	"github.com/caddychat/caddy-chat/caddymodule/journals"
)

func init() {
	caddy.RegisterModule(new(App))
}

// App is the hubs of a configuration. It starts them when the configuration starts to
// run, so that validating a configuration does not touch a journal. Handlers load it.
type App struct {
	// The settings of hubs, by their names. A hub that several handlers use needs
	// them here if it has any; a hub of one handler may have them there instead.
	Hubs map[string]*HubSettings `json:"hubs,omitempty"`

	// Set by Provision.
	ctx   caddy.Context
	begin func() error // begins to start all hubs; does so once. nil if Provision has failed

	started bool // owned by Caddy's goroutine

	// Complete when the configuration starts, and fixed from then on. Until then they
	// belong to the goroutine that loads the configuration.
	leases      map[string]*lease // by hub
	configured  map[string]hubSettings
	journalHubs map[string]string // hubs by the places of their journals
	handlers    map[string]int    // how many handlers each server has so far

	mu      sync.Mutex // guards the rest
	startBy time.Time  // set by begin
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "chat", New: func() caddy.Module { return new(App) }}
}

// Provision implements caddy.Provisioner.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx, a.leases, a.configured = ctx, map[string]*lease{}, map[string]hubSettings{}
	a.journalHubs, a.handlers = map[string]string{}, map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(a.Hubs)) {
		if err := checkHubName(name); err != nil {
			return err
		}
		s := a.Hubs[name]
		if s == nil {
			return fmt.Errorf("chat: hub %q has no settings, not even {}", name)
		}
		place := cmp.Or(s.SettingsAt, jsonPlace(name))
		set, err := s.provision(ctx, place)
		if err == nil {
			err = a.claim(name, &set)
		}
		if err != nil {
			return fmt.Errorf("chat: %s: %w", place, err)
		}
		a.configured[name] = set
	}
	a.begin = sync.OnceValue(a.beginOnce)
	return ctx.GetMetricsRegistry().Register(collector{})
}

// acquire returns the lease of the hub of that name, which Start starts.
func (a *App) acquire(name string) (*lease, error) {
	if l := a.leases[name]; l != nil {
		return l, nil
	}
	set, ok := a.configured[name]
	if !ok {
		set = hubSettings{engine: new(journals.Pebble)}
		// Even if a handler names another journal later: whether a configuration is
		// valid must not depend on the order of handlers.
		if err := a.claim(name, &set); err != nil {
			return nil, fmt.Errorf("chat: %w", err)
		}
	}
	l, err := newLease(a.ctx, a.ctx.Logger(a), name, set)
	if err != nil {
		return nil, err
	}
	l.ready = sync.OnceValue(func() error { return a.await(l) })
	a.leases[name] = l // Cleanup releases it, whatever fails
	if !ok {
		return l, nil
	}
	return l, l.checkPlace(l.hub.state.Load())
}

// configure gives the hub of l the settings that a handler has.
func (a *App) configure(l *lease, set hubSettings) error {
	name := l.hub.name
	if l.place != "" {
		if set.source.SettingsAt != "" && reflect.DeepEqual(l.source, set.source) {
			return nil // of the same directive: see SettingsAt
		}
		return fmt.Errorf("chat: %s", twoPlaces(name, l.place, set.place))
	}
	if err := a.claim(name, &set); err != nil {
		return fmt.Errorf("chat: %s: %w", set.place, err)
	}
	l.hubSettings = set
	return l.checkPlace(l.hub.state.Load())
}

// twoPlaces says that the settings of a hub stand in two places.
func twoPlaces(hub, one, other string) string {
	return fmt.Sprintf("hub %q has settings in two places, %s and %s: keep all of them in one; "+
		"for several sites that share a hub, use the global option chat { hub %s { … } }, in JSON %s", hub, one, other, hub, jsonPlace(hub))
}

// jsonPlace returns where the JSON of a configuration has the settings of a hub for
// several handlers.
func jsonPlace(hub string) string { return "apps.chat.hubs." + hub }

// handlerPlace returns the place of the next handler of a server in the JSON of the
// configuration. Caddy provisions the handlers of a server in their order.
func (a *App) handlerPlace(server, path string) string {
	a.handlers[server]++
	return fmt.Sprintf("chat handler %d in apps.http.servers.%s, path %s", a.handlers[server], server, path)
}

// claim notes where the journal of a hub is. Two hubs can't have theirs in one place, nor one
// within that of the other: who moves the one away would take the other with it.
func (a *App) claim(hub string, set *hubSettings) error {
	place, err := set.locate(hub)
	if err != nil {
		return err
	}
	if other, ok := a.journalHubs[place]; ok && other != hub {
		return fmt.Errorf("hubs %q and %q can't both have their journal in %s: give one of them a place of its own", other, hub, place)
	}
	for otherPlace, other := range a.journalHubs {
		outer, inner := min(place, otherPlace), max(place, otherPlace) // sorted: a directory stands before what is in it
		if other != hub && filepath.IsAbs(set.location) && strings.HasPrefix(inner, strings.TrimSuffix(outer, string(filepath.Separator))+string(filepath.Separator)) {
			return fmt.Errorf("hubs %q and %q can't have one journal within the other, in %s and %s: give one of them a place of its own", other, hub, otherPlace, place)
		}
	}
	a.journalHubs[place] = hub
	return nil
}

func (a *App) beginOnce() error {
	a.mu.Lock()
	a.startBy = time.Now().Add(startTimeout)
	a.mu.Unlock()
	for _, l := range a.leases {
		l.noteBegun() // of all, before one of their hubs is started
	}
	for _, l := range a.leases {
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
	a.warn()
	err := a.begin()
	for _, l := range a.leases {
		if err == nil {
			err = l.ready()
		}
	}
	return err
}

// warn warns of hubs that have settings and no handler, and of settings that are rarely meant.
func (a *App) warn() {
	for name, l := range a.leases {
		l.settings.Policies.EachDoubt(l.onlyGuests(), func(pattern, why string) {
			a.ctx.Logger(a).Warn(why, zap.String("hub", name), zap.String("pattern", pattern))
		})
		doubt := func(why string) { a.ctx.Logger(a).Warn(why, zap.String("hub", name)) }
		l.settings.EachDoubt(doubt)
		if l.limits.MaxSize > 0 && l.limits.Retention.Bytes > l.limits.MaxSize {
			doubt("retention of the journal is greater than max_size, so it bounds nothing")
		}
		if checks.RefuseAllButWeChat(l.source.ChecksRaw) && !l.hasLogin() {
			doubt("check wechat refuses what users say who have not logged in by WeChat, and there is no auth wechat: nobody can say anything; " +
				"add auth wechat, or others pass to the check")
		}
	}
	for name := range a.Hubs {
		if a.leases[name] == nil {
			a.ctx.Logger(a).Warn("a hub has settings, but no handler names it", zap.String("hub", name))
		}
	}
}

// Stop implements caddy.App. Cleanup releases the hubs.
func (*App) Stop() error { return nil }

// Cleanup implements caddy.CleanerUpper: it releases the hubs. Requests of this
// configuration may still be under way. A configuration that was never started was
// only validated, or is refused.
func (a *App) Cleanup() error {
	if !a.started && a.begin != nil {
		a.warn()
		a.checkJournals()
	}
	var errs []error
	for _, l := range a.leases {
		errs = append(errs, l.release())
	}
	return errors.Join(errs...)
}

// checkJournals warns of journals that could not be opened now. It waits for them no longer
// than a start does.
func (a *App) checkJournals() {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for name, l := range a.leases {
		c, ok := l.engine.(journals.Checker)
		if !ok {
			continue
		}
		if err := c.Check(ctx, l.location, journals.Params{Hub: name, Logger: a.ctx.Logger(a)}); err != nil {
			a.ctx.Logger(a).Warn("the journal could not be opened and written now: the chat would not work, all else would",
				zap.String("hub", name), zap.String("journal", l.location), zap.Error(err))
		}
	}
}

var (
	_ caddy.App          = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
)
