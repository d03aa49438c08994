//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// builders make what the servers need. All but Node's modules go to the bench's
// temporary folder.
var builders = map[string]func(context.Context, *bench) error{
	"caddy": func(ctx context.Context, b *bench) error {
		return b.make(ctx, "", "go", "build", "-p", "1", "-o", b.built("caddy"), "./cmd/caddy")
	},
	"c": func(ctx context.Context, b *bench) error {
		return b.make(ctx, "bench/servers/c", "cc", "-O2", "-Wall", "-o", b.built("cserver"), "server.c", "handshake.c")
	},
	"go": func(ctx context.Context, b *bench) error {
		return b.make(ctx, "bench/servers/go", "go", "build", "-p", "1", "-o", b.built("goservers"), ".")
	},
	"node": func(ctx context.Context, b *bench) error {
		return b.make(ctx, "bench/servers/node", "npm", "ci", "--no-audit", "--no-fund")
	},
}

// build makes the generator, which is a command of caddy, and what the chosen
// servers need.
func (b *bench) build(ctx context.Context, chosen []server) error {
	needs := []string{"caddy"}
	for _, s := range chosen {
		for _, need := range s.needs {
			if !slices.Contains(needs, need) {
				needs = append(needs, need)
			}
		}
	}
	for _, need := range needs {
		if err := builders[need](ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) built(name string) string { return filepath.Join(b.temp, name) }

// make runs a build command in a folder of the repository.
func (b *bench) make(ctx context.Context, dir, name string, args ...string) error {
	line := strings.Join(append([]string{name}, args...), " ")
	fmt.Fprintln(os.Stderr, "building:", line)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = filepath.Join(b.root, dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", line, err, out)
	}
	return nil
}

// moduleRoot finds the repository from anywhere within.
func moduleRoot() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/caddychat/caddy-chat").Output()
	if err != nil {
		return "", fmt.Errorf("find the repository (run within it): %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
