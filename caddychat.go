// Package caddychat adds the chat modules to a Caddy that imports it, which is what
// `xcaddy build --with github.com/caddychat/caddy-chat` does. It has no code of its
// own: the modules are in caddymodule, the admin API in caddymodule/admin and the
// command `caddy chat` in caddymodule/command. The hub, which does not need Caddy, is
// in chat.
package caddychat

import (
	_ "github.com/caddychat/caddy-chat/caddymodule"
	_ "github.com/caddychat/caddy-chat/caddymodule/admin"
	_ "github.com/caddychat/caddy-chat/caddymodule/command"
)
