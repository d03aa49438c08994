package caddymodule_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddychat/caddy-chat/caddymodule"
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// memoryLog returns a logger at a level and the buffer that it writes to.
func memoryLog(level zapcore.Level) (*zap.Logger, *bytes.Buffer) {
	var written bytes.Buffer
	encoder := zapcore.NewConsoleEncoder(zapcore.EncoderConfig{MessageKey: "msg", LevelKey: "level", EncodeLevel: zapcore.LowercaseLevelEncoder})
	return zap.New(zapcore.NewCore(encoder, zapcore.AddSync(&written), level)), &written
}

func TestLog_RepeatedLines_AreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plain, written := memoryLog(zapcore.DebugLevel)
		log := caddymodule.LimitedLog(plain).With(zap.String("hub", "x"))
		for i := range 100 {
			log.Warn("repeated", zap.Int("i", i))
			log.Debug("session opened")
		}
		log.Error("repeated")
		log.Warn("another")
		text := written.String()
		for line, want := range map[string]int{"warn\trepeated": 3, "debug\tsession opened": 100, "error\trepeated": 1, "warn\tanother": 1, `"hub": "x"`: 105} {
			if got := strings.Count(text, line); got != want {
				t.Errorf("%s: %d times, want %d", line, got, want)
			}
		}
		time.Sleep(time.Minute)
		written.Reset()
		log.Warn("repeated")
		log.Warn("repeated")
		if got, want := written.String(), "warn\trepeated\t"+`{"hub": "x", "left_out": 97}`+"\n"; got != want {
			t.Errorf("a minute later: %q, want %q", got, want)
		}
	})
}

func TestLog_IsRedirected(t *testing.T) {
	one, first := memoryLog(zapcore.InfoLevel)
	two, second := memoryLog(zapcore.DebugLevel)
	log := caddymodule.LimitedLog(one)
	derived := log.With(zap.Int("n", 1))
	if log.Check(zap.DebugLevel, "x") != nil {
		t.Error("DEBUG is on")
	}
	log.Info("before")
	caddymodule.RedirectLog(log, two)
	derived.Debug("after")
	if first.String() != "info\tbefore\n" || second.String() != "debug\tafter\t{\"n\": 1}\n" {
		t.Errorf("%q, then %q", first, second)
	}
}

// A reload may change the file of the log or turn DEBUG on. The hub, which stays the
// same, and its open sessions write to the new log then.
func TestReload_AnotherLog_IsWrittenTo(t *testing.T) {
	s := testcaddy.Start(t, "chat")
	c := s.Client("ws://" + s.Plain + "/chat")
	old := s.Log
	testcaddy.Eventually(t, "a line in the first log", func() bool { return strings.Contains(testcaddy.Read(t, old), "session opened") })
	s.Log = filepath.Join(s.Dir, "another-log")
	s.Load("chat {\nmax_connections 100\n}")
	s.Client("ws://" + s.Plain + "/chat")
	c.CloseNow()
	testcaddy.Eventually(t, "lines in the second log", func() bool {
		log := testcaddy.Read(t, s.Log)
		return strings.Contains(log, "session opened") && strings.Contains(log, "session closed")
	})
	if strings.Contains(testcaddy.Read(t, old), "session closed") {
		t.Error("the first log is still written to")
	}
}

// The lines of sessions name their fields like Caddy's access log, so that one can search
// both for a user or an address.
func TestLog_Session_HasTheFieldsOfTheAccessLog(t *testing.T) {
	s := testcaddy.Start(t, testcaddy.BasicAuth+"chat {\nauth caddy\n}")
	for i, proto := range []string{"HTTP/1.1", "HTTP/2.0", "websocket"} { // the last is quic-go's for HTTP/3
		dial := []carrier{overH1(s), overH2(s), overH3(s)}[i]
		conn, res, err := dial(t.Context(), "/chat?token=of-the-query", testcaddy.As("ann"))
		if err != nil || conn == nil {
			t.Fatalf("%s: %v, %v", proto, res, err)
		}
		var lines []map[string]any
		has := func(n int) func() bool {
			return func() bool { lines = sessionLines(t, s); return len(lines) == n }
		}
		testcaddy.Eventually(t, "the first line of "+proto, has(2*i+1)) // a stream that is closed before does not begin a session
		conn.Close()
		testcaddy.Eventually(t, "the second line of "+proto, has(2*i+2))
		opened, closed := lines[2*i], lines[2*i+1]
		for field, want := range map[string]any{
			"msg": "session opened", "level": "debug", "proto": proto, "host": s.TLS, "path": "/chat", "client_ip": "127.0.0.1", "dialect": "raw",
		} {
			if opened[field] != want {
				t.Errorf("%s: %s is %v, want %v", proto, field, opened[field], want)
			}
		}
		for field, want := range map[string]any{
			"msg": "session closed", "level": "debug", "session": opened["session"], "client_ip": "127.0.0.1", "user_id": "ann",
		} {
			if closed[field] != want {
				t.Errorf("%s: %s is %v, want %v", proto, field, closed[field], want)
			}
		}
		if _, ok := closed["duration"].(float64); !ok {
			t.Errorf("%s: duration is %v", proto, closed["duration"])
		}
	}
	if strings.Contains(testcaddy.Read(t, s.Log), "of-the-query") {
		t.Error("a token is in the log")
	}
}

