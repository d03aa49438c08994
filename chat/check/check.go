package check

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/internal/foreign"
)

// Config is what a Check is made of.
type Config struct {
	Name    string // for logs and metrics
	Checker Checker

	// Rooms are patterns of the rooms whose acts are checked: see access.CheckPattern.
	// None: all, and names of users, too.
	Rooms []string

	// Timeout is how long a verdict may take, with the wait until it is asked for.
	// Default 2 s, at most 10 s.
	Timeout time.Duration

	// AtOnce bounds how many questions are open. Others wait. Default 64, at most 1024.
	AtOnce int

	// PassOnError lets pass what there is no verdict on. Otherwise it is refused as
	// unavailable, and clients say it again.
	PassOnError bool

	// Keys says that what service keys say is checked, too.
	Keys bool
}

// Check is one that is asked. Its methods may be called concurrently.
type Check struct {
	Config               // fixed
	places chan struct{} // one for each question that is open; fixed

	mu     sync.Mutex // guards the rest; a leaf
	failed int        // questions in a row without a verdict
	rest   time.Time  // until which nobody is asked
}

// Bounds of Config.
const (
	MaxTimeout = 10 * time.Second
	MaxAtOnce  = 1024
	MaxAnswer  = 64 << 10 // bytes of a changed body
)

// New returns a check, with the defaults filled in.
func New(cfg Config) *Check {
	if cfg.Timeout <= 0 {
		cfg.Timeout = 2 * time.Second
	}
	if cfg.AtOnce <= 0 {
		cfg.AtOnce = 64
	}
	cfg.Timeout, cfg.AtOnce = min(cfg.Timeout, MaxTimeout), min(cfg.AtOnce, MaxAtOnce)
	return &Check{Config: cfg, places: make(chan struct{}, cfg.AtOnce)}
}

// Why there is no verdict.
var (
	errResting   = errors.New("it gave no verdict five times in a row, and is not asked for 10 s")
	errBusy      = errors.New("too many questions are open")
	errNoVerdict = errors.New("the answer is no verdict that applies here")
)

const (
	maxFailed = 5
	restTime  = 10 * time.Second
)

// ask returns the verdict, or why there is none. It waits until the timeout at most, or
// until ctx ends: then somebody has gone, and that is nobody's failure.
func (c *Check) ask(ctx context.Context, q *Question) (Verdict, error) {
	if c.rests() {
		return Verdict{}, errResting
	}
	within, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	select {
	case c.places <- struct{}{}:
	case <-within.Done():
		return Verdict{}, cmp.Or(ctx.Err(), errBusy)
	}
	asked := time.Now()
	// Who does not return when ctx ends keeps the place: there are never more of them.
	v, err := foreign.Call(within, func() (Verdict, error) {
		defer func() { <-c.places }()
		return c.Checker.Check(within, q)
	}, nil)
	if err == nil {
		err = v.check(q)
	}
	switch {
	case ctx.Err() != nil:
		return Verdict{}, ctx.Err()
	case within.Err() != nil:
		err = fmt.Errorf("no verdict within %v", c.Timeout)
		if time.Since(asked) < c.Timeout/2 {
			return Verdict{}, err // the wait for a place has left it little time
		}
	}
	c.note(err == nil)
	return v, err
}

// check returns why a verdict is none, or nil.
func (v *Verdict) check(q *Question) error {
	switch {
	case v.Kind == Pass, v.Kind == Refuse, v.Kind == Review:
		return nil
	case v.Kind == Change && (q.About == Send || q.About == Edit) && json.Valid(v.Body) && len(v.Body) <= MaxAnswer:
		return nil
	}
	return errNoVerdict
}

// rests reports whether nobody is asked now.
func (c *Check) rests() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Before(c.rest)
}

// note counts questions in a row without a verdict.
func (c *Check) note(answered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if answered {
		c.failed = 0
		return
	}
	if c.failed++; c.failed >= maxFailed {
		c.rest = time.Now().Add(restTime)
	}
}

// covers reports whether it is asked about what is said in a room, or, without a room, about
// names.
func (c *Check) covers(room string, byKey bool) bool {
	if byKey && !c.Keys {
		return false
	}
	return len(c.Rooms) == 0 || room != "" && slices.ContainsFunc(c.Rooms, func(pattern string) bool {
		return access.Matches(pattern, room)
	})
}
