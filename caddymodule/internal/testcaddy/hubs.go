package testcaddy

import (
	"io"
	"net/http"
	"testing"
)

// StartTwoHubs runs Caddy with a hub "old" on disk, which has some entries, and an
// empty hub "new" with another journal. It returns what old exports.
func StartTwoHubs(t *testing.T, journal string) (s *Site, admin, exported string) {
	t.Helper()
	s, admin = StartAdmin(t, "chat /old {\nhub old\n}\nchat /new {\nhub new\njournal "+journal+"\n}")
	c := s.V1("ws://"+s.Plain+"/old", nil, `,"name":"Li","rooms":[{"room":"tea"},{"room":"coffee"}]`)
	for _, f := range []struct{ says, hears string }{
		{`{"type":"send","room":"tea","key":"k1","body":{"text":"one"}}`, `"one"`},
		{`{"type":"send","room":"tea","key":"k2","body":"\u001b[2Jtwo"}`, `[2Jtwo"`},
		{`{"type":"recall","room":"tea","seq":1}`, `"recalled"`},
		{`{"type":"send","room":"coffee","body":"three"}`, `"three"`},
	} {
		Say(t, c, f.says)
		Until(t, c, f.hears)
	}
	return s, admin, Export(t, admin, "old")
}

// Export returns what the admin API exports of a hub.
func Export(t *testing.T, admin, hub string) string {
	t.Helper()
	res, err := http.Get(admin + "/chat/hubs/" + hub + "/export")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s %v", res.Status, text, err)
	}
	return string(text)
}
