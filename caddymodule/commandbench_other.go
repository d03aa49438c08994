//go:build !linux

package caddymodule

import (
	"errors"

	"github.com/spf13/cobra"
)

func addBench(root *cobra.Command, _ *operator) {
	root.AddCommand(&cobra.Command{
		Use:          "bench <url>",
		Short:        "Loads a server and measures it; on Linux only",
		SilenceUsage: true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("the load generator is made of epoll: run it on Linux")
		},
	})
}
