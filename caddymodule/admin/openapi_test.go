package admin_test

import (
	"encoding/json"
	"fmt"
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
	AdditionalProperties *bool
	Items                *schema
	Enum                 []string
}

type openAPI struct {
	Paths map[string]map[string]struct {
		Responses map[string]struct {
			Content map[string]struct{ Schema schema }
		}
		RequestBody struct {
			Content map[string]struct{ Schema schema }
		}
	}
	Components struct{ Schemas map[string]schema }
}

// fits returns an error unless a value matches a schema.
func (o *openAPI) fits(s schema, value any) error {
	if s.Ref != "" {
		return o.fits(o.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")], value)
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
	var doc openAPI
	if err := json.Unmarshal([]byte(testcaddy.Read(t, testcaddy.Root(t)+"/docs/admin.json")), &doc); err != nil {
		t.Fatal(err)
	}
	var documented []string
	for path, methods := range doc.Paths {
		for method := range methods {
			documented = append(documented, strings.ToUpper(method)+" "+path)
		}
	}
	there := admin.Patterns()
	slices.Sort(documented)
	slices.Sort(there)
	if !slices.Equal(documented, there) {
		t.Fatalf("documented %q\nthere      %q", documented, there)
	}

	s, admin := testcaddy.StartAdmin(t, testcaddy.BasicAuth+"chat {\nauth caddy\n}\nchat /memory {\nhub memory\njournal memory\n}\n"+
		"chat /closed {\nhub closed\njournal pebble /dev/null/closed\n}")
	ann := s.V1("ws://"+s.Plain+"/chat", testcaddy.As("ann"), `,"device":"d","rooms":[{"room":"tea"}]`)
	testcaddy.Hears(t, ann, "welcome")
	testcaddy.Say(t, ann, `{"type":"send","room":"tea","body":"x"}`)
	testcaddy.Until(t, ann, `"message"`)
	_, list := testcaddy.Ask(t, "GET", admin+"/chat/hubs/default/sessions", "")
	id := list["sessions"].([]any)[0].(map[string]any)["id"].(string)
	for _, c := range []struct {
		method, path, at, body string
		status                 int
	}{
		{"GET", "/chat/hubs", "", "", 200},
		{"GET", "/chat/hubs/{hub}", "default", "", 200},
		{"GET", "/chat/hubs/{hub}", "none", "", 404},
		{"GET", "/chat/hubs/{hub}", "closed", "", 200},
		{"GET", "/chat/hubs/{hub}/rooms", "default", "", 200},
		{"GET", "/chat/hubs/{hub}/rooms", "default?limit=x", "", 400},
		{"GET", "/chat/hubs/{hub}/sessions", "default", "", 200},
		{"GET", "/chat/hubs/{hub}/sessions/{id}", "default", "", 200},
		{"POST", "/chat/hubs/{hub}/mute", "default", `{"user":"ann","room":"tea","for":60000}`, 204},
		{"POST", "/chat/hubs/{hub}/mute", "default", `{}`, 400},
		{"POST", "/chat/hubs/{hub}/ban", "default", `{"user":"ben"}`, 204},
		{"GET", "/chat/hubs/{hub}/sanctions", "default", "", 200},
		{"POST", "/chat/hubs/{hub}/announce", "default", `{"room":"tea","body":1}`, 200},
		{"POST", "/chat/hubs/{hub}/announce", "default", `{"body":1}`, 200},
		{"POST", "/chat/hubs/{hub}/recall", "default", `{"room":"tea","seq":1}`, 204},
		{"POST", "/chat/hubs/{hub}/recall", "default", `{"room":"tea","seq":99}`, 404},
		{"POST", "/chat/hubs/{hub}/backup", "default", `{"dir":"` + s.Dir + `/backup"}`, 200},
		{"POST", "/chat/hubs/{hub}/backup", "memory", `{"dir":"` + s.Dir + `/none"}`, 409},
		{"POST", "/chat/hubs/{hub}/compact", "default", "", 204},
		{"POST", "/chat/hubs/{hub}/compact", "memory", "", 409},
		{"GET", "/chat/hubs/{hub}/rooms", "closed", "", 503},
		{"GET", "/chat/hubs/{hub}/sessions", "closed", "", 503},
		{"GET", "/chat/hubs/{hub}/sessions/{id}", "closed", "", 503},
		{"DELETE", "/chat/hubs/{hub}/sessions/{id}", "closed", "", 503},
		{"GET", "/chat/hubs/{hub}/sanctions", "closed", "", 503},
		{"POST", "/chat/hubs/{hub}/kick", "closed", `{"user":"ann"}`, 503},
		{"POST", "/chat/hubs/{hub}/mute", "closed", `{"user":"ann"}`, 503},
		{"POST", "/chat/hubs/{hub}/ban", "closed", `{"user":"ann"}`, 503},
		{"POST", "/chat/hubs/{hub}/announce", "closed", `{"body":1}`, 503},
		{"POST", "/chat/hubs/{hub}/recall", "closed", `{"room":"tea","seq":1}`, 503},
		{"POST", "/chat/hubs/{hub}/backup", "closed", `{"dir":"/x"}`, 503},
		{"POST", "/chat/hubs/{hub}/compact", "closed", "", 503},
		{"GET", "/chat/hubs/{hub}/export", "closed", "", 503},
		{"GET", "/chat/hubs/{hub}/tail", "closed?room=tea", "", 503},
		{"POST", "/chat/hubs/{hub}/import", "closed", "", 503},
		{"POST", "/chat/hubs/{hub}/kick", "default", `{"user":"ann","room":"tea"}`, 204},
		{"DELETE", "/chat/hubs/{hub}/sessions/{id}", "default", "", 204},
	} {
		hub, query, _ := strings.Cut(c.at, "?")
		url := admin + strings.NewReplacer("{hub}", hub, "{id}", id).Replace(c.path) + "?" + query
		name := fmt.Sprint(c.method, " ", url, " ", c.body)
		status, answer := testcaddy.Ask(t, c.method, url, c.body)
		operation := doc.Paths[c.path][strings.ToLower(c.method)]
		response, ok := operation.Responses[fmt.Sprint(status)]
		if status != c.status || !ok {
			t.Errorf("%s: status %d, %v", name, status, answer)
			continue
		}
		if answer == nil {
			continue
		}
		if err := doc.fits(response.Content["application/json"].Schema, answer); err != nil {
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
