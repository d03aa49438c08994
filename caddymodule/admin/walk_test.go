package admin_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// walker sends requests to the admin API and compares the answers with docs/admin.json.
type walker struct {
	t     *testing.T
	doc   openAPI
	admin string
}

// check fails unless the answer has the status, and a documented shape. op is nil
// beside what is documented.
func (w *walker) check(op *operation, method, path, kind, body string, status int) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.admin+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	fail := func(why any) {
		w.t.Helper()
		w.t.Errorf("%s %s, %s %.60q: %d %.300s: %v", method, path, kind, body, res.StatusCode, text, why)
	}
	if res.StatusCode != status {
		fail(status)
		return
	}
	var answer map[string]any
	if res.Header.Get("Content-Type") == "application/json" && method != "HEAD" {
		if err := json.Unmarshal(text, &answer); err != nil {
			fail(err)
		}
	}
	said, _ := answer["error"].(string)
	switch {
	case status >= 400 && method != "HEAD" && (said == "" || strings.Contains(said, "json:") || strings.Contains(said, "Go ") || strings.Contains(said, "{")):
		fail("want an error in words")
	case status == 405 && res.Header.Get("Allow") == "":
		fail("want the allowed methods")
	case op != nil && method != "HEAD":
		if err := w.doc.checkAnswer(*op, status, answer); err != nil {
			fail(err)
		}
	}
}

// Every path takes its methods and bodies and refuses all others, and what lies next to
// it does not exist. Bad input is never the server's fault, and changes nothing.
func TestAdmin_Walk(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, testcaddy.BasicAuth+"chat {\nauth caddy\n}")
	testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/chat", testcaddy.As("ann"), `,"rooms":[{"room":"tea"}]`), "welcome")
	w := walker{t, document(t), admin}
	large := strings.Repeat("x", 1<<20+1)
	names := strings.NewReplacer("{hub}", "default", "{room}", "nowhere", "{user}", "nobody", "{id}", "none")
	for pattern, methods := range w.doc.Paths {
		path := names.Replace(pattern)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			op, ok := methods[strings.ToLower(method)]
			if method == "HEAD" {
				op, ok = methods["get"]
			}
			if !ok {
				w.check(nil, method, path, "", "", 405)
				w.check(nil, method, path, "application/json", "{", 405)
				continue
			}
			w.check(&op, method, path+"?nix=1", "", "", 400)
			w.check(&op, method, path+"?%zz", "", "", 400)
			for _, name := range op.parameters() {
				w.check(&op, method, path+"?"+name+"=1&"+name+"=1", "", "", 400)
			}
			if strings.Contains(pattern, "{hub}") {
				w.check(&op, method, strings.Replace(path, "default", "nix", 1), "", "", 404)
			}
			if op.RequestBody == nil {
				continue
			}
			known, isJSON := op.RequestBody.Content["application/json"]
			if !isJSON {
				w.check(&op, method, path, "", "", 400)
				w.check(&op, method, path, "application/json", "{}", 400)
				w.check(&op, method, path, "application/jsonl", "{}", 400)
				continue
			}
			if op.RequestBody.Required {
				w.check(&op, method, path, "", "", 400)
				w.check(&op, method, path, "application/json", "", 400)
			} else {
				w.check(&op, method, path, "", "", 200)
			}
			w.check(&op, method, path, "", "{}", 400)
			w.check(&op, method, path, "text/plain", "{}", 400)
			for _, bad := range []string{"{", "}", "[]", "null", "1", `"x"`, "{}{}", `{"nix":1}`, "{\"user\":\"\xff\"}", `{"user":}`, "\x00", strings.Repeat("[", 9999)} {
				w.check(&op, method, path, "application/json", bad, 400)
			}
			w.check(&op, method, path, "application/json", large, 413)
			for _, name := range slices.Sorted(maps.Keys(known.Schema.Properties)) {
				wrong := map[string]string{"string": "1", "integer": `"x"`, "boolean": `"x"`, "": "false"}[known.Schema.Properties[name].Type]
				if name == "body" {
					wrong = "null" // any other value is one
				}
				w.check(&op, method, path, "application/json", `{"user":"ann","room":"tea","`+name+`":`+wrong+`}`, 400)
			}
		}
		w.check(nil, "GET", path+"/", "", "", 404)
		w.check(nil, "POST", path+"x/x/x/x", "application/json", "{}", 404)
	}
	for _, path := range []string{"/chat/", "/chat/hub", "/chat/hubsx", "/chat/hubs/default/nix", "/chat/hubs/default/kick/ann", "/chat/hubs/default/Rooms"} {
		w.check(nil, "GET", path, "", "", 404)
	}
	if code, list := testcaddy.Ask(t, "GET", admin+"/chat/hubs/default/sanctions", ""); code != 200 || len(list["sanctions"].([]any)) != 0 {
		t.Errorf("bad input has changed something: %v", list)
	}
	s.NoErrors()
}
