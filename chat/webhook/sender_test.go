package webhook

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func TestSender_SendsWhatIsRecorded_InEachRoomsOrder(t *testing.T) {
	journals(t, func(t *testing.T, j journal.Journal) {
		say(t, j, "a", "before the webhook was there")
		r := newReceiver(t)
		s := begin(t, j, nil, hookTo(t, r.serve()))
		defer s.end()
		s.ready(t)
		want := map[string][]uint64{}
		for i := range 300 {
			room := fmt.Sprint("room", i%7)
			want[room] = append(want[room], uint64(say(t, j, room, "hi").Seq))
		}
		want["a"] = []uint64{uint64(say(t, j, "a", "after").Seq)}
		put(t, j, journal.Entry{Room: "@u1", Kind: journal.Notice, Body: []byte(`"of the server"`)})
		r.until("the delivery", r.has(want))
		r.until("the last answer", func() bool { return s.Status()[0].Lag == 0 })
		if st := s.Status()[0]; st.Delivered != 301 || st.Skipped+st.Retried > 0 || st.Parts[0].Failing != "" {
			t.Errorf("%+v", st)
		}
	})
}

// What is on the wire: the entry's frame, the positions, and no body of what is recalled.
func TestSender_Request(t *testing.T) {
	journals(t, func(t *testing.T, j journal.Journal) {
		texts := make(chan string, 10)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			var text bytes.Buffer
			_, _ = text.ReadFrom(req.Body)
			if bad := Verify(req.Header, text.Bytes(), timeNow(), secret(t, secretText)); bad != nil || req.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%v %v", bad, req.Header)
			}
			texts <- req.Header.Get("webhook-id") + " " + text.String()
		}))
		defer server.Close()
		h := hookTo(t, server.URL)
		// Sent before the webhook begins, and replayed: so it is one batch.
		first := say(t, j, "tea", "secret")
		put(t, j, journal.Entry{Room: "tea", Kind: journal.Recall, Target: first.Seq, From: journal.User{ID: "u1"}})
		last := say(t, j, "tea", "shown")
		s := begin(t, j, nil, h)
		defer s.end()
		s.ready(t)
		moved, err := s.Replay(t.Context(), "orders", timeNow().Add(-hour))
		if err != nil || len(moved) != 1 {
			t.Fatal(moved, err)
		}
		got := <-texts
		want := fmt.Sprintf(`orders.%s.%s {"epoch":"%s","from":"%[1]s","to":"%[2]s","events":[`+
			`{"entry":{"type":"message","room":"tea","seq":1,`, moved[0].To, moved[0].From, last.Epoch)
		if !strings.HasPrefix(got, want) || strings.Contains(got, `"secret"`) || !strings.Contains(got, `"recalled":true`) ||
			!strings.Contains(got, `"type":"recalled","room":"tea","seq":2`) || !strings.HasSuffix(got, `"body":"shown"}}]}`) {
			t.Errorf("%s\nwant %s", got, want)
		}
	})
}

func TestSender_Filters(t *testing.T) {
	journals(t, func(t *testing.T, j journal.Journal) {
		r := newReceiver(t)
		h := hookTo(t, r.serve())
		h.Events, h.Rooms = []string{"recalled", "notice"}, []string{"g-*", "tea"}
		s := begin(t, j, nil, h)
		defer s.end()
		s.ready(t)
		said := say(t, j, "g-1", "x")
		put(t, j, journal.Entry{Room: "g-1", Kind: journal.Recall, Target: said.Seq, From: journal.User{ID: "u1"}})
		for _, room := range []string{"g-1", "tea", "teapot", "other", "@g-1"} {
			put(t, j, journal.Entry{Room: room, Kind: journal.Notice, Body: []byte(`1`)})
		}
		r.until("the delivery", r.has(map[string][]uint64{"g-1": {2, 3}, "tea": {1}}))
	})
}

func TestSender_OverTLS_TrustsNoStranger(t *testing.T) {
	r := newReceiver(t)
	server := httptest.NewTLSServer(r)
	defer server.Close()
	journals(t, func(t *testing.T, j journal.Journal) {
		h := hookTo(t, server.URL)
		h.Private = false
		s := begin(t, j, nil)
		defer s.end()
		s.Configure([]Hook{h})
		s.ready(t)
		say(t, j, "tea", "x")
		r.until("the refusal", func() bool { return strings.Contains(s.Status()[0].Parts[0].Failing, "certificate") })
		s.via = func(h *Hook) http.RoundTripper {
			own := newTransport(h)
			own.TLSClientConfig = &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
			return own
		}
		s.Configure([]Hook{h}) // as after a reload: it does not wait to try again
		r.until("the delivery", func() bool { return slices.Equal(r.record()["tea"], []uint64{1}) })
	})
}

