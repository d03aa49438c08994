package caddymodule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/caddymodule/internal/limitedlog"
	"github.com/caddychat/caddy-chat/caddymodule/internal/secrets"
	"github.com/caddychat/caddy-chat/caddymodule/journals"
	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/move"
	"github.com/caddychat/caddy-chat/internal/foreign"
)

// hubs has the hubs of this process by name. They outlive configurations: on a
// reload the handlers of the new configuration acquire a hub before those of the old
// one release it. The key is only the name, so that changed settings don't make
// another hub.
var hubs = caddy.NewUsagePool()

// Hubs returns the hubs of this process whose configuration runs, by name. The map
// belongs to the caller.
func Hubs() map[string]*HubState {
	running := map[string]*HubState{}
	hubs.Range(func(name, value any) bool {
		if s := value.(*sharedHub).state.Load(); s.closed != errNotStarted {
			running[name.(string)] = s
		}
		return true
	})
	return running
}

// sharedHub is a hub and the leases of the configurations that use it.
type sharedHub struct {
	// Fixed.
	name string
	log  *zap.Logger

	current atomic.Pointer[lease]    // whose settings apply
	state   atomic.Pointer[HubState] // changes with mu held

	mu          sync.Mutex  // guards the rest
	leases      []*lease    // the oldest first
	configTimes []time.Time // when the last keptConfigs configurations began to apply, the oldest first
	opening     *opening    // nil while the hub is open, and before it is started
	mayBeClosed bool        // a configuration runs although the hub is closed
	toldReason  string      // why the hub is closed, as it was logged last
	toldAt      time.Time
}

// lease is the use of a hub by one configuration: by all handlers of it that name the
// hub.
type lease struct {
	// Fixed by newLease.
	ctx     context.Context // of its configuration
	logger  *zap.Logger     // of its configuration
	hub     *sharedHub
	tried   chan struct{} // closed after the first attempt to start the hub for this lease
	noteTry func()        // closes tried

	ready func() error // waits until the hub is open or known to be closed; set by App

	// Fixed once the configuration begins to run. Until then they belong to the
	// goroutine that loads it.
	hubSettings

	// Guarded by hub.mu.
	begun   bool             // its configuration begins to run
	origins []access.Origins // of its handlers
	auths   []authMethods    // of its handlers
}

// newLease makes a lease of the hub of that name. It does not start the hub: a
// configuration that is only validated must not touch a journal.
//
// If the hub runs already, its settings don't change yet: this configuration may
// still be refused. They change when the old configuration releases its lease, which
// Caddy makes it do once the new configuration runs.
func newLease(ctx caddy.Context, log *zap.Logger, name string, set hubSettings) (*lease, error) {
	l := &lease{ctx: ctx, logger: log, tried: make(chan struct{}), hubSettings: set}
	l.noteTry = sync.OnceFunc(func() { close(l.tried) })
	value, _, err := hubs.LoadOrNew(name, func() (caddy.Destructor, error) {
		h := &sharedHub{name: name, log: limitedlog.New(l.logger)}
		h.state.Store(&HubState{closed: errNotStarted})
		return h, nil
	})
	if err != nil {
		return nil, err
	}
	h := value.(*sharedHub)
	l.hub = h
	h.mu.Lock()
	h.leases = append(h.leases, l)
	h.mu.Unlock()
	h.current.CompareAndSwap(nil, l)
	return l, nil
}

// serve adds a handler with its origins and methods of authentication.
func (l *lease) serve(origins access.Origins, auth authMethods) {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.origins = append(l.origins, origins)
	l.auths = append(l.auths, auth)
}

// onlyGuests reports whether nobody but guests can use the hub, and no key either.
func (l *lease) onlyGuests() bool {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	hasUsers := func(m authMethods) bool { _, ok := m.inOrder[0].(*GuestAuth); return !ok } // nothing stands behind guest
	founds := func(k access.Key) bool { return len(k.Members) > 0 }
	return len(l.auths) > 0 && !slices.ContainsFunc(l.auths, hasUsers) && !slices.ContainsFunc(l.settings.Keys, founds)
}

// hasLogin reports whether users can log in at the hub by WeChat.
func (l *lease) hasLogin() bool {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	return len(l.auths) == 0 || slices.ContainsFunc(l.auths, func(m authMethods) bool { return m.login != nil })
}

