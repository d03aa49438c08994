// Package h2 lets browsers open WebSockets as streams of HTTP/2 (RFC 8441). It is
// imported for its side effect, in addition to caddymodule:
//
//	import _ "github.com/caddychat/caddy-chat/caddymodule/h2"
//
// It is not part of caddymodule because it changes a setting of the whole process.
// Go's HTTP/2 server offers extended CONNECT only if GODEBUG has this setting, and a
// browser that is offered it uses it for every WebSocket of the site. Caddy's
// reverse_proxy can translate such a request; other handlers may not understand it.
//
// Without this package browsers open each WebSocket with HTTP/1.1 on a connection of
// its own. That costs the server less: an idle connection needs no goroutine, an idle
// stream needs one. With this package each browser needs one connection and one
// handshake less. A browser that has no HTTP/2 connection left, for example after a
// restart of the server, still reconnects with HTTP/1.1.
//
// HTTP/3 needs no setting.
package h2

// This package must be initialized before golang.org/x/net/http2 and net/http, which
// read GODEBUG in their own init. So it may import only packages that are initialized
// before those: of the packages whose imports are initialized, Go takes the one whose
// import path sorts first.
import (
	"os"
	"strings"
)

const setting = "http2xconnect"

func init() {
	// Setenv can't fail with this name and such a value.
	_ = os.Setenv("GODEBUG", extended(os.Getenv("GODEBUG")))
}

// extended adds the setting to godebug, unless the operator has set it to something.
func extended(godebug string) string {
	switch {
	case strings.Contains(godebug, setting+"="):
		return godebug
	case godebug == "":
		return setting + "=1"
	}
	return godebug + "," + setting + "=1"
}
