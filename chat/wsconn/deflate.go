package wsconn

// inflate decompresses a message of at most max bytes (RFC 7692 section 7.2.2).
func inflate(p []byte, max int) ([]byte, error) {
	return nil, protocolError("compression not negotiated")
}
