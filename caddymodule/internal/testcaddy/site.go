package testcaddy

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
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddychat/caddy-chat/caddymodule"
)

// Site is a Caddy that runs in this process. There can be only one at a time.
type Site struct {
	T           *testing.T
	Plain, TLS  string // host:port
	Dir         string // temporary; Caddy's data directory
	Log, Access string // files: Caddy's log at DEBUG, and the access log
	AccessLog   string // more options of the access log, from the next Load on
	global      string // options
	admin       string // host:port; "" if StartAdmin did not start it
	cert, key   string // files
}

// Start runs Caddy with directives in a site that is served over http and https. It
// is stopped at the end of the test.
func Start(t *testing.T, directives string) *Site {
	t.Helper()
	return StartWith(t, directives, "admin off")
}

// StartAdmin runs Caddy with its admin API and returns the base URL of that.
func StartAdmin(t *testing.T, directives string) (s *Site, admin string) {
	t.Helper()
	addr := FreeAddr(t)
	return start(&Site{T: t, admin: addr, global: "admin " + addr + "\nmetrics"}, directives), "http://" + addr
}

// StartWith runs Caddy with more global options.
func StartWith(t *testing.T, directives, global string) *Site {
	t.Helper()
	return start(&Site{T: t, global: global}, directives)
}

// SetGlobal replaces the further global options, from the next Load on.
func (s *Site) SetGlobal(options string) { s.global = options }

func start(s *Site, directives string) *Site {
	t := s.T
	t.Helper()
	s.Dir = dir(t)
	t.Setenv("XDG_DATA_HOME", s.Dir) // Caddy's data directory, with the journals
	s.Plain, s.TLS = FreeAddr(t), FreeAddr(t)
	s.Log, s.Access = filepath.Join(s.Dir, "log"), filepath.Join(s.Dir, "access")
	s.cert, s.key = filepath.Join(s.Dir, "cert.pem"), filepath.Join(s.Dir, "key.pem")
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	s.certify()
	s.Load(directives)
	return s
}

// dir makes a folder for a site. After caddy.Stop, goroutines of Caddy's modules still write a line to the log now and
// then, and the log makes its file anew for it. So the folder is removed again until it is gone; t.TempDir tries once.
func dir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "caddy")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := os.RemoveAll(dir)
		for began := time.Now(); err != nil && time.Since(began) < 10*time.Second; err = os.RemoveAll(dir) {
			time.Sleep(10 * time.Millisecond)
		}
		if err != nil {
			t.Error(err)
		}
	})
	return dir
}

// certify makes the certificate of the site. Caddy would make one in the background,
// where it races with the start of Caddy's TLS app.
func (s *Site) certify() {
	s.T.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.T.Fatal(err)
	}
	host, _, _ := net.SplitHostPort(s.TLS)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.ParseIP(host)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		s.T.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.T.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		s.cert: {Type: "CERTIFICATE", Bytes: der},
		s.key:  {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			s.T.Fatal(err)
		}
	}
}

// Load replaces the directives, as a reload does.
func (s *Site) Load(directives string) {
	s.T.Helper()
	if err := s.TryLoad(directives); err != nil {
		s.T.Fatal(err)
	}
}

// Restart stops Caddy and starts it again.
func (s *Site) Restart(directives string) {
	s.T.Helper()
	if err := caddy.Stop(); err != nil {
		s.T.Fatal(err)
	}
	s.Load(directives)
}

// TryLoad is Load for directives that may be refused.
func (s *Site) TryLoad(directives string) error {
	_, port, _ := net.SplitHostPort(s.TLS)
	// Caddy's cleaning of the storage goes on behind caddy.Stop, in a folder that the test removes.
	config := fmt.Sprintf(`{
		%[8]s
		persist_config off
		storage_clean_interval off
		storage file_system %[1]s
		https_port %[2]s
		auto_https off
		log {
			output file %[3]s
			level DEBUG
		}
	}
	http://%[5]s, https://%[9]s {
		log {
			output file %[4]s
			%[7]s
		}
		%[6]s
	}`, s.Dir, port, s.Log, s.Access, s.Plain, directives, s.AccessLog, s.global, s.TLS)
	json, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(config), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return err
	}
	json, loaded, err := setUpTLS(json, s.cert, s.key)
	if err != nil {
		return err
	}
	defer loaded()
	addrs := []string{s.Plain, s.TLS}
	if s.admin != "" {
		addrs = append(addrs, s.admin)
	}
	old, err := listening(addrs)
	if err != nil {
		return err
	}
	if err := caddy.Load(json, true); err != nil {
		return err
	}
	http.DefaultClient.CloseIdleConnections() // the old servers close them, maybe while a request is on its way
	return awaitEnd(old, addrs)
}

// Trust returns a configuration for clients that trusts the site's certificate.
func (s *Site) Trust() *tls.Config {
	s.T.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(Read(s.T, s.cert))) {
		s.T.Fatalf("no certificate in %s", s.cert)
	}
	return &tls.Config{RootCAs: roots}
}

// HTTPClient returns a client that trusts the site's certificate.
func (s *Site) HTTPClient() *http.Client {
	return &http.Client{Transport: retry{&http.Transport{TLSClientConfig: s.Trust(), DisableKeepAlives: true}}}
}

// retry repeats a request whose connection was lost before the answer: while Caddy
// reloads, the old server may accept a connection and close it at once.
type retry struct{ http.RoundTripper }

func (a retry) RoundTrip(r *http.Request) (res *http.Response, err error) {
	for range 3 {
		res, err = a.RoundTripper.RoundTrip(r)
		if r.Body != nil || !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
			break
		}
	}
	return res, err
}

// NoErrors fails if Caddy has logged an error: something that an operator must act on.
func (s *Site) NoErrors() {
	s.T.Helper()
	for line := range strings.Lines(Read(s.T, s.Log)) {
		if strings.Contains(line, `"level":"error"`) {
			s.T.Errorf("logged: %s", line)
		}
	}
}
