package caddymodule

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/encode"

	"github.com/caddychat/caddy-chat/chat"
)

// uiFiles are built from clients/web by `make page`: page.html and chat.js, the loader of
// the others, as they are, and the others compressed, with a hash in their names.
//
//go:embed ui
var uiFiles embed.FS

// asset is a file of the built-in page. Its content stays in the program's file, off the heap.
type asset struct {
	name       string
	compressed bool // it is there as .br and .gz only
	etag       string
	cache      string // Cache-Control
}

const (
	checked   = "no-cache"                            // browsers ask each time, and get 304 if it has not changed
	fresh     = "max-age=300"                         // they ask again after five minutes
	immutable = "public, max-age=31536000, immutable" // the name changes with the content
)

// preferredEncodings are the content encodings of an asset, the best first.
var preferredEncodings = []string{"br", "gzip"}

var suffixes = map[string]string{"br": ".br", "gzip": ".gz"}

var uiTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".json": "application/json",
}

var (
	page   = string(readUI("page.html"))
	assets = loadAssets()
)

// loadAssets returns the files below <path>/ui/, by name.
func loadAssets() map[string]asset {
	all := map[string]asset{"chat.js": {name: "chat.js", etag: sum(readUI("chat.js")), cache: fresh}}
	entries, err := uiFiles.ReadDir("ui")
	mustUI(err)
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), ".gz"); ok {
			all[name] = asset{name: name, compressed: true, etag: name, cache: immutable}
		}
	}
	return all
}

func readUI(name string) []byte {
	content, err := uiFiles.ReadFile("ui/" + name)
	mustUI(err)
	return content
}

// mustUI panics: the files are a part of the program.
func mustUI(err error) {
	if err != nil {
		panic(err)
	}
}

// sum returns what an ETag says of content whose name does not change with it.
func sum(content []byte) string {
	hash := sha256.Sum256(content)
	return base64.RawURLEncoding.EncodeToString(hash[:12])
}

// isPageVisit reports whether a request is a browser's that navigates to a page,
// and not a WebSocket handshake.
func isPageVisit(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.Header.Get("Upgrade") == "" &&
		strings.Contains(r.Header.Get("Accept"), "text/html")
}

// servePage serves the built-in page. The page may load only what this server has,
// and the pictures of users from anywhere. signIn is the address where users sign in.
func servePage(handler *chat.Handler, w http.ResponseWriter, r *http.Request, signIn string) {
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
	// The links are relative to the page's address, because a proxy may have removed
	// the beginning of the path. A colon in it must not look like the end of a scheme.
	base := "ui"
	if !strings.HasSuffix(r.URL.Path, "/") {
		base = html.EscapeString((&url.URL{Path: path.Base(r.URL.Path) + "/ui"}).String())
	}
	attributes := ""
	if signIn != "" {
		attributes = ` sign-in="` + html.EscapeString(signIn) + `"`
	}
	content := strings.NewReplacer("{{assets}}", base, "{{attributes}}", attributes).Replace(page)
	asset{name: "page.html", etag: sum([]byte(content)), cache: checked}.
		answer(handler, w, r, "", len(content), func() io.ReadSeeker { return strings.NewReader(content) })
}

// serveAsset serves a file of the page. Pages of other sites may embed it.
func serveAsset(handler *chat.Handler, w http.ResponseWriter, r *http.Request, name string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		handler.RefuseMethod(w, r, "GET, HEAD")
		return
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Expose-Headers", "ETag") // the emoji picker asks whether its data has changed
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	assets[name].serve(handler, w, r)
}

// serve answers with the file, or a part of it. The address is charged for all of it.
func (a asset) serve(handler *chat.Handler, w http.ResponseWriter, r *http.Request) {
	encoding := ""
	if a.compressed {
		w.Header().Add("Vary", "Accept-Encoding")
		accepted := encode.AcceptedEncodings(r, preferredEncodings)
		if at := slices.IndexFunc(accepted, func(encoding string) bool { return suffixes[encoding] != "" }); at >= 0 {
			encoding = accepted[at]
		}
	}
	if a.compressed && encoding == "" {
		// Few clients take no encoding, so it is unpacked for each of their requests.
		packed := readUI(a.name + ".gz")
		a.answer(handler, w, r, encoding, unpackedSize(packed), func() io.ReadSeeker { return unpack(packed) })
		return
	}
	file, err := uiFiles.Open("ui/" + a.name + suffixes[encoding])
	mustUI(err)
	defer file.Close()
	info, err := file.Stat()
	mustUI(err)
	a.answer(handler, w, r, encoding, int(info.Size()), func() io.ReadSeeker { return file.(io.ReadSeeker) })
}

// unpackedSize returns the size of what gzip has compressed, in bytes (RFC 1952, ISIZE).
func unpackedSize(packed []byte) int {
	return int(binary.LittleEndian.Uint32(packed[len(packed)-4:]))
}

func unpack(packed []byte) io.ReadSeeker {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	mustUI(err)
	plain, err := io.ReadAll(r)
	mustUI(err)
	return bytes.NewReader(plain)
}

// answer charges the address for size bytes, and then sends the content.
func (a asset) answer(handler *chat.Handler, w http.ResponseWriter, r *http.Request, encoding string, size int, content func() io.ReadSeeker) {
	if err := handler.Visit(r, size); err != nil {
		handler.Problem(w, err)
		return
	}
	header := w.Header()
	etag := a.etag
	if encoding != "" {
		header.Set("Content-Encoding", encoding)
		etag += "-" + encoding
	}
	header.Set("Content-Type", uiTypes[path.Ext(a.name)])
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", a.cache)
	header.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, content())
}

// validateSignIn returns an error for an address that a link must not have.
func validateSignIn(address string, ui bool) error {
	if address == "" {
		return nil
	}
	if !ui {
		return errors.New("sign_in has no effect without ui")
	}
	u, err := url.Parse(address)
	if err != nil || strings.Contains(address, `\`) || !(u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/") || (u.Scheme == "http" || u.Scheme == "https") && u.Host != "") {
		return fmt.Errorf("sign_in %q is no http or https URL and no path that begins with /", address)
	}
	return nil
}