// startAuth starts the methods of authentication of all handlers.
func (l *lease) startAuth(ctx context.Context) error {
	l.hub.mu.Lock()
	auths := slices.Clone(l.auths)
	l.hub.mu.Unlock()
	for _, auth := range auths {
		if err := auth.start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// checkPlace returns an error if the hub is open and has its journal elsewhere.
func (l *lease) checkPlace(s *HubState) error {
	if s.hub == nil || s.place == l.journalPlace {
		return nil
	}
	return fmt.Errorf("chat: hub %q has its journal in %s and can't move to %s while it runs; "+
		"restart Caddy for that, or name another hub", l.hub.name, s.place, l.journalPlace)
}

// checkAccess returns an error if the hub is open and the lease would reach its journal in another
// way, such as with another password, and cannot.
func (l *lease) checkAccess(ctx context.Context, s *HubState) error {
	r, renews := l.engine.(journals.Renewer)
	if !renews || l.checkPlace(s) != nil || !r.IsNew(s.journal) {
		return nil
	}
	if c, checks := l.engine.(journals.Checker); checks {
		if err := c.Check(ctx, l.location, journals.Params{Hub: l.hub.name, Logger: l.hub.log}); err != nil {
			return fmt.Errorf("chat: hub %q goes on as before, because its journal cannot be reached in the new way: %w", l.hub.name, err)
		}
	}
	return nil
}

// renewAccess lets the open journal of the hub be reached in the way of the lease from now on.
func (l *lease) renewAccess(s *HubState) {
	r, renews := l.engine.(journals.Renewer)
	if !renews || !r.IsNew(s.journal) {
		return
	}
	if err := r.Renew(s.journal); err != nil {
		l.hub.log.Error("the journal is reached as before", zap.String("hub", l.hub.name), zap.Error(err))
	}
}

// noteBegun notes that the lease's configuration begins to run.
func (l *lease) noteBegun() {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.begun = true
}

// begin begins to start the hub unless it is open, and does not wait.
func (l *lease) begin() error {
	h := l.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.state.Load(); s.hub != nil {
		return l.checkPlace(s)
	}
	if caddy.ActiveContext().Context == nil {
		h.mayBeClosed = true // no configuration runs yet: the rest of this one must not wait for us
	}
	// The settings of the newest lease apply, as after a change.
	h.openLocked(h.leases[len(h.leases)-1])
	return nil
}

// await waits until the hub is open or an attempt to start it has failed, but no
// longer than ctx allows. A failure is returned only if a configuration runs that
// would serve better than this one: Caddy then keeps it.
func (l *lease) await(ctx context.Context) error {
	h := l.hub
	if h.state.Load().hub == nil {
		select {
		case <-l.tried:
		case <-ctx.Done():
		}
	}
	h.mu.Lock()
	s := h.state.Load()
	slow := s.closed == errOpening
	h.mayBeClosed = h.mayBeClosed || slow
	mayBeClosed, tell := h.mayBeClosed, slow && h.notesLocked(s.closed)
	h.mu.Unlock()
	if tell {
		h.tell(s.closed)
	}
	switch {
	case s.hub != nil:
		ctx, cancel := context.WithTimeout(l.ctx, startTimeout)
		defer cancel()
		return errors.Join(l.checkPlace(s), l.checkAccess(ctx, s), l.startAuth(ctx))
	case mayBeClosed:
		return nil
	}
	return fmt.Errorf("chat: start hub %q: %w", h.name, s.closed)
}

// openLocked lets the hub be opened with the settings of l. h.mu must be held, and
// the hub must be closed.
func (h *sharedHub) openLocked(l *lease) {
	changed := h.current.Swap(l) != l
	limitedlog.Redirect(h.log, l.logger)
	switch {
	case h.opening == nil || h.opening.place != l.journalPlace:
		if h.opening != nil {
			h.opening.cancel()
		}
		h.state.Store(&HubState{closed: errOpening})
		h.opening = beginOpening(l.journalPlace, h.attempt)
	case changed:
		h.opening.tryAgain()
	}
}

// attempt tries once to start the hub. It is called by the goroutine of o.
func (h *sharedHub) attempt(ctx context.Context, o *opening) (goOn bool) {
	h.mu.Lock()
	l, leases := h.current.Load(), slices.DeleteFunc(slices.Clone(h.leases), func(l *lease) bool { return !l.begun })
	wanted := h.opening == o
	h.mu.Unlock()
	if !wanted {
		return false
	}
	opened, err := h.start(ctx, l, leases)
	h.mu.Lock()
	wanted = h.opening == o
	switch {
	case !wanted:
	case err != nil:
		h.state.Store(&HubState{closed: err})
	default:
		h.opening = nil
		h.state.Store(opened)
		h.configureLocked(h.current.Load()) // it may have changed meanwhile
		leases = slices.Clone(h.leases)     // those that came meanwhile find the hub open, too
	}
	tell := wanted && h.notesLocked(err)
	h.mu.Unlock()
	if !wanted {
		if err := opened.close(); err != nil {
			h.log.Warn("closing a hub", zap.Error(err))
		}
		return false
	}
	if tell {
		h.tell(err)
	}
	for _, l := range leases {
		l.noteTry()
	}
	return err != nil
}

// start opens the journal with the settings of l and makes the hub. leases are those
// whose clients must be able to sign in then. An engine or a login may panic or end the
// goroutine: the next attempt must come all the same. Whoever gives up the opening waits
// no longer than giveUpTime for this one.
func (h *sharedHub) start(ctx context.Context, l *lease, leases []*lease) (*HubState, error) {
	return foreign.Call(context.Background(), func() (*HubState, error) { return h.open(ctx, l, leases) }, nil)
}

func (h *sharedHub) open(ctx context.Context, l *lease, leases []*lease) (s *HubState, err error) {
	noting, made := secrets.Collect(ctx, h.log)
	first := false
	defer func() { made.Tell(first) }()
	for _, l := range leases {
		if err := l.startAuth(noting); err != nil {
			return nil, err
		}
	}
	j, err := l.engine.Open(ctx, l.location, journals.Params{Hub: h.name, Retention: h.retention, Logger: h.log})
	if err != nil {
		return nil, err
	}
	positions, err := j.Positions(ctx)
	if err = cmp.Or(err, move.CheckWhole(ctx, j)); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	first = slices.Max(append(positions, 0)) == 0
	hub, err := chat.NewHub(chat.Config{Settings: l.settings, Journal: j, Logger: h.log})
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return &HubState{hub: hub, journal: j, place: l.journalPlace}, nil
}

// notesLocked returns whether it is to be logged that the hub is closed for this
// reason, or with nil that it is open: a new reason at once, an old one every hour.
// h.mu must be held.
func (h *sharedHub) notesLocked(closed error) bool {
	if !h.mayBeClosed {
		return false // the configuration is refused, and whoever loads it is told why
	}
	reason := ""
	if closed != nil {
		reason = closed.Error()
	}
	if reason == h.toldReason && (closed == nil || time.Since(h.toldAt) < repeatReason) {
		return false
	}
	h.toldReason, h.toldAt = reason, time.Now()
	return true
}

// tell logs what notesLocked has noted.
func (h *sharedHub) tell(closed error) {
	log := h.log.With(zap.String("hub", h.name), zap.String("journal", h.current.Load().location))
	var p *foreign.PanicError
	switch {
	case closed == nil:
		log.Info("the chat is open")
	case closed == errOpening:
		log.Warn("the chat is closed while its journal is being opened")
	case errors.As(closed, &p):
		log.Error(closedMessage, zap.Error(closed), zap.ByteString("stack", p.Stack))
	default:
		log.Error(closedMessage, zap.Error(closed))
	}
}

const closedMessage = "the chat is closed until this is mended; it tries again every few seconds"

// retention returns how much is kept of a room by the current settings.
func (h *sharedHub) retention(room string) journal.Retention {
	l := h.current.Load()
	if keep, ok := l.settings.Policies.Retention(room); ok {
		return keep
	}
	return l.limits.Retention.ToChat()
}

// configureLocked makes the settings of l the current ones. h.mu must be held, so
// that settings apply in the order of their configurations. A hub that is open
// elsewhere is values.Replaced, which happens if a configuration that moved it is refused
// after all; the caller must close it.
func (h *sharedHub) configureLocked(l *lease) (replaced *HubState) {
	s := h.state.Load()
	if s.hub == nil && h.opening != nil {
		h.openLocked(l)
		return nil
	}
	if l.checkPlace(s) != nil {
		h.openLocked(l)
		return s
	}
	changed := h.current.Swap(l) != l
	limitedlog.Redirect(h.log, l.logger)
	if s.hub == nil {
		return nil
	}
	s.hub.Configure(l.settings)
	l.renewAccess(s)
	if changed {
		h.retireLocked(s.hub)
	}
	if j, ok := s.journal.(interface{ SetMaxBytes(int64) }); ok {
		j.SetMaxBytes(l.limits.MaxSize)
	}
	return nil
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
		permitted = append(permitted, l.origins...)
	}
	h.mu.Unlock()
	if hub := h.state.Load().hub; hub != nil && len(permitted) > 0 {
		hub.ReviewOrigins(permitted...)
	}
}

// release ends the lease. The settings of the newest remaining lease become the
// current ones; if there is none, the hub is closed. It must be called once.
func (l *lease) release() error {
	h := l.hub
	h.mu.Lock()
	h.leases = slices.DeleteFunc(h.leases, func(other *lease) bool { return other == l })
	var replaced *HubState
	before := h.opening
	if n := len(h.leases); n > 0 {
		replaced = h.configureLocked(h.leases[n-1])
	}
	after := h.opening
	h.mu.Unlock()
	if before != nil && before != after {
		before.giveUp() // this configuration was refused: its journal must not stay open
	}
	h.reviewOrigins()
	_, err := hubs.Delete(h.name)
	return errors.Join(err, replaced.close())
}

// leaveOnExit is called when a server shuts down. On a reload it does nothing. When
// the process ends, it says goodbye to all clients at once, so that Caddy does not
// wait for their streams.
func (l *lease) leaveOnExit() {
	if hub := l.hub.state.Load().hub; hub != nil && caddy.Exiting() {
		hub.Leave()
	}
}

// Destruct implements caddy.Destructor. The pool calls it when the last lease has
// been released.
func (h *sharedHub) Destruct() error {
	h.mu.Lock()
	s, o := h.state.Swap(&HubState{closed: errReleased}), h.opening
	h.opening = nil
	h.mu.Unlock()
	if o != nil {
		o.giveUp()
	}
	return s.close()
}
