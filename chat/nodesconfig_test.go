package chat_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// While two nodes have different policies each says so, and no longer once they are alike.
func TestNodes_PoliciesDiffer_IsSaid(t *testing.T) {
	set := chat.Settings{Policies: access.Policies{{Pattern: "*", Read: who(t, "anyone")}}}
	inNodes(t, 2, set, func(t *testing.T, nodes []*bubble) {
		warned := func(want bool) {
			t.Helper()
			synctest.Wait()
			for _, b := range nodes {
				list := strings.Join(b.hub.Warnings(), "\n")
				if strings.Contains(list, "different policies") != want {
					t.Errorf("warnings %q, want one of policies: %v", list, want)
				}
			}
		}
		warned(false)
		changed := nodes[0].hub.Settings()
		changed.Policies = access.Policies{{Pattern: "*", Read: who(t, "users")}}
		nodes[0].hub.Configure(changed)
		warned(true)
		nodes[1].hub.Configure(changed)
		warned(false)
	})
}
