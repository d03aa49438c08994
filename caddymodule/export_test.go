package caddymodule

import (
	"maps"
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat"
)

// Settings are those of a hub that a handler configures, the defaults aside.
func (h *Handler) Settings() (chat.Settings, error) { return h.settings() }

// SetRetireTime sets over how long the clients of old configurations are asked to
// come back, and returns what it was.
func SetRetireTime(d time.Duration) time.Duration {
	was := retireTime
	retireTime = d
	return was
}

// AdminPatterns are those of the admin API.
func AdminPatterns() []string {
	return slices.Concat(slices.Collect(maps.Keys(streams())), slices.Collect(maps.Keys(new(Admin).endpoints())))
}

var (
	BoundedLog = boundedLog
	Follow     = follow
)
