package caddymodule_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddychat/caddy-chat/caddymodule"
)

// site is a Caddy that runs in this process. There can be only one at a time.
type site struct {
	t           *testing.T
	plain, tls  string // host:port
	logging     string // options of its access log
	global      string // options
	dir         string
	log, access string // files
	cert, key   string // files
}

// startCaddy runs Caddy with directives in a site that is served over http and
// https. It is stopped at the end of the test.
func startCaddy(t *testing.T, directives string) *site {
	t.Helper()
	return startCaddyWith(t, directives, "admin off")
}

// startCaddyWith runs Caddy with further global options.
func startCaddyWith(t *testing.T, directives, global string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), global: global}
	t.Setenv("XDG_DATA_HOME", s.dir) // Caddy's data directory, with the journals
	s.plain, s.tls = freeAddr(t), freeAddr(t)
	s.log, s.access = filepath.Join(s.dir, "log"), filepath.Join(s.dir, "access")
	s.cert, s.key = filepath.Join(s.dir, "cert.pem"), filepath.Join(s.dir, "key.pem")
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	s.certify()
	s.load(directives)
	return s
}

// certify makes the site a certificate. One that Caddy makes by itself comes in
// the background, where the start of its TLS app races with it.
func (s *site) certify() {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	host, _, _ := net.SplitHostPort(s.tls)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.ParseIP(host)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		s.cert: {Type: "CERTIFICATE", Bytes: der},
		s.key:  {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// load replaces the directives, as a reload does.
func (s *site) load(directives string) {
	s.t.Helper()
	if err := s.tryLoad(directives); err != nil {
		s.t.Fatal(err)
	}
}

// restart stops Caddy and starts it anew.
func (s *site) restart(directives string) {
	s.t.Helper()
	if err := caddy.Stop(); err != nil {
		s.t.Fatal(err)
	}
	s.load(directives)
}

func (s *site) tryLoad(directives string) error {
	_, port, _ := net.SplitHostPort(s.tls)
	config := fmt.Sprintf(`{
		%[8]s
		persist_config off
		storage file_system %[1]s
		https_port %[2]s
		auto_https off
		log {
			output file %[3]s
			level DEBUG
		}
	}
	(site) {
		log {
			output file %[4]s
			%[7]s
		}
		%[6]s
	}
	http://%[5]s {
		import site
	}
	https://%[9]s {
		tls %[10]s %[11]s
		import site
	}`, s.dir, port, s.log, s.access, s.plain, directives, s.logging, s.global, s.tls, s.cert, s.key)
	json, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(config), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return err
	}
	json, loaded, err := shakeHandsAfter(json)
	if err != nil {
		return err
	}
	defer loaded()
	return caddy.Load(json, true)
}

// trust returns what a client needs to believe the site's certificate.
func (s *site) trust() *tls.Config {
	s.t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(read(s.t, s.cert))) {
		s.t.Fatalf("no certificate in %s", s.cert)
	}
	return &tls.Config{RootCAs: roots}
}

func (s *site) httpClient() *http.Client {
	return &http.Client{Transport: again{&http.Transport{TLSClientConfig: s.trust(), DisableKeepAlives: true}}}
}

// again tries a request anew whose connection was lost before the answer: while
// Caddy reloads, the old server may accept a connection that it has no time for.
type again struct{ http.RoundTripper }

func (a again) RoundTrip(r *http.Request) (res *http.Response, err error) {
	for range 3 {
		res, err = a.RoundTripper.RoundTrip(r)
		if r.Body != nil || !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
			break
		}
	}
	return res, err
}

// noErrors fails if Caddy has logged anything that an operator need act on.
func (s *site) noErrors() {
	s.t.Helper()
	for line := range strings.Lines(read(s.t, s.log)) {
		if strings.Contains(line, `"level":"error"`) {
			s.t.Errorf("logged: %s", line)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// eventually fails unless ok becomes true soon, for what another process or
// goroutine does in its own time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not in time: %s", what)
		}
	}
}

var givenPorts sync.Map

// freeAddr returns a loopback address that nobody listens on. Its port lies below
// those that the system gives to clients, lest one of them take it, as a storm of
// another package's may, before Caddy listens there. None is returned twice.
func freeAddr(t *testing.T) string {
	t.Helper()
	for {
		port := strconv.Itoa(20_000 + mathrand.IntN(12_000))
		if _, given := givenPorts.LoadOrStore(port, true); given {
			continue
		}
		tcp, err := net.Listen("tcp", ":"+port)
		if err == nil {
			var udp net.PacketConn
			if udp, err = net.ListenPacket("udp", ":"+port); err == nil {
				udp.Close()
			}
			tcp.Close()
		}
		switch {
		case err == nil:
			return net.JoinHostPort("127.0.0.1", port)
		case !errors.Is(err, syscall.EADDRINUSE):
			t.Fatal(err)
		}
	}
}
