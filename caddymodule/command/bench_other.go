//go:build !linux

package command

import (
	"errors"

	"github.com/spf13/cobra"
)

func addBench(root *cobra.Command, _ *invocation) {
	root.AddCommand(&cobra.Command{
		Use:          "bench <url>",
		Short:        "Puts load on a server and measures it; on Linux only",
		SilenceUsage: true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("the load generator needs epoll: run it on Linux")
		},
	})
}
