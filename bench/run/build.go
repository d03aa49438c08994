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

// builders build what servers need. Node's modules go beside package.json,
// everything else to the temporary directory.
var builders = map[string]func(context.Context, *benchmark) error{
	"caddy": func(ctx context.Context, b *benchmark) error {
		return b.runBuild(ctx, "", "go", "build", "-p", "1", "-o", b.builtPath("caddy"), "./cmd/caddy")
	},
	"c": func(ctx context.Context, b *benchmark) error {
		return b.runBuild(ctx, "bench/servers/c", "cc", "-O2", "-Wall", "-o", b.builtPath("cserver"), "server.c", "handshake.c")
	},
	"go": func(ctx context.Context, b *benchmark) error {
		return b.runBuild(ctx, "bench/servers/go", "go", "build", "-p", "1", "-o", b.builtPath("goservers"), ".")
	},
	"node": func(ctx context.Context, b *benchmark) error {
		return b.runBuild(ctx, "bench/servers/node", "npm", "ci", "--no-audit", "--no-fund")
	},
}

// build builds the generator, which is a command of caddy, and what the chosen
// servers need.
func (b *benchmark) build(ctx context.Context, chosen []server) error {
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

// runBuild runs a build command in a directory of the repository.
func (b *benchmark) runBuild(ctx context.Context, dir, name string, args ...string) error {
	line := strings.Join(append([]string{name}, args...), " ")
	fmt.Fprintln(os.Stderr, "building:", line)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = filepath.Join(b.root, dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", line, err, out)
	}
	return nil
}

// moduleRoot returns the root of the repository that the working directory is in.
func moduleRoot() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/caddychat/caddy-chat").Output()
	if err != nil {
		return "", fmt.Errorf("find the repository (run this command within it): %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