// While two secrets are configured, each request has the signatures of both, so that the
// receiver may know either. When one is taken out, its signature is gone.
func TestSender_SignsWithEachSecret(t *testing.T) {
	journals(t, func(t *testing.T, j journal.Journal) {
		old, other := secret(t, secretText), secret(t, "whsec_"+strings.Repeat("QUJD", 8))
		r := newReceiver(t)
		headers := make(chan http.Header, 10)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			headers <- req.Header
			r.ServeHTTP(w, req)
		}))
		defer server.Close()
		h := hookTo(t, server.URL)
		s := begin(t, j, nil, h)
		defer s.end()
		s.ready(t)
		var want []uint64
		for _, step := range []struct{ signs, knows []Secret }{
			{[]Secret{old}, []Secret{old}},
			{[]Secret{old, other}, []Secret{old}},
			{[]Secret{old, other}, []Secret{other}},
			{[]Secret{other}, []Secret{other}},
		} {
			h.Secrets = step.signs
			r.mu.Lock()
			r.secrets = step.knows
			r.mu.Unlock()
			s.Configure([]Hook{h})
			want = append(want, uint64(say(t, j, "tea", "x").Seq))
			r.until("the delivery", r.has(map[string][]uint64{"tea": want}))
			header := <-headers
			if got := strings.Fields(header.Get("Webhook-Signature")); len(got) != len(step.signs) {
				t.Errorf("%d secrets make the signatures %q", len(step.signs), got)
			}
		}
	})
}

// A webhook that gets another URL keeps its position: the new receiver gets what the old one
// has not accepted, and the old one nothing more.
func TestSender_AnotherURL_GoesOnWhereItWas(t *testing.T) {
	journals(t, func(t *testing.T, j journal.Journal) {
		first, second := newReceiver(t), newReceiver(t)
		s := begin(t, j, nil, hookTo(t, first.serve()))
		defer s.end()
		s.ready(t)
		say(t, j, "tea", "1")
		first.until("the first", first.has(map[string][]uint64{"tea": {1}}))
		s.ready(t)
		first.set(func(int, body) int { return http.StatusInternalServerError })
		say(t, j, "tea", "2")
		first.until("the refusal", func() bool { return s.Status()[0].Parts[0].Failing != "" })
		had := first.requests()
		s.Configure([]Hook{hookTo(t, second.serve())})
		say(t, j, "tea", "3")
		second.until("the rest", second.has(map[string][]uint64{"tea": {2, 3}}))
		if n := first.requests(); n != had {
			t.Errorf("the old receiver got %d requests more", n-had)
		}
	})
}

// A configuration that is loaded again changes nothing for a webhook that stays; it ends one
// that is gone; one that comes back goes on where it was, and one of another name begins now.
func TestSender_Configure_GoesOnWhereItWas(t *testing.T) {
	journals(t, func(t *testing.T, j journal.Journal) {
		r := newReceiver(t)
		h := hookTo(t, r.serve())
		s := begin(t, j, nil, h)
		defer s.end()
		s.ready(t)
		say(t, j, "tea", "1")
		r.until("the first", r.has(map[string][]uint64{"tea": {1}}))
		s.Configure([]Hook{h})
		say(t, j, "tea", "2")
		r.until("the second", r.has(map[string][]uint64{"tea": {1, 2}}))
		s.Configure(nil)
		say(t, j, "tea", "3")
		other := newReceiver(t)
		renamed := hookTo(t, other.serve())
		renamed.Name = "renamed"
		s.Configure([]Hook{h, renamed})
		r.until("the third", r.has(map[string][]uint64{"tea": {1, 2, 3}}))
		s.ready(t)
		say(t, j, "tea", "4")
		other.until("the fourth", other.has(map[string][]uint64{"tea": {4}}))
		r.until("the fourth", r.has(map[string][]uint64{"tea": {1, 2, 3, 4}}))
	})
}
