package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// says is a Checker that answers with a verdict, after some time.
type says struct {
	Verdict
	after time.Duration
	open  atomic.Int32
	most  atomic.Int32
}

func (s *says) Check(ctx context.Context, _ *Question) (Verdict, error) {
	s.most.Store(max(s.most.Load(), s.open.Add(1)))
	defer s.open.Add(-1)
	select {
	case <-time.After(s.after):
		return s.Verdict, nil
	case <-ctx.Done():
		return Verdict{}, ctx.Err()
	}
}

func of(name string, kind Kind, pass bool) *Check {
	return New(Config{Name: name, Checker: &says{Verdict: Verdict{Kind: kind, Body: []byte(`1`), Otherwise: Refuse}}, PassOnError: pass})
}

// The first that does not pass decides; one without a verdict passes only if it may.
func TestChain_TheFirstThatDoesNotPass_Decides(t *testing.T) {
	for name, c := range map[string]struct {
		chain Chain
		want  string
	}{
		"none":                     {nil, ""},
		"all pass":                 {Chain{of("a", Pass, false), of("b", Pass, false)}, ""},
		"the second refuses":       {Chain{of("a", Pass, false), of("b", Refuse, false), of("c", Change, false)}, "refused"},
		"the first changes":        {Chain{of("a", Change, false), of("b", Refuse, false)}, "1"},
		"the first wants a review": {Chain{of("a", Review, false), of("b", Refuse, false)}, "review a"},
		"no verdict":               {Chain{of("a", 0, false), of("b", Pass, false)}, "a: unavailable"},
		"no verdict passes":        {Chain{of("a", 0, true), of("b", Pass, false)}, "a: unchecked a"},
		"another decides":          {Chain{of("a", Abstain, false), of("b", Pass, false)}, ""},
		"no other decides":         {Chain{of("b", Pass, false), of("a", Abstain, false)}, "refused"},
		"then another refuses":     {Chain{of("a", 0, true), of("b", Refuse, false)}, "a: refused"},
	} {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			o, err := c.chain.Ask(t.Context(), Asking{
				Question: &Question{About: Send, Room: "r"},
				Fits:     func(json.RawMessage) error { return nil },
			}, func(of *Check, _ error) { got.WriteString(of.Name + ": ") })
			switch {
			case err != nil:
				got.WriteString(err.Error()[:strings.IndexAny(err.Error()+":", ": ")])
			case o.Body != nil:
				got.Write(o.Body)
			case o.Review != "":
				got.WriteString("review " + o.Review)
			case len(o.Unchecked) > 0:
				got.WriteString("unchecked " + strings.Join(o.Unchecked, " "))
			}
			if got.String() != c.want {
				t.Errorf("%q, not %q", got.String(), c.want)
			}
		})
	}
}

// Who reads a body with a field twice might take another one of the two than a check: it is refused before
// anybody is asked, where somebody would be, and passes elsewhere.
func TestChain_FieldTwice_IsRefusedWhereACheckIsAsked(t *testing.T) {
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, `"f%d":1,`, i)
	}
	for body, twice := range map[string]bool{
		`{"text":"a","text":"b"}`:                               true,
		`{"text":"a","t\u0065xt":"b"}`:                          true,
		`[{"x":{"a":1,"b":{},"a":[]}}]`:                         true,
		`{` + many.String() + `"f7":1}`:                         true,
		`{"a":{"a":{"a":1}},"b":{"a":1},"A":[{"a":1},{"a":1}]}`: false,
		`{` + many.String() + `"":1,"x":{"f1":1}}`:              false,
		`["a","a"]`: false, `"a"`: false, `null`: false, `12345678901234567890`: false,
	} {
		elsewhere := New(Config{Name: "elsewhere", Checker: &says{Verdict: Verdict{Kind: Refuse}}, Rooms: []string{"b"}})
		for name, chain := range map[string]Chain{"asked": {elsewhere, of("a", Pass, false)}, "elsewhere": {elsewhere}, "none": nil} {
			_, err := chain.Ask(t.Context(), Asking{Question: &Question{About: Send, Room: "a", Body: []byte(body)}}, nil)
			var e *wire.Error
			if refused := errors.As(err, &e) && e.Code == wire.BadFrame; refused != (twice && name == "asked") || !refused && err != nil {
				t.Errorf("%s: %.40s: %v", name, body, err)
			}
		}
	}
}

