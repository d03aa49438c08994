package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// What a program of the site answers, and what that means. Nothing that it sends is in the
// error, and nothing of the question.
func TestChecker_Answers(t *testing.T) {
	long := strings.Repeat("x", check.MaxAnswer)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
		err    string
	}{
		"pass":            {says(200, `{"verdict":"pass"}`), "1", ""},
		"refuse":          {says(200, `{"verdict":"refuse","message":"no adverts"}`), "2 no adverts", ""},
		"change":          {says(200, `{"verdict":"change","body":{"text":"x"}}`), `3{"text":"x"}`, ""},
		"review":          {says(200, `{"verdict":"review","more":1}`), "4", ""},
		"another verdict": {says(200, `{"verdict":"Secret"}`), "", "its answer has another verdict than pass, refuse, change or review"},
		"none":            {says(200, `{}`), "", "its answer has another verdict than pass, refuse, change or review"},
		"no JSON":         {says(200, `Secret`), "", "its answer is not the JSON of a verdict"},
		"two answers":     {says(200, `{"verdict":"pass"}{"verdict":"refuse"}`), "", "its answer is not the JSON of a verdict"},
		"an empty answer": {says(200, ``), "", "its answer is not the JSON of a verdict"},
		"a wrong type":    {says(200, `{"verdict":"pass","message":1}`), "", "its answer is not the JSON of a verdict"},
		"a second one":    {says(200, `{"verdict":"refuse","verdict":"pass"}`), "", "its answer is not the JSON of a verdict"},
		"another case":    {says(200, `{"verdict":"refuse","Verdict":"pass"}`), "2", ""},
		"no UTF-8":        {says(200, "{\"verdict\":\"change\",\"body\":\"\xff\"}"), "", "its answer is not the JSON of a verdict"},
		"201":             {says(201, `{"verdict":"pass"}`), "", "it answers with status 201"},
		"500":             {says(500, `Secret`), "", "it answers with status 500"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
		}, "", "it answers with status 307: redirects are not followed, so name the URL itself"},
		"just not too long": {says(200, `{"verdict":"pass","message":"`+long[len(`{"verdict":"pass","message":""}`):]+`"}`), "1 " + long[len(`{"verdict":"pass","message":""}`):], ""},
		// What is asked about may bring that about: it is refused, and no failure of the program.
		"a verdict that is too long": {says(200, `{"verdict":"change","body":"`+long+`"}`), "", "its answer has more than 65536 bytes: " + check.ErrUnfit.Error()},
		"a body that is too long":    {says(200, `{"body":"`+long+`","verdict":"change"}`), "", "its answer has more than 65536 bytes: " + check.ErrUnfit.Error()},
		"too long, and no verdict":   {says(200, `{"page":"`+long+`"}`), "", "its answer has more than 65536 bytes"},
		"without end": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then is it seen that the client goes
			_, _ = io.WriteString(w, long+long)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, "", "its answer has more than 65536 bytes"},
		"an end too early": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "Secret")
		}, "", "the answer is no HTTP, or too long"},
		"no HTTP": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "Secret\r\n\r\n")
				_ = conn.Close()
			}
		}, "", "the answer is no HTTP, or too long"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(c.answer)
			defer srv.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			v, err := newChecker(t, srv.URL+"/?token=Secret").Check(ctx, &check.Question{About: check.Send, Body: json.RawMessage(`"Secret"`)})
			if err != nil && err.Error() != c.err || err == nil && c.err != "" {
				t.Errorf("the error is %v, not %q", err, c.err)
			}
			if got := strings.TrimSpace(fmt.Sprintf("%d%s %s", v.Kind, v.Body, v.Message)); c.want != "" && got != c.want {
				t.Errorf("the verdict is %s, not %s", got, c.want)
			}
		})
	}
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func newChecker(t *testing.T, url string) *Checker {
	t.Helper()
	c, err := NewChecker(url, true, []Secret{secret(t, secretText)}, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// What is asked is as documented, and signed.
func TestChecker_Question(t *testing.T) {
	var asked string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = Verify(r.Header, body, time.Now(), secret(t, secretText))
		}
		if err != nil {
			t.Error(err)
		}
		asked = r.Method + " " + r.Header.Get("Content-Type") + " " + string(body)
		_, _ = io.WriteString(w, `{"verdict":"pass"}`)
	}))
	defer srv.Close()
	q := &check.Question{
		About: check.Send, Room: "g-7fk2", From: journal.User{ID: "u7", Name: "Li"}, Addr: netip.MustParseAddr("192.0.2.7"),
		Key: "k-1", Body: json.RawMessage(`{"text":"hi"}`), Mentions: []string{"u8"}, Reply: 41,
	}
	if _, err := newChecker(t, srv.URL).Check(t.Context(), q); err != nil {
		t.Error(err)
	}
	const want = `POST application/json {"about":"send","room":"g-7fk2","ip":"192.0.2.7","key":"k-1","body":{"text":"hi"},"mentions":["u8"],"reply":41,"from":{"id":"u7","name":"Li"}}`
	if asked != want {
		t.Errorf("asked\n%s\nnot\n%s", asked, want)
	}
}

// One that does not answer, or without end, costs no more than the time that it has.
func TestChecker_EndlessAnswers_End(t *testing.T) {
	for name, begins := range map[string]bool{"silent": false, "in the middle of an answer": true} {
		answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then is it seen that the client goes
			if begins {
				_ = http.NewResponseController(w).Flush()
			}
			<-r.Context().Done()
		})
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(answer)
			defer srv.Close()
			one := check.New(check.Config{Checker: newChecker(t, srv.URL), Timeout: 50 * time.Millisecond})
			var why error
			_, err := check.Chain{one}.Ask(context.Background(), check.Asking{
				Question: &check.Question{About: check.Send, Room: "r"},
			}, func(_ *check.Check, err error) { why = err })
			if err == nil || why == nil || why.Error() != "no verdict within 50ms" {
				t.Errorf("%v, %v", err, why)
			}
		})
	}
}
