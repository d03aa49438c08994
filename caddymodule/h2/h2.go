// Package h2 lets browsers open WebSockets as streams of HTTP/2 (RFC 8441). It is
// imported for its side effect, next to caddymodule:
//
//	import _ "github.com/caddychat/caddy-chat/caddymodule/h2"
//
// It is apart from caddymodule because the switch is one of the whole process.
// Go's HTTP/2 server offers extended CONNECT only where GODEBUG says so, and a
// browser that is offered it uses it for every WebSocket of the site. Caddy's
// reverse_proxy translates; another handler may not know of it.
//
// Without this package browsers open their WebSockets by HTTP/1.1 over
// connections of their own. That costs a server less: such a connection waits
// without a goroutine, which a stream can't. What is won is a connection and a
// handshake less for each browser. One that has no connection of HTTP/2 left, as
// after a restart of the server, comes back by HTTP/1.1 all the same.
//
// HTTP/3 needs no switch.
package h2

// Whatever is imported here must be so basic that this package is initialized
// before golang.org/x/net/http2 and net/http, which look at GODEBUG in their own
// init: of the packages that are ready, Go takes the first by import path.
import (
	"os"
	"strings"
)

const setting = "http2xconnect"

func init() {
	// It fails for no name and no value like these.
	_ = os.Setenv("GODEBUG", extended(os.Getenv("GODEBUG")))
}

// extended adds the setting to those that godebug has. An operator's own stands.
func extended(godebug string) string {
	switch {
	case strings.Contains(godebug, setting+"="):
		return godebug
	case godebug == "":
		return setting + "=1"
	}
	return godebug + "," + setting + "=1"
}
