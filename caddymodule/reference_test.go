package caddymodule_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/caddymodule"
	"github.com/caddychat/caddy-chat/chat"
)

// option is a row of a table in docs/caddyfile.md.
type option struct{ name, value string } // value: the default, empty where it is told in words

// reference returns the options that docs/caddyfile.md tells of, by their section.
func reference(t *testing.T) map[string][]option {
	t.Helper()
	heading := regexp.MustCompile(`^## (.*)$`)
	row := regexp.MustCompile("^\\| `(\\w+)[^`]*` \\| (?:`([^`]*)` \\||[^|]* \\|)")
	sections := map[string][]option{}
	section := ""
	for line := range strings.Lines(read(t, "../docs/caddyfile.md")) {
		line = strings.TrimSuffix(line, "\n")
		if m := heading.FindStringSubmatch(line); m != nil {
			section = m[1]
		} else if m := row.FindStringSubmatch(strings.ReplaceAll(line, `\|`, "/")); m != nil && section != "" {
			sections[section] = append(sections[section], option{m[1], m[2]})
		}
	}
	return sections
}

// within puts an option into the block of a section.
func within(section, option string) string {
	switch {
	case section == "chat":
		return "chat {\n" + option + "\n}"
	case section == "policy":
		section = "policy a"
	}
	return "chat {\n" + section + " {\n" + option + "\n}\n}"
}

func parse(config string) (*caddymodule.Handler, error) {
	h := new(caddymodule.Handler)
	d := caddyfile.NewTestDispenser(config)
	d.Next()
	return h, h.UnmarshalCaddyfile(d)
}

// The reference has the options that the parser has, and no others.
func TestReference_HasEveryOption(t *testing.T) {
	sections := reference(t)
	for _, section := range []string{"chat", "limits", "journal pebble", "journal memory", "policy", "auth guest", "auth jwt", "auth wechat", "auth caddy"} {
		var told []string
		for _, o := range sections[section] {
			told = append(told, o.name)
		}
		slices.Sort(told)
		_, err := parse(within(section, "what"))
		if err == nil {
			t.Fatalf("%s takes any option", section)
		}
		_, list, _ := strings.Cut(err.Error(), "there are ")
		list, _, _ = strings.Cut(list, ", at ")
		if known := strings.Join(told, ", "); known != list {
			t.Errorf("%s has %s, and docs/caddyfile.md tells of %s", section, list, known)
		}
	}
}

// To set an option to the default that the reference tells changes nothing.
func TestReference_DefaultsAreTrue(t *testing.T) {
	settings := func(config string) chat.Settings {
		h, err := parse(config)
		if err != nil {
			t.Fatalf("%s: %v", config, err)
		}
		s, err := h.Settings()
		if err != nil {
			t.Fatalf("%s: %v", config, err)
		}
		hub, err := chat.NewHub(chat.Config{Settings: s, Journal: chat.NewMemoryJournal(chat.MemoryOptions{})})
		if err != nil {
			t.Fatal(err)
		}
		defer hub.Close(t.Context())
		return hub.Settings()
	}
	usual, checked := settings("chat"), 0
	for _, section := range []string{"chat", "limits"} {
		for _, o := range reference(t)[section] {
			if o.value == "" || slices.Contains([]string{"journal", "room", "auth", "hub", "ui"}, o.name) {
				continue
			}
			checked++
			if set := settings(within(section, o.name+" "+o.value)); !reflect.DeepEqual(set, usual) {
				t.Errorf("%s %s is not the default:\n%+v\n%+v", o.name, o.value, set, usual)
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d defaults were found", checked)
	}
}
