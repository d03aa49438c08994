//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The lines of bench/README.md name servers, scenarios and files that exist, and flags that the program has. A run takes
// minutes, so only the line that draws the chart is run, by the test of the chart.
func TestDocuments_Lines(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	help, _ := exec.CommandContext(t.Context(), "go", "run", ".", "-h").CombinedOutput() // ends with 1
	lines := regexp.MustCompile(`(?m)^    go run \./bench/run(.*)$`).FindAllStringSubmatch(string(text), -1)
	if len(lines) < 4 {
		t.Errorf("only %d lines were found", len(lines))
	}
	for _, m := range lines {
		arguments, _, _ := strings.Cut(m[1], " > ")
		words := strings.Fields(arguments)
		for i := 0; i+1 < len(words); i += 2 {
			flag, value := words[i], words[i+1]
			if !strings.Contains(string(help), "\n  "+flag+" ") {
				t.Errorf("%s: there is no %s in\n%s", m[0], flag, help)
			}
			switch flag {
			case "-servers":
				_, err = chooseServers(split(value))
			case "-scenarios":
				_, err = chooseScenarios(split(value))
			case "-chart":
				_, err = os.Stat(filepath.Join("../..", value))
			}
			if err != nil {
				t.Errorf("%s: %v", m[0], err)
			}
		}
	}
}
