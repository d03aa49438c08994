//go:build linux

package main

import (
	"errors"
	"fmt"
	"html"
	"slices"
	"strings"
)

// Pixels of the chart.
const (
	rowHeight  = 26
	nameWidth  = 400
	barWidth   = 330
	chartWidth = nameWidth + barWidth + 70
	headHeight = 34
)

// chart draws the processor time of a scenario as an SVG: a bar for each server, the best one
// first. It follows the reader's colours, light or dark.
func (r *report) chart(scenario string) (string, error) {
	type bar struct {
		server server
		cost   float64
	}
	var bars []bar
	for _, s := range r.servers() {
		var costs []float64
		for _, one := range r.all(s.name, scenario) {
			costs = append(costs, one.CPUPerMillion())
		}
		if len(costs) > 0 {
			bars = append(bars, bar{s, median(costs)})
		}
	}
	if len(bars) == 0 {
		return "", errors.New("there are no results of the scenario " + scenario)
	}
	slices.SortStableFunc(bars, func(a, b bar) int { return int(1000 * (a.cost - b.cost)) })
	most := bars[len(bars)-1].cost

	var b strings.Builder
	height := headHeight + rowHeight*len(bars) + 8
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="system-ui, sans-serif" font-size="14">`+"\n",
		chartWidth, height, chartWidth, height)
	b.WriteString("<style>text{fill:#24292f}rect{fill:#a8b3c0}.ours{fill:#1f8a4c}.bold{font-weight:600}" +
		"@media(prefers-color-scheme:dark){text{fill:#e6edf3}rect{fill:#5a6572}.ours{fill:#3fb96f}}</style>\n")
	fmt.Fprintf(&b, `<text x="0" y="18" class="bold">CPU seconds of the server for a million deliveries (%s); less is better</text>`+"\n", html.EscapeString(scenario))
	for i, one := range bars {
		y, class := headHeight+i*rowHeight, ""
		if strings.HasPrefix(one.server.name, "caddy-chat") {
			class = ` class="ours"`
		}
		width := max(2, barWidth*one.cost/most)
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text><rect x="%d" y="%d" width="%.1f" height="16" rx="2"%s/><text x="%.1f" y="%d">%s</text>`+"\n",
			nameWidth-8, y+14, html.EscapeString(one.server.about), nameWidth, y+2, width, class, nameWidth+width+6, y+14, fmt.Sprintf("%.2f", one.cost))
	}
	b.WriteString("</svg>\n")
	return b.String(), nil
}
