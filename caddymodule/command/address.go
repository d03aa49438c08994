package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
)

// invocation is one run of `caddy chat`, with the flags that all commands have.
type invocation struct {
	address, hub string
	json         bool
	out, err     io.Writer // standard output and error
}

// endpoint is where the admin API is.
type endpoint struct {
	text             string // as the user named it
	network, address string // to be dialled
	host             string // of URLs
	origin           string // as Caddy's own commands give it; empty for a socket
}

// endpoint returns what --address names: an address as Caddy's own commands take it, or
// a URL. Without it, it is that of $CADDY_ADMIN, or Caddy's default.
func (in *invocation) endpoint() (*endpoint, error) {
	text, err := caddycmd.DetermineAdminAPIAddress(in.address, nil, "", "")
	if err != nil {
		return nil, err
	}
	e := &endpoint{text: text}
	bad := func(format string, args ...any) (*endpoint, error) {
		return nil, fmt.Errorf("--address %s: %s", e.text, fmt.Sprintf(format, args...))
	}
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		switch scheme {
		case "http":
			text = strings.TrimSuffix(rest, "/")
		case "unix":
			text = "unix/" + rest
		default:
			return bad("the admin endpoint is reached by plain HTTP: http://localhost:2019, localhost:2019 or unix//run/caddy/admin.sock")
		}
		if strings.Contains(text, "/") && scheme == "http" {
			return bad("the address must have no path")
		}
	}
	a, err := caddy.ParseNetworkAddress(text)
	switch {
	case err != nil:
		return bad("%v", err)
	case a.IsUnixNetwork():
		path, _, _ := strings.Cut(a.Host, "|") // what follows are permissions of the listener
		e.network, e.address, e.host = a.Network, path, "127.0.0.1"
		return e, nil
	case a.PortRangeSize() != 1 || a.StartPort == 0:
		return bad("it needs one port, like localhost:2019")
	case a.Host == "":
		a.Host = "localhost"
	}
	e.network, e.address, e.host = a.Network, a.JoinHostPort(0), a.JoinHostPort(0)
	e.origin = "http://" + e.host
	return e, nil
}

// hangError is the error for a Caddy that gives no answer, or no whole one, in time.
type hangError string

func (e hangError) Error() string { return string(e) }

// unreachable says why there is no answer, and what to do.
func (e *endpoint) unreachable(err error) error {
	const where = "If its admin endpoint is elsewhere, name that with --address or in $CADDY_ADMIN"
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("no Caddy answers at %s: is it running? %s", e.text, where)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("you may not use %s: run this as the user of Caddy", e.text)
	case errors.Is(err, context.DeadlineExceeded):
		return hangError(fmt.Sprintf("%s does not answer in time. %s", e.text, where))
	}
	var cause interface{ Unwrap() error }
	if errors.As(err, &cause) && cause.Unwrap() != nil { // without the URL of the request
		err = cause.Unwrap()
	}
	return fmt.Errorf("no answer from %s: %w. %s", e.text, err, where)
}
