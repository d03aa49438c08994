package webhook

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"

	"github.com/caddychat/caddy-chat/chat/check"
)

// Checker asks a program of the site by a signed request: POST, with the question as JSON.
// The answer is 200 with a verdict:
//
//	{"verdict":"pass"}
//	{"verdict":"refuse","message":"no adverts"}
//	{"verdict":"change","body":{"text":"…"}}
//	{"verdict":"review"}
//
// Anything else is no verdict: another status, a redirect, or an answer that is not this JSON. One
// that begins like it and is longer than check.MaxAnswer does not fit: see check.ErrUnfit. Its methods may be called concurrently.
type Checker struct{ client *client } // fixed

// NewChecker returns a checker, or what is wrong with the URL or the secrets: see Hook.
// Close must be called.
func NewChecker(at string, private bool, secrets []Secret, atOnce int) (*Checker, error) {
	h := &Hook{Name: "check", URL: at, Private: private, Secrets: secrets}
	if err := h.validate(); err != nil {
		return nil, err
	}
	transport := newTransport(h)
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = atOnce, atOnce
	return &Checker{newClient(h, transport)}, nil
}

// IsPrompt implements check.Prompt: requests end with their context.
func (*Checker) IsPrompt() {}

// Close closes the connections that are idle.
func (c *Checker) Close() { c.client.close() }

// question is a check.Question with who acts.
type question struct {
	*check.Question
	From asker `json:"from"`
}

type asker struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Avatar string `json:"avatar,omitempty"`
	Guest  bool   `json:"guest,omitempty"`
}

// verdict is the answer.
type verdict struct {
	verdict, message string
	body             json.RawMessage
}

var kinds = map[string]check.Kind{"pass": check.Pass, "refuse": check.Refuse, "change": check.Change, "review": check.Review}

// readVerdict reads an answer. encoding/json by itself takes "Verdict" for "verdict", the last
// of two, and what is no UTF-8.
func readVerdict(text []byte) (v verdict, ok bool) {
	if !utf8.Valid(text) || !json.Valid(text) {
		return v, false
	}
	d, members := json.NewDecoder(bytes.NewReader(text)), map[string]json.RawMessage{}
	if open, _ := d.Token(); open != json.Delim('{') {
		return v, false
	}
	for d.More() {
		token, _ := d.Token()
		name, _ := token.(string)
		var value json.RawMessage
		if _, twice := members[name]; twice || d.Decode(&value) != nil {
			return v, false
		}
		members[name] = value
	}
	read := func(name string, to *string) bool {
		value, there := members[name]
		return !there || json.Unmarshal(value, to) == nil
	}
	v.body = members["body"]
	return v, read("verdict", &v.verdict) && read("message", &v.message)
}

// beginsLikeVerdict reports whether a text that was cut off begins like a verdict. Only a changed
// body makes one long, and whoever says something can choose it so that this happens.
func beginsLikeVerdict(text []byte) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	if open, _ := d.Token(); open != json.Delim('{') {
		return false
	}
	name, _ := d.Token()
	return name == "verdict" || name == "body"
}

// Check implements check.Checker.
func (c *Checker) Check(ctx context.Context, q *check.Question) (check.Verdict, error) {
	body, err := json.Marshal(question{q, asker(q.From)})
	if err != nil {
		return check.Verdict{}, errors.New("the question cannot be written as JSON")
	}
	req, err := c.client.request(ctx, "check-"+rand.Text(), body)
	if err != nil {
		return check.Verdict{}, withoutURL(err)
	}
	res, err := c.client.http.Do(req)
	if err != nil {
		return check.Verdict{}, withoutURL(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return check.Verdict{}, fmt.Errorf("it answers with %v", answer{status: res.StatusCode})
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, check.MaxAnswer+1))
	switch {
	case err != nil:
		return check.Verdict{}, withoutURL(err)
	case len(text) > check.MaxAnswer && beginsLikeVerdict(text):
		return check.Verdict{}, fmt.Errorf("its answer has more than %d bytes: %w", check.MaxAnswer, check.ErrUnfit)
	case len(text) > check.MaxAnswer:
		return check.Verdict{}, fmt.Errorf("its answer has more than %d bytes", check.MaxAnswer)
	}
	v, ok := readVerdict(text)
	if !ok {
		return check.Verdict{}, errors.New("its answer is not the JSON of a verdict")
	}
	kind, ok := kinds[v.verdict]
	if !ok {
		return check.Verdict{}, errors.New("its answer has another verdict than pass, refuse, change or review")
	}
	return check.Verdict{Kind: kind, Message: v.message, Body: v.body}, nil
}
