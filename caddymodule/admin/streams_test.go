package admin_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

func TestAdmin_Import_MayTakeLongerThanCaddysReadTimeout(t *testing.T) {
	_, admin, exported := testcaddy.StartTwoHubs(t, "memory")
	lines := strings.SplitAfter(exported, "\n")
	body, feed := io.Pipe()
	go func() {
		_, _ = io.WriteString(feed, lines[0])
		time.Sleep(11 * time.Second) // Caddy's timeout is 10 s; there is no event to wait for
		_, _ = io.WriteString(feed, strings.Join(lines[1:], ""))
		feed.Close()
	}()
	res, err := http.Post(admin+"/chat/hubs/new/import", "application/jsonl", body)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || string(text) != `{"lines":4,"recorded":4,"known":0}`+"\n" {
		t.Errorf("%s %v", text, err)
	}
}

func TestAdmin_Streams_RefuseBadRequests(t *testing.T) {
	_, admin, exported := testcaddy.StartTwoHubs(t, "memory")
	for request, want := range map[string]string{
		"GET /chat/hubs/none/export":                    `404 {"error":"no hub \"none\" is running"}`,
		"GET /chat/hubs/old/export?after=x":             `400 {"error":"after must be a number up to 9007199254740991"}`,
		"GET /chat/hubs/old/export?after=1":             `400 {"error":"after needs a room, or from"}`,
		"GET /chat/hubs/old/export?from=nowhere":        `404 {"error":"export from room \"nowhere\": there is no such room"}`,
		"GET /chat/hubs/old/export?room=nowhere":        `404 {"error":"there is no room \"nowhere\""}`,
		"GET /chat/hubs/old/export?room=tae":            `404 {"error":"there is no room \"tae\"; did you mean \"tea\"?"}`,
		"GET /chat/hubs/old/export?rom=tea":             `400 {"error":"there is no parameter \"rom\" here"}`,
		"GET /chat/hubs/old/export?room=":               `400 {"error":"room is missing"}`,
		"GET /chat/hubs/old/export?from=":               `400 {"error":"room is missing"}`,
		"GET /chat/hubs/old/history":                    `400 {"error":"room is missing"}`,
		"GET /chat/hubs/old/history?room=nowhere":       `404 {"error":"there is no room \"nowhere\""}`,
		"GET /chat/hubs/old/history?room=tea&newest=-1": `400 {"error":"newest must be a number up to 9007199254740991"}`,
		"GET /chat/hubs/old/tail?room=nowhere":          `404 {"error":"there is no room \"nowhere\""}`,
		"GET /chat/hubs/old/tail?room=tea&wait=1":       `400 {"error":"wait must be true or false"}`,
		"GET /chat/hubs/old/tail":                       `400 {"error":"room is missing"}`,
		"GET /chat/hubs/old/tail?room=":                 `400 {"error":"room is missing"}`,
		"GET /chat/hubs/old/tail?room=a&newest=x":       `400 {"error":"newest must be a number up to 1000"}`,
		"POST /chat/hubs/none/import":                   `404 {"error":"no hub \"none\" is running"}`,
		"POST /chat/hubs/new/import text/plain":         `400 {"error":"the Content-Type must be application/jsonl"}`,
	} {
		parts := strings.Fields(request + " application/jsonl")
		req, err := http.NewRequestWithContext(t.Context(), parts[0], admin+parts[1], strings.NewReader(exported))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", parts[2])
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if got := strings.Fields(res.Status)[0] + " " + strings.TrimSpace(string(text)); err != nil || got != want {
			t.Errorf("%s: %s %v, want %s", request, got, err, want)
		}
	}
	if out := testcaddy.Export(t, admin, "new"); out != "" {
		t.Errorf("something was imported: %s", out)
	}
}
