// Package caddymodule makes a Caddy server a chat backend: the module
// http.handlers.chat and its Caddyfile directive. Of this project only this
// package, those below it and cmd import Caddy.
//
// The admin API is in caddymodule/admin, the command `caddy chat` in
// caddymodule/command. The root package of the project imports all three.
//
// # Files
//
// A file refers only to files above it in this list:
//
//	authcaddy.go        option auth caddy
//	authguest.go        option auth guest
//	authjwt.go          option auth jwt
//	authwechat.go       option auth wechat
//	auth.go             option auth: several methods in order
//	policy.go           option policy
//	key.go              option key
//	limits.go           option limits
//	hubsettings.go      the settings of a hub: what handlers of a hub share
//	journal.go          where the journal of a hub is
//	opening.go          a hub that may not be there yet, and the attempts to start it
//	hubs.go             the pool of hubs, which outlive configurations
//	metrics.go          caddy_chat_… in Caddy's metrics
//	app.go              the hubs of a configuration: their settings, and their start
//	ui.go               option ui: the built-in web page
//	handler.go          http.handlers.chat
//	caddyfile.go        directive chat and the global option chat
package caddymodule
