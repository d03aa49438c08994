package command

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/caddymodule/admin"
)

// path returns the path of something that belongs to the hub.
func (in *invocation) path(suffix string, query url.Values) string {
	path := "/chat/hubs/" + segment(in.hub) + suffix
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

// segment returns a name as one part of a path.
func segment(name string) string {
	if name == "." || name == ".." { // a server would take these away
		return strings.ReplaceAll(name, ".", "%2E")
	}
	return url.PathEscape(name)
}

const (
	dialTimeout   = 10 * time.Second
	answerTimeout = time.Minute     // of the admin API: it waits for the journal for half of that at most
	statusTimeout = 5 * time.Second // of what it has in memory
	watchInterval = 3 * time.Second // between two questions of untilHang
	maxUnanswered = 3               // of these in a row
	maxAnswer     = 64 << 20        // bytes of an answer that is no stream
)

// request sends content to the admin API: JSON lines if it is an io.Reader, nothing if it
// is nil, else its JSON. The error for an answer without success has the text that
// the server sent. If ctx ends first, so does the reading of the answer.
func (in *invocation) request(ctx context.Context, method, path string, content any) (*http.Response, error) {
	to, err := in.endpoint()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+to.host+path, nil)
	if err != nil {
		return nil, fmt.Errorf("--address %s: %w", to.text, err)
	}
	if to.origin != "" {
		req.Header.Set("Origin", to.origin)
	}
	switch content := content.(type) {
	case nil:
	case io.Reader:
		req.Body = io.NopCloser(content)
		req.Header.Set("Content-Type", admin.JSONLines)
	default:
		text, err := json.Marshal(content)
		if err != nil {
			return nil, err
		}
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
		req.Header.Set("Content-Type", "application/json")
	}
	head := answerTimeout
	if method != http.MethodGet { // it may be answered only when all is done
		head = 0
	}
	client := http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true, ResponseHeaderTimeout: head,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, to.network, to.address)
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, cmp.Or(hanging(ctx), to.unreachable(err))
	}
	res.Body = &body{res.Body, ctx}
	if err := to.refusal(res); err != nil {
		res.Body.Close()
		return nil, err
	}
	return res, nil
}

// refusal returns what the admin API says if it has refused a request, or an error if
// the answer is not its.
func (e *endpoint) refusal(res *http.Response) error {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if res.StatusCode < 300 && (kind == "application/json" || kind == admin.JSONLines) {
		return nil
	}
	var refused struct{ Error string }
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err == nil && res.StatusCode >= 400 && json.Unmarshal(text, &refused) == nil && refused.Error != "" {
		return errors.New(sanitize(refused.Error)) // it has names that others chose
	}
	return fmt.Errorf("%s answers, but not as a Caddy with this chat (%s): name its admin endpoint with --address, and see with \"caddy list-modules\" whether it has the module admin.api.chat", e.text, res.Status)
}

// hanging returns why untilHang has ended ctx, or nil.
func hanging(ctx context.Context) error {
	if hangs, ok := context.Cause(ctx).(hangError); ok {
		return fmt.Errorf("meanwhile Caddy hangs: %w", hangs)
	}
	return nil
}

// body is the body of an answer, which ends with the reason why it was given up.
type body struct {
	io.ReadCloser
	ctx context.Context
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = cmp.Or(hanging(b.ctx), err)
	}
	return n, err
}

// get is call for a GET request that prints nothing.
func (in *invocation) get(path string, to any) error {
	quiet := *in
	quiet.json = false
	return quiet.call("GET", path, nil, to)
}

// call is request for an answer in JSON, which comes soon. It decodes the answer into
// to, and prints it as it came if the user wants JSON.
func (in *invocation) call(method, path string, body, to any) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	return in.callUntil(ctx, method, path, body, to)
}

// hubStatus asks for how the hub is, which a Caddy that is well answers at once.
func (in *invocation) hubStatus(ctx context.Context, h *admin.HubInfo) error {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	return in.callUntil(ctx, "GET", in.path("", nil), nil, h)
}

