//go:build !unix

package webhook

import (
	"os/exec"
	"time"
)

func ownGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func processorTime() time.Duration { return 0 }
