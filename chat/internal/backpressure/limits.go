package backpressure

// Limits returns how much a network may have of size, of which other networks have others, and
// how much an address may have of that, while its neighbours have so much of it. All are below
// 1<<62, and size is above 0.
//
// Where M is left by all others, a network may have M²/(2·size). So one alone gets half. Of many
// that grow together, ten leave three tenths, and a hundred one eighth. Of up to 26 that come one
// after the other, and take all that they may, k leave at least 2/(k+6): if each took half of what
// it finds, ten would leave nothing to speak of. A 512th may be had by anybody as long as it is
// there, so that a part is never too little to be of use.
func Limits(size, others, neighbours int64) (network, person int64) {
	least := max(1, size/512)
	network = part(size, size-others, least)
	return network, part(network, network-neighbours, least)
}

// part returns how much one may have of size, where all others leave so much. The product of two
// int64 does not fit into one: floats are exact enough.
func part(size, left, least int64) int64 {
	if left <= 0 {
		return 0
	}
	return max(int64(float64(left)*float64(left)/(2*float64(size))), min(left, least))
}
