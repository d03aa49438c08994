package caddymodule

import "maps"

// AdminPatterns are those of the admin API.
func AdminPatterns() []string {
	patterns := []string{"GET /chat/hubs/{hub}/export"}
	for pattern := range maps.Keys(new(Admin).endpoints()) {
		patterns = append(patterns, pattern)
	}
	return patterns
}
