// Package admin adds the hubs to Caddy's admin API, below /chat/. It must never be
// reachable from the public. docs/admin.json describes it in OpenAPI.
//
// # Files
//
// A file refers only to files above it in this list:
//
//	errors.go       errors and their statuses
//	names.go        names of rooms, and names that are like a misspelt one
//	body.go         bodies of requests
//	endpoint.go     requests and answers in JSON
//	lists.go        hubs, rooms, sessions, sanctions
//	known.go        one room or user: what is known, and erasing it
//	moderation.go   mute, ban, kick, announce, recall
//	maintenance.go  backup, compact
//	webhooks.go     webhooks, and moving one back
//	streams.go      export, history, tail, import
//	api.go          the module admin.api.chat and its routes
package admin
