package identity

import (
	"fmt"
	"strings"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// wechatPrefix begins the ids that this package gives to users of WeChat.
const wechatPrefix = "wx-"

// CheckUser checks the id of a user whom this package did not create, such as
// the sub of a site's token. It returns nil, or a [*wire.Error] with code
// bad_token if the id is empty, longer than 128 bytes, not UTF-8, contains
// control characters, or begins like the id of a guest or a WeChat user: other
// users can see those ids, and whoever can choose an id elsewhere could take one.
func CheckUser(id string) error {
	switch {
	case id == "":
		return badToken("the user has no id")
	case !wire.IsUserID(id):
		return badToken(fmt.Sprintf("the user's id is not a string of at most %d bytes without control characters", wire.MaxUser))
	case strings.HasPrefix(id, access.GuestPrefix), strings.HasPrefix(id, wechatPrefix):
		return badToken(fmt.Sprintf("the user's id begins with %s or %s, which this server reserves", access.GuestPrefix, wechatPrefix))
	}
	return nil
}
