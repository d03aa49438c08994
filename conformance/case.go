package conformance

import (
	"context"
	"crypto/rand"
	"net/url"
	"slices"
	"testing"
)

// TB is what a case needs of a test: a part of [testing.TB] that can also be
// implemented by something that watches cases fail. Fatalf and Skipf must not
// return; Fatalf is called by the goroutine that runs the case, only.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
	Cleanup(func())
}

// Case is one thing that a server owes.
type Case struct {
	Group string // "relay"
	Name  string // in plain words
	Rule  string // where it is demanded: "RFC 6455 section 5.4"
	run   func(*trial)
}

// Run puts the target through the case.
func (c Case) Run(tb TB, target Target) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	tb.Cleanup(cancel)
	c.run(&trial{
		TB:     ruledTB{tb, c.Rule},
		ctx:    ctx,
		target: target.withDefaults(),
		room:   "conformance " + rand.Text(),
	})
}

// Cases returns all cases, each group in one piece.
func Cases() []Case {
	return slices.Concat(
		handshakeCases(),
		roomNameCases(),
		earlyCases(),
		relayCases(),
		historyCases(),
		controlCases(),
		exchanges("framing", framing),
		sizeCases(),
		exchanges("unicode", unicodeTable()),
		exchanges("closing", closingTable()),
		exchanges("violations", violationTable()),
		violationCases(),
		crowdCases(),
	)
}

// Run puts the target through all cases, as parallel subtests. It returns when
// all have ended, so that the caller may then stop the server.
func Run(t *testing.T, target Target) {
	cases := Cases()
	for len(cases) > 0 {
		group := cases[0].Group
		n := 0
		for n < len(cases) && cases[n].Group == group {
			n++
		}
		t.Run(group, func(t *testing.T) { runGroup(t, target, cases[:n]) })
		cases = cases[n:]
	}
}

func runGroup(t *testing.T, target Target, cases []Case) {
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			c.Run(t, target)
		})
	}
}

// ruledTB adds to each failure where the demand is written.
type ruledTB struct {
	TB
	rule string
}

func (tb ruledTB) Errorf(format string, args ...any) {
	tb.Helper()
	tb.TB.Errorf(format+" (%s)", append(args, tb.rule)...)
}

func (tb ruledTB) Fatalf(format string, args ...any) {
	tb.Helper()
	tb.TB.Fatalf(format+" (%s)", append(args, tb.rule)...)
}

// trial is one run of one case.
type trial struct {
	TB
	ctx    context.Context // ends with the trial
	target Target
	room   string // nobody else's
}

// query asks for the trial's room.
func (t *trial) query() string { return "room=" + url.QueryEscape(t.room) }

// join adds a member to the trial's room. It is a member when join returns. The
// name is for the report of failures.
func (t *trial) join(name string) *client {
	t.Helper()
	return t.joinWith(name, t.query())
}

// joinWith connects a client with a query of its own.
func (t *trial) joinWith(name, query string) *client {
	t.Helper()
	c := t.connect(name, query)
	// A server may answer the handshake before it has put the newcomer into the
	// room. But it must not hear a frame before that, else whoever speaks at
	// once would speak to nobody.
	c.ping("joined")
	c.expectPong("joined")
	return c
}

// connect opens a WebSocket and waits for the answer to its handshake only.
func (t *trial) connect(name, query string) *client {
	t.Helper()
	if t.target.Connect == nil {
		return t.upgrade(name, newRequest(t.target, query))
	}
	conn, err := t.target.Connect(t.ctx, query)
	if err != nil {
		t.Fatalf("%s connects: %v", name, err)
	}
	return newClient(t, name, conn, nil)
}
