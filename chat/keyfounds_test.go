package chat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/access"
)

// A key founds conversations whose names the server makes only where all such names are of the
// rooms that it may change.
func TestKeys_Found_OnlyWhatTheyMayChange(t *testing.T) {
	all := []string{"*"}
	founds := func(name string, members ...string) access.Key {
		return newKey(t, name, func(k *access.Key) { k.As, k.Members = all, members })
	}
	for name, open := range journals {
		t.Run(name, func(t *testing.T) {
			base := apiURL(t, open(t), founds("all", "*"), founds("its", "g-*"), founds("other", "other-*"), founds("one", "g-1"),
				founds("begins", "g-a*"), founds("contains", "g-*a*"), founds("long", "g-"+strings.Repeat("a", 26)))
			for key, may := range map[string]bool{"all": true, "its": true, "other": false, "one": false, "begins": false, "contains": false, "long": false} {
				for i := range 8 {
					for _, body := range []string{`{"users":["u2"]}`, `{"users":["u2"],"pattern":"g-*"}`} {
						status, answer, _ := call(t, "POST", base+"/rooms?as=u1", keyOf(key), body, "Idempotency-Key", fmt.Sprint(key, i))
						if ok := status < 300; ok != may || !ok && status != 403 {
							t.Errorf("%s, %s: %d %v", key, body, status, answer)
						}
					}
				}
			}
		})
	}
}
