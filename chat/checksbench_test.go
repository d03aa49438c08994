//go:build unix

package chat_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/webhook"
)

// BenchmarkChecks_Send is how long a send waits for its ok: where no check is asked, and where
// one on the same machine is asked, which passes it; how long that one's answer takes by
// itself; and how long it takes a client of net/http that signs nothing. They take turns, so
// that they have the same load beside them. Compare the medians: checked-us should be plain-us
// and asked-us together.
func BenchmarkChecks_Send(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"verdict":"pass"}`)
	}))
	defer srv.Close()
	secret, err := webhook.ParseSecret("whsec_" + strings.Repeat("QUJD", 8))
	if err != nil {
		b.Fatal(err)
	}
	checker, err := webhook.NewChecker(srv.URL, true, []webhook.Secret{secret}, 4)
	if err != nil {
		b.Fatal(err)
	}
	defer checker.Close()
	many := access.Rate{PerSecond: 1e6, Burst: 1e6}
	set := chat.Settings{
		SessionRate: many, UserRate: many,
		Checks: check.Chain{check.New(check.Config{Checker: checker, Rooms: []string{"checked"}, Timeout: 10 * time.Second})},
	}
	addr, _ := serve(b, chat.Config{Settings: set, Journal: memjournal.New(memjournal.Options{})}, &chat.Handler{Auth: tokens{}})
	conn, r := openV1(b, addr)
	say := func(format string, args ...any) {
		if _, err := conn.Write(ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame(fmt.Appendf(nil, format, args...))))); err != nil {
			b.Fatal(err)
		}
	}
	until := func(part string) {
		for {
			header, err := ws.ReadHeader(r)
			if err != nil {
				b.Fatal(err)
			}
			text := make([]byte, header.Length) // of our own server
			if _, err := io.ReadFull(r, text); err != nil {
				b.Fatal(err)
			}
			if strings.Contains(string(text), part) {
				return
			}
		}
	}
	say(`{"type":"hello","token":"ann","rooms":[{"room":"plain"},{"room":"checked"}]}`)
	until("welcome")
	send := func(room string) func() {
		return func() {
			say(`{"type":"send","id":"1","room":%q,"body":"hello"}`, room)
			until(`"ok"`)
		}
	}
	q := &check.Question{About: check.Send, Room: "checked", From: journal.User{ID: "ann"}, Body: json.RawMessage(`"hello"`)}
	text, err := json.Marshal(q)
	if err != nil {
		b.Fatal(err)
	}
	bare := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer bare.CloseIdleConnections()
	ways := []struct {
		name string
		do   func()
	}{{"plain-us", send("plain")}, {"checked-us", send("checked")}, {"asked-us", func() {
		if v, err := checker.Check(b.Context(), q); err != nil || v.Kind != check.Pass {
			b.Fatal(v, err)
		}
	}}, {"http-us", func() {
		res, err := bare.Post(srv.URL, "application/json", bytes.NewReader(text))
		if err != nil {
			b.Fatal(err)
		}
		var v struct{ Verdict string }
		if err := json.NewDecoder(res.Body).Decode(&v); err != nil || v.Verdict != "pass" {
			b.Fatal(v, err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}}}
	took := make([][]time.Duration, len(ways))
	for _, way := range ways {
		way.do() // connections are open by then
	}
	for b.Loop() {
		for i, way := range ways {
			began := time.Now()
			way.do()
			took[i] = append(took[i], time.Since(began))
		}
	}
	for i, way := range ways {
		slices.Sort(took[i])
		b.ReportMetric(float64(took[i][len(took[i])/2].Nanoseconds())/1000, way.name)
	}
}
