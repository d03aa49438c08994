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

// uiFiles are made of clients/web by `make page`.
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
		panic(err) // it is part of the binary
	}
	sum := sha256.Sum256(content)
	return asset{content, contentType, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// isPageVisit reports whether a request for the chat's path is a browser's that
// wants to see something, and no WebSocket's.
func isPageVisit(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.Header.Get("Upgrade") == "" &&
		strings.Contains(r.Header.Get("Accept"), "text/html")
}

// servePage serves the built-in page. What it may load is this server's own, but
// for the pictures of users.
func servePage(w http.ResponseWriter, r *http.Request) {
	scheme := "ws"
	if r.TLS != nil {
		scheme = "wss"
	}
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; "+
		// Not all browsers take 'self' for WebSockets.
		"connect-src 'self' "+scheme+"://"+r.Host+"; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Add("Vary", "Accept")
	page := assets["page.html"]
	// Relative to the page's own address, as a proxy may have shortened the path.
	at := "ui"
	if !strings.HasSuffix(r.URL.Path, "/") {
		at = path.Base(r.URL.Path) + "/ui"
	}
	page.content = bytes.ReplaceAll(page.content, []byte("{{assets}}"), []byte(at))
	page.etag = strings.TrimSuffix(page.etag, `"`) + "-" + base64.RawURLEncoding.EncodeToString([]byte(at)) + `"`
	page.serve(w, r)
}

// serveAsset serves what the page is made of. Pages of other sites may embed it.
func serveAsset(w http.ResponseWriter, r *http.Request, name string) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	assets[name].serve(w, r)
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", a.contentType)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-cache") // is asked for again, and not sent again
	header.Set("ETag", a.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
}