// sessionLines returns the lines of the log that are about sessions.
func sessionLines(t *testing.T, s *testcaddy.Site) (lines []map[string]any) {
	t.Helper()
	for text := range strings.Lines(testcaddy.Read(t, s.Log)) {
		var line map[string]any
		if json.Unmarshal([]byte(text), &line) == nil && line["session"] != nil {
			lines = append(lines, line)
		}
	}
	return lines
}

// A client that disconnects during its login, or a failure of WeChat, is not logged as an
// error: the operator can't do anything about it.
func TestAuth_WeChat_TemporaryFailures_AreNotErrors(t *testing.T) {
	asked, leave := make(chan struct{}), make(chan struct{})
	weChat := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("js_code") == "slow" {
			close(asked)
			<-leave
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(weChat.Close)
	defer close(leave)
	s := testcaddy.Start(t, "chat {\nauth wechat {\napp_id wx01\napp_secret x\napi "+weChat.URL+"\n}\n}")
	login := func(ctx context.Context, code string) (*http.Response, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.Plain+"/chat/login", strings.NewReader(fmt.Sprintf(`{"code":%q}`, code)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		return http.DefaultClient.Do(req)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if res, err := login(ctx, "slow"); err == nil {
		t.Fatal(res.Status)
	}
	testcaddy.Eventually(t, "the end of a login whose client has disconnected", func() bool { return strings.Contains(testcaddy.Read(t, s.Access), "/chat/login") })
	if log := testcaddy.Read(t, s.Log); strings.Contains(log, "WeChat login failed") || strings.Contains(log, "context canceled") {
		t.Errorf("logged for a client that has disconnected: %s", log)
	}
	res, err := login(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if log := testcaddy.Read(t, s.Log); res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(log, "WeChat login failed") || !strings.Contains(log, "502") {
		t.Errorf("%s: %s", res.Status, log)
	}
	s.NoErrors()
}

// docs/operations.md lists the fields of the lines of sessions.
func TestLog_Sessions_HaveTheFieldsOfTheDocuments(t *testing.T) {
	document := testcaddy.Read(t, "../docs/operations.md")
	name := regexp.MustCompile(`(?m)^\t\tinclude (\S+)$`).FindStringSubmatch(document)[1]
	// Methods of authentication have loggers of their own, which must not become the hub's.
	s := testcaddy.Start(t, "chat {\nauth jwt {\nsecret \""+testcaddy.JWTSecret+"\"\n}\nauth guest\n}")
	s.Client("ws://" + s.Plain + "/chat").CloseNow()
	testcaddy.Eventually(t, "the lines of the session", func() bool { return strings.Contains(testcaddy.Read(t, s.Log), "session closed") })
	for _, message := range []string{"session opened", "session closed"} {
		var told, has []string
		row := regexp.MustCompile("(?m)^\\| `" + message + "` \\|(.*)$").FindString(document)
		for _, m := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(row, -1) {
			told = append(told, m[1])
		}
		line := regexp.MustCompile(`(?m)^.*"msg":"` + message + `".*$`).FindString(testcaddy.Read(t, s.Log))
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if fields["logger"] != name {
			t.Errorf("the logger of %s is %q, and docs/operations.md includes %s", message, fields["logger"], name)
		}
		if message == "session closed" {
			fields["error"] = "" // there may be one
		}
		for name := range fields {
			if !slices.Contains([]string{"level", "ts", "logger", "msg"}, name) {
				has = append(has, name)
			}
		}
		slices.Sort(told)
		slices.Sort(has)
		if !slices.Equal(told, has) {
			t.Errorf("%s has %q, and docs/operations.md lists %q", message, has, told)
		}
	}
}
