package conformance

import (
	"slices"
	"testing"
)

// Cases returns all cases. Those of a group follow one another.
func Cases() []Case {
	return slices.Concat(
		handshakeCases(),
		roomNameCases(),
		earlyCases(),
		relayCases(),
		historyCases(),
		controlCases(),
		frameCases("framing", framing),
		sizeCases(),
		frameCases("unicode", unicodeTable()),
		frameCases("closing", closingTable()),
		frameCases("violations", violationTable()),
		violationCases(),
		broadcastCases(),
	)
}

// Run runs all cases against the target, as parallel subtests. It returns when
// all have ended, so that the caller may stop the server then.
func Run(t *testing.T, target Target) {
	cases := Cases()
	for len(cases) > 0 {
		group := cases[0].Group
		n := 0
		for n < len(cases) && cases[n].Group == group {
			n++
		}
		t.Run(group, func(t *testing.T) { runGroup(t, target, cases[:n]) })
		cases = cases[n:]
	}
}

func runGroup(t *testing.T, target Target, cases []Case) {
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			c.Run(t, target)
		})
	}
}
