package admin_test

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule/admin"
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// schema is the part of JSON Schema that docs/admin.json uses.
type schema struct {
	Ref                  string `json:"$ref"`
	Type                 string
	Required             []string
	Properties           map[string]schema
	AdditionalProperties any // false, or the schema of every further member
	Items                *schema
	Enum                 []string
}

type content map[string]struct{ Schema schema }

type operation struct {
	Parameters []struct {
		Ref      string `json:"$ref"`
		Name, In string
	}
	Responses map[string]struct {
		Ref     string `json:"$ref"`
		Content content
	}
	RequestBody *struct {
		Required bool
		Content  content
	}
}

type openAPI struct {
	Paths      map[string]map[string]operation
	Components struct {
		Schemas   map[string]schema
		Responses map[string]struct{ Content content }
	}
}

// document returns docs/admin.json.
func document(t *testing.T) (doc openAPI) {
	t.Helper()
	if err := json.Unmarshal([]byte(testcaddy.Read(t, testcaddy.Root(t)+"/docs/admin.json")), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// parameters returns the names of the parameters in the query.
func (o operation) parameters() (names []string) {
	for _, p := range o.Parameters {
		switch {
		case p.In == "query":
			names = append(names, p.Name)
		case strings.HasSuffix(p.Ref, "/cursor"), strings.HasSuffix(p.Ref, "/limit"):
			names = append(names, path.Base(p.Ref))
		}
	}
	return names
}

// checkAnswer returns an error unless an answer has a documented status and shape.
func (o *openAPI) checkAnswer(op operation, status int, answer map[string]any) error {
	response, ok := op.Responses[fmt.Sprint(status)]
	if !ok {
		return fmt.Errorf("the status %d is not documented", status)
	}
	kinds := response.Content
	if response.Ref != "" {
		kinds = o.Components.Responses[path.Base(response.Ref)].Content
	}
	if answer == nil {
		return nil
	}
	known, ok := kinds["application/json"]
	if !ok {
		return fmt.Errorf("an answer in JSON is not documented: %v", answer)
	}
	return o.fits(known.Schema, answer)
}

// fits returns an error unless a value matches a schema.
func (o *openAPI) fits(s schema, value any) error {
	if s.Ref != "" {
		return o.fits(o.Components.Schemas[path.Base(s.Ref)], value)
	}
	switch value := value.(type) {
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := value[name]; !ok {
				return fmt.Errorf("%s is missing in %v", name, value)
			}
		}
		for name, member := range value {
			known, ok := s.Properties[name]
			if _, any := s.AdditionalProperties.(map[string]any); any {
				continue
			}
			if !ok {
				return fmt.Errorf("%s is not documented", name)
			}
			if err := o.fits(known, member); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	case []any:
		for _, item := range value {
			if err := o.fits(*s.Items, item); err != nil {
				return err
			}
		}
	case string:
		if s.Enum != nil && !slices.Contains(s.Enum, value) || s.Type != "" && s.Type != "string" {
			return fmt.Errorf("%q does not fit", value)
		}
	case float64:
		if s.Type != "" && s.Type != "integer" {
			return fmt.Errorf("%v is no %s", value, s.Type)
		}
	case bool:
		if s.Type != "boolean" {
			return fmt.Errorf("%v is no %s", value, s.Type)
		}
	}
	return nil
}

// The admin API is as docs/admin.json says: it has the same paths, and its answers, errors
// included, have the documented status and shape.
func TestAdmin_IsAsDocumented(t *testing.T) {
	doc := document(t)
	var documented []string
	for pattern, methods := range doc.Paths {
		for method := range methods {
			documented = append(documented, strings.ToUpper(method)+" "+pattern)
		}
	}
	there := admin.Patterns()
	slices.Sort(documented)
	slices.Sort(there)
	if !slices.Equal(documented, there) {
		t.Fatalf("documented %q\nthere      %q", documented, there)
	}

	s, admin := testcaddy.StartAdmin(t, testcaddy.BasicAuth+"chat {\nauth caddy\nwebhook orders https://127.0.0.1:1/events {\nsecret whsec_"+strings.Repeat("AAAA", 8)+"\n}\n}\nchat /memory {\nhub memory\njournal memory\n}\n"+
		"chat /closed {\nhub closed\njournal pebble /dev/null/closed\n}")
	ann := s.V1("ws://"+s.Plain+"/chat", testcaddy.As("ann"), `,"device":"d","rooms":[{"room":"tea"}]`)
	testcaddy.Hears(t, ann, "welcome")
	testcaddy.Say(t, ann, `{"type":"send","room":"tea","body":"x"}`)
	testcaddy.Until(t, ann, `"type":"message"`)
	_, list := testcaddy.Ask(t, "GET", admin+"/chat/hubs/default/sessions", "")
	id := list["sessions"].([]any)[0].(map[string]any)["id"].(string)
	for _, c := range []struct {
		method, path, at, body string
		status                 int
	}{
		{"GET", "", "", "", 200},
		{"GET", "/{hub}", "default", "", 200},
		{"GET", "/{hub}", "none", "", 404},
		{"GET", "/{hub}", "closed", "", 200},
		{"GET", "/{hub}/rooms", "default", "", 200},
		{"GET", "/{hub}/rooms", "default?limit=x", "", 400},
		{"GET", "/{hub}/rooms/tea", "default", "", 200},
		{"GET", "/{hub}/rooms/te", "default", "", 404},
		{"GET", "/{hub}/users/ann", "default", "", 200},
		{"GET", "/{hub}/users/an", "default", "", 404},
		{"GET", "/{hub}/sessions", "default", "", 200},
		{"GET", "/{hub}/sessions/{id}", "default", "", 200},
		{"POST", "/{hub}/mute", "default", `{"user":"ann","room":"tea","for":60000}`, 200},
		{"POST", "/{hub}/mute", "default", `{"user":"ann","room":"tea","for":0}`, 200},
		{"POST", "/{hub}/mute", "default", `{"user":"ann","room":"tea","for":0}`, 200},
		{"POST", "/{hub}/mute", "default", `{}`, 400},
		{"POST", "/{hub}/ban", "default", `{"user":"ben","unknown":true}`, 200},
		{"POST", "/{hub}/ban", "default", `{"user":"bo"}`, 404},
		{"POST", "/{hub}/ban", "default", `{"user":"ann","room":"@ann"}`, 403},
		{"GET", "/{hub}/sanctions", "default", "", 200},
		{"GET", "/{hub}/webhooks", "default", "", 200},
		{"GET", "/{hub}/webhooks", "memory", "", 200},
		{"GET", "/{hub}/webhooks", "closed", "", 503},
		{"POST", "/{hub}/replay", "default", `{"webhook":"orders","since":"2h"}`, 200},
		{"POST", "/{hub}/replay", "default", `{"webhook":"nix","since":"2h"}`, 404},
		{"POST", "/{hub}/replay", "default", `{"webhook":"orders","from":"nix"}`, 400},
		{"POST", "/{hub}/replay", "default", `{"webhook":"orders"}`, 400},
		{"POST", "/{hub}/replay", "closed", `{"webhook":"orders","since":"2h"}`, 503},
		{"POST", "/{hub}/announce", "default", `{"room":"tea","body":1}`, 200},
		{"POST", "/{hub}/announce", "default", `{"all":true,"body":1}`, 200},
		{"POST", "/{hub}/announce", "default", `{"room":"new","body":1}`, 404},
		{"POST", "/{hub}/announce", "default", `{"room":"new","create":true,"body":1}`, 200},
		{"POST", "/{hub}/recall", "default", `{"room":"tea","seq":1}`, 200},
		{"POST", "/{hub}/recall", "default", `{"room":"tea","seq":1}`, 200},
		{"POST", "/{hub}/recall", "default", `{"room":"tea","seq":99}`, 404},
		{"GET", "/{hub}/history", "default?room=none", "", 404},
		{"POST", "/{hub}/backup", "default", `{"dir":"` + s.Dir + `/backup"}`, 200},
		{"POST", "/{hub}/backup", "default", `{"dir":"` + s.Dir + `/backup"}`, 409},
		{"POST", "/{hub}/backup", "default", `{"dir":"` + s.Dir + `/caddy/chat/default/x"}`, 400},
		{"POST", "/{hub}/backup", "default", `{"dir":"` + s.Dir + `/cert.pem/x"}`, 400},
		{"POST", "/{hub}/backup", "default", `{"dir":"/` + strings.Repeat("x", 300) + `"}`, 400},
		{"POST", "/{hub}/backup", "memory", `{"dir":"` + s.Dir + `/none"}`, 409},
		{"POST", "/{hub}/compact", "default", "", 200},
		{"POST", "/{hub}/compact", "memory", "", 409},
		{"GET", "/{hub}/rooms", "closed", "", 503},
		{"GET", "/{hub}/rooms/tea", "closed", "", 503},
		{"DELETE", "/{hub}/rooms/tea", "closed", "", 503},
		{"GET", "/{hub}/users/ann", "closed", "", 503},
		{"DELETE", "/{hub}/users/ann", "closed", "", 503},
		{"GET", "/{hub}/sessions", "closed", "", 503},
		{"GET", "/{hub}/sessions/{id}", "closed", "", 503},
		{"DELETE", "/{hub}/sessions/{id}", "closed", "", 503},
		{"GET", "/{hub}/sanctions", "closed", "", 503},
		{"POST", "/{hub}/kick", "closed", `{"user":"ann"}`, 503},
		{"POST", "/{hub}/mute", "closed", `{"user":"ann"}`, 503},
		{"POST", "/{hub}/ban", "closed", `{"user":"ann"}`, 503},
		{"POST", "/{hub}/announce", "closed", `{"all":true,"body":1}`, 503},
		{"POST", "/{hub}/recall", "closed", `{"room":"tea","seq":1}`, 503},
		{"POST", "/{hub}/backup", "closed", `{"dir":"/x"}`, 503},
		{"POST", "/{hub}/compact", "closed", "", 503},
		{"GET", "/{hub}/export", "closed", "", 503},
		{"GET", "/{hub}/history", "closed?room=tea", "", 503},
		{"GET", "/{hub}/tail", "closed?room=tea", "", 503},
		{"POST", "/{hub}/import", "closed", "", 503},
		{"POST", "/{hub}/kick", "default", `{"user":"ann","room":"tea"}`, 200},
		{"POST", "/{hub}/kick", "default", `{"user":"ann","room":"tea"}`, 404},
		{"DELETE", "/{hub}/sessions/{id}", "default", "", 204},
		{"DELETE", "/{hub}/users/ann", "default", "", 200},
		{"DELETE", "/{hub}/users/nobody", "default", "", 404},
		{"DELETE", "/{hub}/rooms/tea", "default", "", 200},
		{"DELETE", "/{hub}/rooms/tea", "default", "", 404},
		{"DELETE", "/{hub}/rooms/@ann", "default", "", 403},
	} {
		hub, query, _ := strings.Cut(c.at, "?")
		url := admin + "/chat/hubs" + strings.NewReplacer("{hub}", hub, "{id}", id).Replace(c.path) + "?" + query
		name := fmt.Sprint(c.method, " ", url, " ", c.body)
		status, answer := testcaddy.Ask(t, c.method, url, c.body)
		pattern := regexp.MustCompile("/(rooms|user)(s?)/[^{].*").ReplaceAllString("/chat/hubs"+c.path, "/$1$2/{$1}")
		operation := doc.Paths[strings.ReplaceAll(pattern, "{rooms}", "{room}")][strings.ToLower(c.method)]
		if status != c.status {
			t.Errorf("%s: status %d, %v", name, status, answer)
		}
		if err := doc.checkAnswer(operation, status, answer); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c.body != "" && status < 400 {
			var body any
			if err := json.Unmarshal([]byte(c.body), &body); err != nil {
				t.Fatal(err)
			}
			if err := doc.fits(operation.RequestBody.Content["application/json"].Schema, body); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
