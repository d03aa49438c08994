package check

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Chain is several checks, asked in this order.
type Chain []*Check

// Applies reports whether any of them is asked about what is said in a room, or, without
// a room, about names.
func (c Chain) Applies(room string, byKey bool) bool {
	return slices.ContainsFunc(c, func(one *Check) bool { return one.covers(room, byKey) })
}

// Outcome is what becomes of what was asked about, unless it is refused.
type Outcome struct {
	Body      json.RawMessage // to be shown instead, or nil
	Review    string          // the check that wants somebody to look at it, or empty
	Unchecked []string        // the checks that let it pass without a verdict
}

// Ask asks those that cover the question, one after the other: the first that does not
// pass it decides. It returns a *wire.Error with the code refused; or unavailable, if one
// has no verdict and does not pass then, or because of the user; or bad_frame, if they could judge another text than
// readers see; or the error of ctx. failed is told of each that gives no verdict.
func (c Chain) Ask(ctx context.Context, a Asking, failed func(c *Check, why error)) (Outcome, error) {
	var o Outcome
	if len(a.Body) > 0 && c.Applies(a.Room, a.ByKey) && fieldTwice(json.NewDecoder(bytes.NewReader(a.Body))) {
		e := wire.BadFrame.Error("")
		e.Message = "an object of the body has a field twice: a check and readers might take another one of the two"
		return Outcome{}, e
	}
	for i, one := range c {
		if !one.covers(a.Room, a.ByKey) {
			continue
		}
		v, err := one.ask(ctx, &a)
		if err == nil && v.Kind == Abstain && !c[i+1:].Applies(a.Room, a.ByKey) {
			v.Kind = v.Otherwise
		}
		switch {
		case ctx.Err() != nil:
			return Outcome{}, ctx.Err()
		case err != nil:
			failed(one, err)
			if !one.PassOnError || err == errOwnBusy { // nobody gets past a check by asking it too much
				return Outcome{}, wire.Unavailable.Error("")
			}
			if errors.Is(err, ErrUnfit) { // it must not be shown as it is
				return Outcome{}, refusal("")
			}
			o.Unchecked = append(o.Unchecked, one.Name)
		case v.Kind == Refuse:
			return Outcome{}, refusal(v.Message)
		case v.Kind == Change:
			o.Body = v.Body
			return o, nil
		case v.Kind == Review:
			o.Review = one.Name
			return o, nil
		}
	}
	return o, nil
}

// fieldTwice reports whether an object of the JSON value that comes next has two fields of one name,
// or the value is not valid.
func fieldTwice(in *json.Decoder) bool {
	begin, err := in.Token()
	delim, several := begin.(json.Delim)
	if err != nil || !several {
		return err != nil
	}
	seen := map[json.Token]bool{}
	for in.More() {
		if delim == '{' {
			name, err := in.Token()
			if err != nil || seen[name] {
				return true
			}
			seen[name] = true
		}
		if fieldTwice(in) {
			return true
		}
	}
	_, err = in.Token()
	return err != nil
}

// maxMessage bounds the text of a refusal, in characters.
const maxMessage = 200

// refusal is the error for the user. What the check says is shown as it is, but for its
// length and characters that could do harm.
func refusal(message string) *wire.Error {
	e := wire.Refused.Error("")
	message = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(message, "�"))
	if runes := []rune(strings.TrimSpace(message)); len(runes) > 0 {
		e.Message = string(runes[:min(len(runes), maxMessage)])
	}
	return e
}

// Succeed lets the checks go on counting where others of the same names stopped.
func (c Chain) Succeed(others Chain) {
	for _, one := range c {
		for _, other := range others {
			if one.Name == other.Name {
				one.counts.Store(other.counts.Load())
			}
		}
	}
}

// Use gives the records of the hub to those that need them.
func (c Chain) Use(records journal.Records) {
	for _, one := range c {
		if r, ok := one.Checker.(Recorder); ok {
			r.Use(records)
		}
	}
}
