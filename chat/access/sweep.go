package access

// minSweep is how many elements there are before a sweep is worth it.
const minSweep = 1000

// sweep removes the elements of m for which over returns true, once there are at
// least *at of them. Because the next sweep comes when their number has doubled, a
// call costs a constant time on average.
func sweep[K comparable, V any](m map[K]V, at *int, over func(K, V) bool) {
	if len(m) < max(*at, minSweep) {
		return
	}
	for k, v := range m {
		if over(k, v) {
			delete(m, k)
		}
	}
	*at = 2 * len(m)
}