// Another body is held to what a client may send: what could break a reader is no verdict.
func TestChain_AnotherBody_ThatNoClientMaySend(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for body, good := range map[string]bool{
		`{"text":"x"}`: true, `"x"`: true, `null`: true, nested(31): true,
		``: false, `x`: false, `1}`: false, `1,"body":2`: false, `1,"seq":2`: false, nested(32): false, nested(5000): false,
		`"\ud800"`: false, "\"\xff\"": false, `1e999`: false, strings.Repeat("1", 33): false,
	} {
		c := New(Config{Checker: &says{Verdict: Verdict{Kind: Change, Body: []byte(body)}}})
		v, err := c.ask(t.Context(), &Asking{Question: &Question{About: Send}, Fits: func(json.RawMessage) error { return nil }})
		if good != (err == nil) || good && string(v.Body) != body {
			t.Errorf("%.20q: %.20q, %v", body, v.Body, err)
		}
	}
}

// No more questions are open than may be, and of those of one person half at most; who waits too long for a place has no verdict, and that is not a failure of
// the one that is asked. All of it is counted.
func TestCheck_AtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &says{Verdict: Verdict{Kind: Pass}, after: time.Second}
		c := New(Config{Checker: slow, AtOnce: 6, Timeout: 2500 * time.Millisecond})
		results := make(chan error)
		ask := func(who string) {
			_, err := c.ask(t.Context(), &Asking{Question: &Question{About: Send}, By: access.Person{User: who}})
			results <- err
		}
		for range 10 {
			go ask("greedy")
		}
		synctest.Wait()
		if n := slow.open.Load(); n != 3 || c.Figures().Waiting != 7 {
			t.Errorf("one person has %d questions open; %+v", n, c.Figures())
		}
		for _, other := range []string{"ben", "cy", "dee", "eve"} {
			go ask(other)
			synctest.Wait()
		}
		if n := slow.open.Load(); n != 6 {
			t.Errorf("with four others %d questions are open", n)
		}
		var errs []error
		for range 14 {
			errs = append(errs, <-results)
		}
		synctest.Wait()
		busy := slices.DeleteFunc(errs, func(err error) bool { return err == nil })
		got := c.Figures()
		if len(busy) != 5 || slow.most.Load() != 6 || c.failed > 0 || c.places.held.Taken() != 0 {
			t.Errorf("%v had no verdict, %d were open, %d failures, %v", busy, slow.most.Load(), c.failed, c.places)
		}
		if got.Asked < 12 || got.Verdicts[Pass] != 9 || got.Verdicts[0] != 5 || got.Waiting != 0 || got.Time < 9*time.Second {
			t.Errorf("%+v", got)
		}
	})
}

// One person whose questions are all slow holds up nobody else.
func TestPlaces_TheGreatestHolder_WaitsFirst(t *testing.T) {
	p := newPlaces(4)
	take := func(who string) bool {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := p.take(ended, access.Person{User: who})
		return err == nil
	}
	got := ""
	for _, step := range strings.Fields("+a +a +a +b +c +d +e -b +a +e -a +d") {
		who := step[1:]
		if step[0] == '-' {
			p.give(access.Person{User: who})
		} else if take(who) {
			got += who
		}
	}
	if got != "aabced" {
		t.Errorf("places are given to %q", got)
	}
}

// A text for people has no more than that in it.
func TestRefusal_IsText(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "this was not accepted",
		" \n":                    "this was not accepted",
		"no\r\nad\u202everts":    "no  ad verts",
		strings.Repeat("虹", 300): strings.Repeat("虹", 200),
		"a\xffb":                 "a�b",
	} {
		if got := refusal(in).Message; got != want && (in != "" && strings.TrimSpace(in) != "") {
			t.Errorf("%q is shown as %q", in, got)
		}
	}
}

