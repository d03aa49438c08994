package wsconn

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"unicode/utf8"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
	"github.com/klauspost/compress/flate"
)

// deflateAnswer is the only form of compression that the engine supports: each
// message by itself (RFC 7692 section 7.1.1). A context for each connection would
// cost hundreds of kilobytes, and a message would have to be compressed once for
// each receiver rather than once.
const deflateAnswer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

// AcceptDeflate looks for an offer of permessage-deflate that the engine supports
// and returns the answer for the Sec-WebSocket-Extensions header, or "".
func AcceptDeflate(r *http.Request) string {
	for _, line := range r.Header.Values("Sec-Websocket-Extensions") {
		offers, ok := httphead.ParseOptions([]byte(line), nil)
		if !ok {
			continue // a malformed offer counts as unsupported
		}
		for _, offer := range offers {
			if supported(offer) {
				return deflateAnswer
			}
		}
	}
	return ""
}

// supported reports whether the engine can accept offer. It can't where the client
// demands that the server use a smaller window.
func supported(offer httphead.Option) bool {
	if !bytes.Equal(offer.Name, wsflate.ExtensionNameBytes) {
		return false
	}
	var p wsflate.Parameters
	return p.Parse(offer) == nil && !p.ServerMaxWindowBits.Defined()
}

// minDeflate is the size below which compressing costs more than it saves.
const minDeflate = 256

// deflateTail ends a flushed block. It is not sent (section 7.2.1).
var deflateTail = []byte{0x00, 0x00, 0xff, 0xff}

var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

// AppendDeflated appends payload as one frame for connections that negotiated
// compression. The payload is compressed if that makes it smaller.
func AppendDeflated(dst []byte, op ws.OpCode, payload []byte) []byte {
	if len(payload) < minDeflate {
		return AppendFrame(dst, op, false, payload)
	}
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	var buf bytes.Buffer
	w.Reset(&buf)
	_, werr := w.Write(payload)
	if err := errors.Join(werr, w.Flush()); err != nil { // a bytes.Buffer does not fail
		return AppendFrame(dst, op, false, payload)
	}
	small := bytes.TrimSuffix(buf.Bytes(), deflateTail)
	if len(small) >= len(payload) {
		return AppendFrame(dst, op, false, payload)
	}
	return AppendFrame(dst, op, true, small)
}

var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// inflateTail completes a message so that the decompressor sees its end: the tail
// that was not sent, and an empty last block.
const inflateTail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

// inflate decompresses a message of at most max bytes (section 7.2.2). It reads no
// more than one byte above max, however much p expands to.
func inflate(op ws.OpCode, p []byte, max int) ([]byte, error) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	src := io.MultiReader(bytes.NewReader(p), bytes.NewReader([]byte(inflateTail)))
	if err := r.(flate.Resetter).Reset(src, nil); err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, int64(max)+1))
	if err != nil {
		return nil, &CloseError{Code: ws.StatusInvalidFramePayloadData, Reason: "compressed data is damaged"}
	}
	if len(plain) > max {
		return nil, errTooLarge
	}
	if op == ws.OpText && !utf8.Valid(plain) {
		return nil, errNotUTF8
	}
	return plain, nil
}
