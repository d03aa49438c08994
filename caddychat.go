// Package caddychat gives a Caddy that imports it the chat modules, as xcaddy has
// it: `xcaddy build --with github.com/caddychat/caddy-chat`. There is nothing else
// in it; the modules are in caddymodule, and the hub without Caddy in chat.
package caddychat

import _ "github.com/caddychat/caddy-chat/caddymodule"