// fails is a Checker whose answers are errors.
type fails struct{ err error }

func (f fails) Check(context.Context, *Question) (Verdict, error) { return Verdict{}, f.err }

// A check rests for all only if it fails for several people in a row. What one of them causes
// costs that one alone: texts that a program does not bear, and bodies that do not fit.
func TestCheck_Rests_OnlyIfItFailsForSeveral(t *testing.T) {
	broken, unfit := fails{errors.New("broken")}, fails{fmt.Errorf("long: %w", ErrUnfit)}
	long := &says{Verdict: Verdict{Kind: Change, Body: []byte(`"` + strings.Repeat("x", MaxAnswer) + `"`)}}
	odd := &says{Verdict: Verdict{Kind: Change, Body: []byte(`{`)}}
	for name, c := range map[string]struct {
		checker Checker
		who     string // each asks in turn
		byKey   bool
		rests   bool
	}{
		"one":                          {broken, "a", false, false},
		"two":                          {broken, "a b", false, false},
		"three":                        {broken, "a b c", false, true},
		"three by a key":               {broken, "a b c", true, true},
		"one by a key":                 {broken, "a", true, false},
		"an answer that is too long":   {unfit, "a b c", false, false},
		"a body that is too long":      {long, "a b c", false, false},
		"a body that no client sends":  {odd, "a b c", false, false},
		"three, and one has a verdict": {&everyThird{}, "a b c", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			check := New(Config{Name: "c", Checker: c.checker})
			who := strings.Fields(c.who)
			for i := range 12 {
				a := Asking{Question: &Question{About: Send, From: journal.User{ID: who[i%len(who)]}}, By: access.Person{User: who[i%len(who)]}, ByKey: c.byKey, Fits: func(json.RawMessage) error { return nil }}
				if c.byKey {
					a.By = access.Person{User: "bot-k"}
				}
				check.ask(t.Context(), &a)
			}
			if check.isResting() != c.rests {
				t.Errorf("it rests: %v", check.isResting())
			}
		})
	}
}

// bears is a program that does not bear some texts, and may be down.
type bears struct {
	not   string
	down  bool
	asked []Question
}

func (b *bears) Check(_ context.Context, q *Question) (Verdict, error) {
	b.asked = append(b.asked, *q)
	if b.down || strings.Contains(string(q.Body)+q.From.Name+q.Device+q.Key, b.not) {
		return Verdict{}, errors.New("broken")
	}
	return Verdict{Kind: Pass}, nil
}

// Several people together cannot make a check rest with what its program does not bear, be it in a text,
// a name or anything else of theirs; once there was a verdict on anything of the kind. If the program is down,
// it rests.
func TestCheck_Rests_NotForWhatItDoesNotBear(t *testing.T) {
	ask := func(c *Check, about About, who, text string) {
		q := &Question{About: about, Room: "r", From: journal.User{ID: who, Name: text}, Device: text, Key: text, Body: []byte(text)}
		c.ask(t.Context(), &Asking{Question: q, By: access.Person{User: who}, Fits: func(json.RawMessage) error { return nil }})
	}
	for name, c := range map[string]struct {
		about  About
		before string // what ann says before
		rests  bool
	}{
		"a text":                         {Send, `"hi"`, false},
		"a text in an object":            {Send, `{"text":"hi"}`, false},
		"an edit":                        {Edit, `{"text":"hi"}`, false},
		"a name":                         {Name, "Ann", false},
		"nothing had a verdict before":   {Send, "", true},
		"what was before, was not borne": {Send, `"evil"`, true},
	} {
		t.Run(name, func(t *testing.T) {
			program := &bears{not: "evil"}
			check := New(Config{Name: "c", Checker: program})
			if c.before != "" {
				ask(check, c.about, "ann", c.before)
			}
			for round := range 3 {
				for i := range 4 * maxFailed {
					ask(check, c.about, []string{"x", "y", "z"}[i%3], `{"evil":1}`)
				}
				if check.isResting() != c.rests {
					t.Fatalf("round %d: it rests: %v", round, check.isResting())
				}
			}
			for _, q := range program.asked[min(1, len(program.asked)-1):] {
				if !c.rests && q.From.ID == "ann" && strings.Contains(string(q.Body), "hi") {
					t.Errorf("asked again what somebody said: %s", q.Body)
				}
			}
			if !c.rests {
				program.down = true
				for i := range maxFailed {
					ask(check, c.about, []string{"x", "y", "z"}[i%3], `"fine"`)
				}
				if !check.isResting() {
					t.Error("the program is down, and it does not rest")
				}
			}
		})
	}
}

