package conformance

import (
	"context"
	"crypto/rand"
	"net/url"
)

// TB is the part of [testing.TB] that a case needs. Tests of this package
// implement it to record failures. Fatalf and Skipf must not return; only the
// goroutine that runs the case calls Fatalf.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
	Cleanup(func())
}

// Case tests one requirement on a server.
type Case struct {
	Group string // "relay"
	Name  string // what the server must do
	Rule  string // where that is written: "RFC 6455 section 5.4"
	run   func(*caseRun)
}

// The rules that more than one case cites.
const (
	ruleRelay    = "design: one room, two dialects"
	ruleFrame    = "RFC 6455 section 5.2"
	ruleMask     = "RFC 6455 section 5.1"
	ruleFragment = "RFC 6455 section 5.4"
	ruleControl  = "RFC 6455 section 5.5"
	ruleUTF8     = "RFC 6455 section 8.1"
	ruleTooBig   = "issue 2; RFC 6455 sections 7.4.1 and 10.4"
)

// Run runs the case against the target.
func (c Case) Run(tb TB, target Target) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	tb.Cleanup(cancel)
	c.run(&caseRun{
		TB:     ruleTB{tb, c.Rule},
		ctx:    ctx,
		target: target.withDefaults(),
		room:   "conformance " + rand.Text(),
	})
}

// caseRun is one run of one case.
type caseRun struct {
	TB
	ctx    context.Context // ends with the run
	target Target
	room   string // no other run uses it
}

// query names the run's room.
func (t *caseRun) query() string { return "room=" + url.QueryEscape(t.room) }

// ruleTB adds the rule to every failure.
type ruleTB struct {
	TB
	rule string
}

func (tb ruleTB) Errorf(format string, args ...any) {
	tb.Helper()
	tb.TB.Errorf(format+" (%s)", append(args, tb.rule)...)
}

func (tb ruleTB) Fatalf(format string, args ...any) {
	tb.Helper()
	tb.TB.Fatalf(format+" (%s)", append(args, tb.rule)...)
}
