package admin_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule/admin"
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// Every path of the admin API in the documents exists.
func TestDocuments_AdminPaths_Exist(t *testing.T) {
	path := regexp.MustCompile(`localhost:2019(/chat/[\w/{}.-]*)`)
	there := strings.Join(admin.Patterns(), "\n") + "\n"
	found := 0
	for _, file := range testcaddy.Documents(t) {
		for _, m := range path.FindAllStringSubmatch(testcaddy.Read(t, file), -1) {
			found++
			if !strings.Contains(there, strings.Replace(m[1], "/default", "/{hub}", 1)+"\n") {
				t.Errorf("%s: the admin API has no %s", file, m[1])
			}
		}
	}
	if found == 0 {
		t.Error("no path was found")
	}
}