// everyThird fails but for each third question.
type everyThird struct{ n int }

func (e *everyThird) Check(context.Context, *Question) (Verdict, error) {
	if e.n++; e.n%3 == 0 {
		return Verdict{Kind: Pass}, nil
	}
	return Verdict{}, errors.New("broken")
}

// Where what has no verdict passes, nobody gets past the check by asking it too much, nor by saying
// what cannot be changed as it wants. Whom others crowd out still passes.
func TestChain_PassOnError_IsNothingToBringAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &says{Verdict: Verdict{Kind: Refuse}, after: 900 * time.Millisecond}
		chain := Chain{New(Config{Name: "c", Checker: slow, AtOnce: 4, Timeout: time.Second, PassOnError: true})}
		ask := func(who string) string {
			_, err := chain.Ask(t.Context(), Asking{Question: &Question{About: Send}, By: access.Person{User: who}}, func(*Check, error) {})
			var e *wire.Error
			if errors.As(err, &e) {
				return e.Code.String()
			}
			return "passes"
		}
		got := make(chan string)
		for range 8 { // two are asked at once; two when these are answered, too late; the others never
			go func() { got <- ask("greedy") }()
		}
		counts := map[string]int{}
		for range 8 {
			counts[<-got]++
		}
		if counts["passes"] > 0 || counts["refused"] != 2 || counts["unavailable"] != 6 {
			t.Errorf("who floods is answered %v", counts)
		}
		for _, who := range []string{"a", "b", "c", "d"} {
			go func() { got <- ask(who) }()
		}
		synctest.Wait()
		if crowded := ask("e"); crowded != "passes" {
			t.Errorf("who is crowded out by others: %s", crowded)
		}
		for range 4 {
			<-got
		}
	})
	for name, checker := range map[string]Checker{
		"long answer": fails{ErrUnfit}, "odd body": &says{Verdict: Verdict{Kind: Change, Body: []byte(`{`)}}, "body that does not fit": &says{Verdict: Verdict{Kind: Change, Body: []byte(`1`)}},
	} {
		chain := Chain{New(Config{Name: "c", Checker: checker, PassOnError: true})}
		_, err := chain.Ask(t.Context(), Asking{Question: &Question{About: Send}, Fits: func(json.RawMessage) error { return errors.New("no") }}, func(*Check, error) {})
		var e *wire.Error
		if !errors.As(err, &e) || e.Code != wire.Refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Guests at 600 addresses of one network hold up nobody elsewhere, and do not get past a check
// that passes on errors by asking it too much.
func TestPlaces_OneNetwork_LeavesPlacesForOthers(t *testing.T) {
	p := newPlaces(64)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	at := func(i int) access.Person {
		return access.PersonAt(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 6: byte(i >> 8), 7: byte(i)}))
	}
	n := 0
	for i := range 600 {
		own, err := p.take(ended, at(i))
		if err == nil {
			n++
		} else if !own {
			t.Fatalf("address %d is refused as if others were to blame", i)
		}
	}
	if n != 32 {
		t.Errorf("one network has %d places of 64", n)
	}
	for _, who := range []access.Person{access.PersonAt(netip.MustParseAddr("192.0.2.1")), {User: "ann"}, {User: "bot-key"}} {
		if own, err := p.take(ended, who); own || err != nil {
			t.Errorf("%v: %v", who, err)
		}
	}
}
