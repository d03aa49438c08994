package command

import (
	"context"
	"encoding/json"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Names returns what is shown of those of these users who have sessions at any node. It waits
// for other nodes as Ask does; users of a node that does not answer are missing.
func (c *Commands) Names(ctx context.Context, users []string) (list []journal.User) {
	for _, a := range c.Ask(ctx, Command{Act: Names, Users: users}).Each {
		var some []journal.User
		if json.Unmarshal(a.List, &some) == nil { // a node of an older version answers nothing
			list = append(list, some...)
		}
	}
	return list
}
