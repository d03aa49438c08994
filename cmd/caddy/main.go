// Command caddy is Caddy with its standard modules and the chat module: what
// `xcaddy build --with github.com/caddychat/caddy-chat` amounts to.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddychat/caddy-chat"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

func main() {
	caddycmd.Main()
}
