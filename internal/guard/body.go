package guard

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// counter counts what the decoder takes from the wire.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// read takes the whole body, decoded once, at most limit bytes.
func read(resp *http.Response, limit int64) ([]byte, int64, error) {
	tooLarge := &Error{Reason: ReasonTooLarge, msg: fmt.Sprintf("the body is over %d bytes", limit)}
	if resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusNotModified {
		return nil, 0, nil
	}
	if resp.ContentLength > limit {
		return nil, 0, tooLarge
	}
	wire := &counter{r: resp.Body}
	buf := bufio.NewReader(wire)
	var src io.Reader = buf
	coding := strings.ToLower(strings.TrimSpace(strings.Join(resp.Header.Values("Content-Encoding"), ",")))
	packed := true
	switch coding {
	case "", "identity", "none", "utf-8", "utf8": // the last three are no codings, yet seen in the wild
		packed = false
	case "gzip", "x-gzip":
		if _, err := buf.Peek(1); err == io.EOF {
			return nil, wire.n, nil // an empty body needs no gzip header
		}
		zr, err := gzip.NewReader(buf)
		if err != nil {
			return nil, wire.n, broken("gzip", err)
		}
		src = zr
	case "deflate":
		head, err := buf.Peek(2)
		if err == io.EOF && len(head) == 0 {
			return nil, wire.n, nil
		}
		if len(head) == 2 && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
			zr, err := zlib.NewReader(buf)
			if err != nil {
				return nil, wire.n, broken("deflate", err)
			}
			src = zr
		} else {
			src = flate.NewReader(buf) // the other reading of the standard, raw
		}
	default:
		return nil, wire.n, &Error{Reason: ReasonEncoding, msg: fmt.Sprintf("content encoding %q was not asked for", clip(coding))}
	}

	out := make([]byte, 0, 64<<10)
	for {
		if len(out) == cap(out) {
			out = append(out, 0)[:len(out)]
		}
		n, err := src.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		if int64(len(out)) > limit {
			return nil, wire.n, tooLarge
		}
		if packed && len(out) > ratioFrom && int64(len(out)) > wire.n*maxRatio {
			return nil, wire.n, &Error{Reason: ReasonRatio, msg: fmt.Sprintf("%d bytes decompress to more than %d times as many", wire.n, maxRatio)}
		}
		switch {
		case err == io.EOF:
			return out, wire.n, nil
		case err != nil && packed:
			return nil, wire.n, broken(coding, err)
		case err != nil:
			return nil, wire.n, err
		}
	}
}

// broken names an error of the decoder; one of the connection passes through.
func broken(coding string, err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF:
		return &Error{Reason: ReasonTruncated, msg: "the compressed body ended early", err: err}
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.Is(err, zlib.ErrHeader), errors.Is(err, zlib.ErrChecksum), errors.As(err, &corrupt):
		return &Error{Reason: ReasonEncoding, msg: fmt.Sprintf("the body is not the %s it says it is", coding), err: err}
	}
	return err
}
