package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/outgoing"
)

// Bounds of a request. The whole of it takes less than a lease lasts, so that no other
// node begins while it is under way.
const (
	requestTime  = 10 * time.Second
	dialTime     = 5 * time.Second
	drainTime    = time.Second // for the body of an answer, so that the connection can be used again
	maxAnswer    = 4 << 10     // of that body
	maxHeaders   = 16 << 10    // of the answer's head
	idleTime     = 90 * time.Second
	userAgent    = "caddy-chat"
	maxIdleConns = 4
)

// answer is what a receiver made of a request: a status, or why there is none.
type answer struct {
	status int
	err    error
}

func (a answer) accepted() bool { return a.status >= 200 && a.status < 300 }
func (a answer) gone() bool     { return a.status == http.StatusGone }

// refused means that the receiver does not take these events. Too many requests, or too
// slow ones, say nothing of the events.
func (a answer) refused() bool {
	return a.status >= 400 && a.status < 500 && a.status != http.StatusRequestTimeout && a.status != http.StatusTooEarly && a.status != http.StatusTooManyRequests
}

// String says it without anything of what the receiver sent.
func (a answer) String() string {
	switch {
	case a.err != nil:
		return a.err.Error()
	case a.status >= 300 && a.status < 400:
		return fmt.Sprintf("status %d: redirects are not followed, so name the URL itself", a.status)
	}
	return fmt.Sprintf("status %d", a.status)
}

// client sends the requests of one webhook.
type client struct {
	http    *http.Client
	url     string
	secrets []Secret
}

// newClient returns a client for a hook that is valid.
func newClient(h *Hook, transport http.RoundTripper) *client {
	return &client{url: h.URL, secrets: h.Secrets, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     transport,
	}}
}

func newTransport(h *Hook) *outgoing.Transport {
	dialer := &net.Dialer{Timeout: dialTime}
	if h.Private {
		dialer.ControlContext = onlyPrivate
	}
	return outgoing.New(&http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTime,
		DisableCompression: true, MaxResponseHeaderBytes: maxHeaders,
		MaxIdleConns: maxIdleConns, MaxIdleConnsPerHost: maxIdleConns, IdleConnTimeout: idleTime,
	})
}

func (c *client) close() { c.http.CloseIdleConnections() }

// onlyPrivate refuses to connect to an address of the public network.
func onlyPrivate(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if !isPrivate(at.Addr()) {
		return errors.New("the receiver's address is not of this machine, nor of a private network, as the option private says")
	}
	return nil
}

// post sends a body and returns the answer. It reads next to nothing of the answer's body.
func (c *client) post(ctx context.Context, id string, body []byte) answer {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	req, err := c.request(ctx, id, body)
	if err != nil {
		return answer{err: withoutURL(err)}
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{err: withoutURL(err)}
	}
	defer res.Body.Close()
	if res.ContentLength >= 0 && res.ContentLength <= maxAnswer {
		defer time.AfterFunc(drainTime, cancel).Stop()
		_, _ = io.Copy(io.Discard, res.Body)
	}
	return answer{status: res.StatusCode}
}

// request returns a signed request with a body.
func (c *client) request(ctx context.Context, id string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	req.Header["Idempotency-Key"] = nil // not sent: it lets net/http use another connection if an old one has just ended
	Sign(req.Header, id, time.Now(), body, c.secrets)
	return req, nil
}

// withoutURL returns the error without the URL, which may have a token in its query, and
// without what the receiver sent instead of an answer.
func withoutURL(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	var network *net.OpError
	var unknown *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %v", requestTime)
	case errors.As(err, &network), errors.As(err, &unknown), errors.Is(err, io.EOF), errors.Is(err, context.Canceled):
		return err
	}
	return errors.New("the answer is no HTTP, or too long")
}
