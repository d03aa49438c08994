//go:build linux

package load

import (
	"math"
	"math/bits"
	"time"
)

// histogram counts durations in buckets no wider than 1/32 of their value. To
// record one is cheap, and the size does not depend on how many there are.
type histogram struct {
	buckets [60 * steps]uint64
	count   uint64
}

// steps is how many buckets there are between a duration and its double.
const (
	stepBits = 5
	steps    = 1 << stepBits
)

func (h *histogram) record(nanos int64) {
	h.buckets[bucket(nanos)]++
	h.count++
}

func bucket(nanos int64) int {
	if nanos < steps {
		return int(max(nanos, 0))
	}
	shift := bits.Len64(uint64(nanos)) - stepBits - 1
	return shift*steps + int(nanos>>shift)
}

// lowerBound is the shortest duration in bucket i.
func lowerBound(i int) int64 {
	if i < 2*steps {
		return int64(i)
	}
	shift := i/steps - 1
	return int64(i-shift*steps) << shift
}

// quantile returns a duration that is not exceeded by the share q of all.
func (h *histogram) quantile(q float64) time.Duration {
	position := max(uint64(math.Ceil(q*float64(h.count))), 1)
	var seen uint64
	for i, n := range h.buckets {
		if seen += n; seen >= position {
			return time.Duration((lowerBound(i) + lowerBound(i+1)) / 2)
		}
	}
	return 0
}

func (h *histogram) reset() { *h = histogram{} }

// latency returns the percentiles in milliseconds.
func (h *histogram) latency() Latency {
	if h.count == 0 {
		return Latency{}
	}
	ms := func(q float64) float64 { return float64(h.quantile(q)) / float64(time.Millisecond) }
	return Latency{P50: ms(0.5), P90: ms(0.9), P99: ms(0.99), Max: ms(1)}
}
