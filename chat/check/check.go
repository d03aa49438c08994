package check

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/wire"
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

	// AtOnce bounds how many questions are open. Others wait. One user has at most half of
	// them, and fewer when others have some. Default 64, at most 1024.
	AtOnce int

	// PassOnError lets pass what there is no verdict on. Otherwise it is refused as
	// unavailable, and clients say it again. It does not let pass what has no verdict because
	// its user has too many questions open, nor what cannot be changed as the Checker wants.
	PassOnError bool

	// Keys says that what service keys say is checked, too.
	Keys bool
}

// Check is one that is asked. Its methods may be called concurrently.
type Check struct {
	Config         // fixed
	places *places // one for each question that is open; fixed
	counts atomic.Pointer[counts]

	mu     sync.Mutex      // guards the rest; a leaf
	failed int             // questions in a row without a verdict
	of     []access.Person // whose they were; at most restPeople
	rest   time.Time       // until which nobody is asked
	borne  *Question       // a harmless one like the last that had a verdict; nil: there was none
	trying bool            // borne is asked
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
	c := &Check{Config: cfg, places: newPlaces(cfg.AtOnce)}
	c.counts.Store(new(counts))
	return c
}

// Why there is no verdict.
var (
	errResting   = errors.New("it gave no verdict five times in a row, to several people, nor on a harmless question, and is not asked for 10 s")
	errBusy      = errors.New("too many questions are open")
	errOwnBusy   = errors.New("too many questions of the same user or network are open")
	errNoVerdict = errors.New("the answer is no verdict that applies here")
)

// ErrUnfit says that there is a verdict, to change what was asked about, and that this cannot be
// shown: it is too long, or no client could send it. So nothing is shown. That says nothing
// of the Checker, since whoever is asked about can cause it.
var ErrUnfit = errors.New("what it is to be changed to does not fit")

// A checker that fails for everybody is not asked for a while, and nobody waits for it. Users can say
// what a program does not bear, alone or together: that is no reason. So before it rests, it is asked a
// question that nobody has thought out: like one that had a verdict, with another text.
const (
	maxFailed  = 5
	restPeople = 3
	restTime   = 10 * time.Second
)

// ask returns the verdict, or why there is none. It waits until the timeout at most, or
// until ctx ends: then somebody has gone, and that is nobody's failure.
func (c *Check) ask(ctx context.Context, a *Asking) (v Verdict, err error) {
	began := time.Now()
	defer func() {
		n := c.counts.Load()
		n.time.Add(int64(time.Since(began)))
		switch {
		case err == nil:
			n.verdicts[v.Kind].Add(1)
		case ctx.Err() == nil:
			n.verdicts[0].Add(1)
		}
	}()
	if c.isResting() {
		return Verdict{}, errResting
	}
	within, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	own, err := c.places.take(within, a.By)
	if err != nil {
		return Verdict{}, cmp.Or(ctx.Err(), busy(own))
	}
	c.counts.Load().asked.Add(1)
	asked := time.Now()
	question := func() (Verdict, error) {
		defer c.places.give(a.By)
		return c.Checker.Check(within, a.Question)
	}
	if _, ok := c.Checker.(Prompt); ok {
		v, err = foreign.Here(question)
	} else { // who does not return when ctx ends keeps the place: there are never more of them
		v, err = foreign.Call(within, question, nil)
	}
	if err == nil {
		err = v.check(a)
	}
	switch {
	case ctx.Err() != nil:
		return Verdict{}, ctx.Err()
	case within.Err() != nil:
		err = fmt.Errorf("no verdict within %v", c.Timeout)
		if own {
			return Verdict{}, errOwnBusy
		}
		if time.Since(asked) < c.Timeout/2 {
			return Verdict{}, err // the wait for a place has left it little time
		}
	}
	if err == nil || errors.Is(err, ErrUnfit) {
		c.answered(a, v.Kind)
	} else if tries, rests := c.failedFor(a); rests {
		c.rests(tries == nil || !c.bears(ctx, tries))
	}
	return v, err
}

// busy is the error of who got no place, because of others or by themselves.
func busy(own bool) error {
	if own {
		return errOwnBusy
	}
	return errBusy
}

// check returns why a verdict is none, or nil.
func (v *Verdict) check(a *Asking) error {
	switch {
	case v.Kind == Pass, v.Kind == Refuse, v.Kind == Review, v.Kind == Abstain && (v.Otherwise == Pass || v.Otherwise == Refuse):
		return nil
	case v.Kind == Change && (a.About == Send || a.About == Edit):
		// What could break a client comes from nobody.
		if len(v.Body) > MaxAnswer || wire.CheckBody(v.Body) != nil || a.Fits(v.Body) != nil {
			return ErrUnfit
		}
		return nil
	}
	return errNoVerdict
}

// isResting reports whether nobody is asked now.
func (c *Check) isResting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Before(c.rest)
}

// answered notes that there is a verdict.
func (c *Check) answered(a *Asking, kind Kind) {
	harmless := harmlessLike(a.Question)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed, c.of = 0, c.of[:0]
	if harmless != nil && kind != Abstain { // otherwise nobody may have been asked
		c.borne = harmless
	}
}

// failedFor notes that there is no verdict, and for whom. It reports whether it is to rest; then it
// returns what is to be asked before.
func (c *Check) failedFor(a *Asking) (tries *Question, rests bool) {
	by := a.By
	if a.ByKey { // which may speak for many
		by = access.Person{User: a.From.ID}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.of) < restPeople && !slices.Contains(c.of, by) {
		c.of = append(c.of, by)
	}
	if c.failed++; c.failed < maxFailed || len(c.of) < restPeople || c.trying {
		return nil, false
	}
	c.trying = c.borne != nil
	return c.borne, true
}

// bears asks a harmless question, and reports whether there is a verdict on it.
func (c *Check) bears(ctx context.Context, q *Question) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Timeout) // who has asked may go
	defer cancel()
	if _, err := c.places.take(ctx, access.Person{}); err != nil {
		return false
	}
	v, err := foreign.Call(ctx, func() (Verdict, error) {
		defer c.places.give(access.Person{})
		return c.Checker.Check(ctx, q)
	}, nil)
	a := Asking{Question: q, Fits: func(json.RawMessage) error { return nil }}
	if err == nil {
		err = v.check(&a)
	}
	return v.Kind != Abstain && err == nil || errors.Is(err, ErrUnfit)
}

// rests lets it rest, or says that there is no reason.
func (c *Check) rests(now bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trying = false
	if now {
		c.rest = time.Now().Add(restTime)
	} else {
		c.failed, c.of = 0, c.of[:0]
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

// Figures returns what the check has done.
func (c *Check) Figures() Figures {
	n := c.counts.Load()
	f := Figures{Name: c.Name, Asked: n.asked.Load(), Verdicts: map[Kind]uint64{}, Time: time.Duration(n.time.Load()), Waiting: c.places.count()}
	for kind := range n.verdicts {
		f.Verdicts[Kind(kind)] = n.verdicts[kind].Load()
	}
	return f
}