// untilHang returns a context for a request whose answer may take as long as it takes: it does not tell a
// Caddy that hangs from one that works, so Caddy is asked for something else before, and again and again
// meanwhile. The context ends when it leaves maxUnanswered of these questions without an answer. The
// caller must call cancel in the end.
func (in *invocation) untilHang() (ctx context.Context, cancel context.CancelFunc, err error) {
	quiet := *in
	quiet.json = false
	ask := func(ctx context.Context) error { return quiet.hubStatus(ctx, new(admin.HubInfo)) }
	if err := ask(context.Background()); err != nil {
		return nil, nil, err
	}
	ctx, end := context.WithCancelCause(context.Background())
	var asking sync.WaitGroup
	asking.Go(func() {
		for unanswered := 0; unanswered < maxUnanswered; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(watchInterval):
			}
			err := ask(ctx)
			if unanswered++; !errors.As(err, new(hangError)) { // it may also be reloading
				unanswered = 0
			} else if unanswered == maxUnanswered {
				end(err)
			}
		}
	})
	return ctx, func() { end(nil); asking.Wait() }, nil
}

// callLong is call for an answer that may take as long as it takes.
func (in *invocation) callLong(method, path string, body, to any) error {
	ctx, cancel, err := in.untilHang()
	if err != nil {
		return err
	}
	defer cancel()
	return in.callUntil(ctx, method, path, body, to)
}

func (in *invocation) callUntil(ctx context.Context, method, path string, body, to any) error {
	res, err := in.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return hangError("the answer does not end in time: does Caddy hang, or is it another program?")
	case err != nil:
		return fmt.Errorf("the answer broke off: %w", err)
	case len(text) > maxAnswer:
		return fmt.Errorf("the answer is longer than %d MiB: is it of another program?", maxAnswer>>20)
	}
	if err := decodeAnswer(text, to); err != nil {
		return fmt.Errorf("the answer is not as expected, as if another program had given it: %w", err)
	}
	if in.json {
		_, err = in.out.Write(text)
	}
	return err
}

// decodeAnswer decodes an answer of the admin API. The first field of each of them is never left
// out, so JSON without it is the answer of something else.
func decodeAnswer(text []byte, to any) error {
	if err := json.Unmarshal(text, to); err != nil {
		return err
	}
	t := reflect.TypeOf(to).Elem()
	for t.Kind() == reflect.Struct && t.Field(0).Anonymous {
		t = t.Field(0).Type
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	name, options, _ := strings.Cut(t.Field(0).Tag.Get("json"), ",")
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	if _, there := fields[name]; options == "" && !there {
		return fmt.Errorf("it has no %q", name)
	}
	return nil
}

// callForList requests a whole list, which has this name in the answer, as many items
// at a time as the server allows. If the user wants JSON, it prints the list as one object.
// It notes which nodes have not said what they have.
func callForList[T any](in *invocation, suffix, name string, query url.Values) (items []T, err error) {
	query.Set("limit", fmt.Sprint(admin.MaxLimit))
	all := []json.RawMessage{}
	var missing []string
	for next := "x"; next != ""; query.Set("cursor", next) {
		var page map[string]json.RawMessage
		var part []json.RawMessage
		next = ""
		err := in.get(in.path(suffix, query), &page)
		if err == nil && page[name] == nil {
			err = fmt.Errorf("the answer is not as expected: it has no %q", name)
		}
		if err == nil {
			err = json.Unmarshal(page[name], &part)
		}
		if err == nil && page["next"] != nil {
			err = json.Unmarshal(page["next"], &next)
		}
		if err == nil && page["missing"] != nil {
			err = json.Unmarshal(page["missing"], &missing)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
	if len(missing) > 0 {
		in.note("Warning: no answer from %s: what they have is not in the list", strings.Join(missing, ", "))
	}
	text, err := json.Marshal(all)
	if err == nil && in.json {
		_, err = fmt.Fprintf(in.out, "{%q:%s}\n", name, text)
	}
	if err == nil {
		err = json.Unmarshal(text, &items)
	}
	return items, err
}
