package caddymodule

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"net/http"
	"path"
	"strings"
	"time"
)

// uiFiles are built from clients/web by `make page`.
//
//go:embed ui/page.html ui/page.css ui/chat.js
var uiFiles embed.FS

// asset is a file of the built-in page.
type asset struct {
	content     []byte
	contentType string
	etag        string
}

var assets = map[string]asset{
	"page.html": loadAsset("page.html", "text/html; charset=utf-8"),
	"page.css":  loadAsset("page.css", "text/css; charset=utf-8"),
	"chat.js":   loadAsset("chat.js", "text/javascript; charset=utf-8"),
}

func loadAsset(name, contentType string) asset {
	content, err := uiFiles.ReadFile("ui/" + name)
	if err != nil {
		panic(err) // the file is part of the binary
	}
	sum := sha256.Sum256(content)
	return asset{content, contentType, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// isPageVisit reports whether a request is a browser's that navigates to a page,
// and not a WebSocket handshake.
func isPageVisit(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.Header.Get("Upgrade") == "" &&
		strings.Contains(r.Header.Get("Accept"), "text/html")
}

// servePage serves the built-in page. The page may load only what this server has,
// and the pictures of users from anywhere.
func servePage(w http.ResponseWriter, r *http.Request) {
	scheme := "ws"
	if r.TLS != nil {
		scheme = "wss"
	}
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; "+
		// Not all browsers match 'self' with WebSockets.
		"connect-src 'self' "+scheme+"://"+r.Host+"; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Add("Vary", "Accept")
	page := assets["page.html"]
	// The links are relative to the page's address, because a proxy may have removed
	// the beginning of the path.
	base := "ui"
	if !strings.HasSuffix(r.URL.Path, "/") {
		base = path.Base(r.URL.Path) + "/ui"
	}
	page.content = bytes.ReplaceAll(page.content, []byte("{{assets}}"), []byte(base))
	page.etag = strings.TrimSuffix(page.etag, `"`) + "-" + base64.RawURLEncoding.EncodeToString([]byte(base)) + `"`
	page.serve(w, r)
}

// serveAsset serves a file of the page. Pages of other sites may embed it.
func serveAsset(w http.ResponseWriter, r *http.Request, name string) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	assets[name].serve(w, r)
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", a.contentType)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-cache") // browsers ask each time, and get 304 if it has not changed
	header.Set("ETag", a.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
}
