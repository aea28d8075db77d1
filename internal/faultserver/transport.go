package faultserver

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const rss = `<rss version="2.0"><channel><title>Fault</title><link>http://127.0.0.1/</link><item><title>One item that is whole</title><link>http://127.0.0.1/1</link><guid>1</guid></item></channel></rss>`

// part is a feed that breaks off in its second item.
const part = `<rss version="2.0"><channel><title>Fault</title><item><title>The first item is whole</title><guid>1</guid></item><item><title>The second is`

// GZip compresses b.
func GZip(b []byte) []byte {
	var out bytes.Buffer
	zw, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is valid
	zw.Write(b)
	zw.Close()
	return out.Bytes()
}

// zeros is a gzip stream of n bytes of zeros, in members of 16 MiB.
func zeros(n int) []byte {
	one := GZip(make([]byte, 16<<20))
	return bytes.Repeat(one, max(1, n/(16<<20)))
}

const chunkHead = "HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nTransfer-Encoding: chunked\r\n\r\n"

func head(length string, more ...string) string {
	return "HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nConnection: close\r\nContent-Length: " + length + "\r\n" + lines(more) + "\r\n"
}

func raw(s string) func(*Conn) {
	return func(c *Conn) { c.Printf("%s", s) }
}

func status(line string, header ...string) func(*Conn) {
	return raw("HTTP/1.1 " + line + "\r\nContent-Length: 0\r\nConnection: close\r\n" + lines(header) + "\r\n")
}

func redirect(to func(c *Conn) string) func(*Conn) {
	return func(c *Conn) {
		c.Printf("HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", to(c))
	}
}

func to(s string) func(*Conn) { return redirect(func(*Conn) string { return s }) }

// page is the answer of a wall: a web page instead of what was asked for.
const page = `<!doctype html><html><head><title>Just a moment...</title></head><body>Checking your browser before accessing the site.</body></html>`

// Kinds lists the faults of the transport. Waits are of the length that outlasts any
// reasonable time limit; the request's own limit ends them.
func Kinds() []Kind {
	const long = 2 * time.Minute
	list := []Kind{
		{"F01", "accepts, and sends nothing", []string{"timeout"}, func(c *Conn) { c.Pause(long) }},
		{"F02", "header, a byte at a time", []string{"timeout"}, func(c *Conn) {
			c.Drip([]byte(head("100", "X-Filler: "+strings.Repeat("x", 2000))), 1, 100*time.Millisecond)
		}},
		{"F03", "body, a byte at a time", []string{"timeout"}, func(c *Conn) { c.Printf("%s", head("3600")); c.Drip(bytes.Repeat([]byte("x"), 3600), 1, time.Second) }},
		{"F04", "stalls in the middle of the body", []string{"timeout"}, func(c *Conn) { c.Printf("%s%s", head("1000"), part); c.Pause(long) }},
		{"F05", "resets instead of answering", []string{"connect"}, func(c *Conn) { c.Reset() }},
		{"F06", "resets in the middle of the body", []string{"connect", "truncated"}, func(c *Conn) {
			c.Printf("%s%s", head("100000"), part)
			c.Pause(50 * time.Millisecond)
			c.Reset()
		}},
		{"F07", "ends within a chunk", []string{"truncated"}, raw(chunkHead + "1000\r\n<rss>")},
		{"F08", "ends before its length", []string{"truncated"}, raw(head("1000") + part)},
		{"F09", "a chunk of 2^64-1 bytes", []string{"truncated", "protocol", "too_large"}, raw(chunkHead + "FFFFFFFFFFFFFFFF\r\n" + part)},
		{"F10", "chunks of one byte without end", []string{"too_large", "timeout", "protocol"}, func(c *Conn) { c.Printf("%s", chunkHead); c.Flood(bytes.Repeat([]byte("1\r\nx\r\n"), 5000), 1<<30) }},
		{"F11", "zeros without end or length", []string{"too_large"}, func(c *Conn) {
			c.Printf("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
			c.Flood(make([]byte, 64<<10), 1<<30)
		}},
		{"F12", "a length of 10 GB", []string{"too_large"}, func(c *Conn) { c.Printf("%s", head("10000000000")); c.Flood(make([]byte, 64<<10), 1<<30) }},
		{"F13", "one header of 20 MB", []string{"header"}, func(c *Conn) {
			c.Printf("HTTP/1.1 200 OK\r\nX-Long: ")
			c.Flood(bytes.Repeat([]byte("x"), 64<<10), 20<<20)
			c.Printf("\r\n\r\n%s", rss)
		}},
		{"F14", "200,000 headers", []string{"header"}, func(c *Conn) {
			c.Printf("HTTP/1.1 200 OK\r\n")
			c.Flood([]byte(strings.Repeat("X-A: b\r\n", 1000)), 200*8000)
			c.Printf("\r\n%s", rss)
		}},
		{"F15", "early hints without end", []string{"header", "timeout"}, func(c *Conn) {
			c.Flood([]byte(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 100)), 1<<30)
		}},
		{"F16", "two lengths that differ", []string{"protocol"}, raw(head("5", "Content-Length: 6") + "<rss/>")},
		{"F17", "a length below zero", []string{"protocol"}, raw(head("-1") + rss)},
		{"F18", "HTTP/0.9", []string{"protocol"}, raw("<rss/>")},
		{"F19", "control characters in a header", []string{"header", "protocol", ""}, raw("HTTP/1.1 200 OK\r\nX-A: a\x00b\rc\r\nContent-Length: 0\r\n\r\n")},
		{"F20", "204 with a body, and an answer nobody asked for", []string{""}, raw("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")},
		{"F21", "10,000 cookies", []string{"header"}, raw("HTTP/1.1 200 OK\r\n" + strings.Repeat("Set-Cookie: a=b; Path=/\r\n", 10_000) + "\r\n")},
		{"F22", "gzip of a gigabyte of zeros", []string{"ratio", "too_large"}, func(c *Conn) {
			b := zeros(1 << 30)
			c.Printf("%s", head(strconv.Itoa(len(b)), "Content-Encoding: gzip"))
			c.Write(b)
		}},
		{"F23", "gzip twice", []string{"encoding"}, func(c *Conn) {
			b := GZip(zeros(64 << 20))
			c.Printf("%s", head(strconv.Itoa(len(b)), "Content-Encoding: gzip, gzip"))
			c.Write(b)
		}},
		{"F24", "gzip that is none", []string{"encoding"}, raw(head(strconv.Itoa(10+len(rss)), "Content-Encoding: gzip") + "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + rss)},
		{"F25", "gzip cut in half", []string{"truncated"}, func(c *Conn) {
			b := GZip([]byte(rss))
			c.Printf("%s%s", head(strconv.Itoa(len(b)/2), "Content-Encoding: gzip"), b[:len(b)/2])
		}},
		{"F26", "100,000 gzip members", []string{""}, func(c *Conn) {
			b := append(GZip([]byte(rss)), bytes.Repeat(GZip(nil), 100_000)...)
			c.Printf("%s", head(strconv.Itoa(len(b)), "Content-Encoding: gzip"))
			c.Write(b)
		}},
		{"F27", "zstd, which was not asked for", []string{"encoding"}, raw(head("8", "Content-Encoding: zstd") + "\x28\xb5\x2f\xfd\x00\x00\x00\x00")},
		{"F28", "plain text said to be brotli", []string{"encoding"}, raw(head(strconv.Itoa(len(rss)), "Content-Encoding: br") + rss)},
		{"F29", "deflate, raw or with its header", []string{""}, func(c *Conn) {
			var b bytes.Buffer
			if c.Rand.IntN(2) == 0 {
				w := zlib.NewWriter(&b)
				w.Write([]byte(rss))
				w.Close()
			} else {
				w, _ := flate.NewWriter(&b, 6)
				w.Write([]byte(rss))
				w.Close()
			}
			c.Printf("%s%s", head(strconv.Itoa(b.Len()), "Content-Encoding: deflate"), b.Bytes())
		}},
		{"F30", "redirects to itself", []string{"redirects"}, redirect(func(c *Conn) string { return c.Req.URL.String() })},
		{"F31", "redirects on and on", []string{"redirects"}, redirect(func(c *Conn) string { return c.Req.URL.Path + "/a?" + c.Req.URL.RawQuery })},
		{"F32", "redirects over many hosts", []string{"redirects"}, redirect(func(c *Conn) string {
			n, _ := strconv.Atoi(c.Req.URL.Query().Get("n"))
			_, port, _ := strings.Cut(strings.TrimPrefix(c.Base, "http://"), ":")
			return fmt.Sprintf("http://127.0.0.%d:%s/F32?n=%d", 1, port, n+1)
		})},
		{"F33file", "redirects to a file", []string{"scheme"}, to("file:///etc/passwd")},
		{"F33gopher", "redirects to gopher", []string{"scheme"}, to("gopher://127.0.0.1/")},
		{"F33js", "redirects to a script", []string{"scheme"}, to("javascript:alert(1)")},
		{"F33private", "redirects into a private network", []string{"address"}, to("//10.0.0.5/")},
		{"F33backslash", "redirects with backslashes", []string{"url"}, to(`\\10.0.0.5\x`)},
		{"F33empty", "redirects to nothing", []string{""}, to("")},
		{"F33long", "redirects to an address of 64 KB", []string{"header", "redirects"}, to("/" + strings.Repeat("a", 63<<10))},
		{"F33dots", "redirects over 10,000 parents", []string{"redirects"}, to("/" + strings.Repeat("../", 10_000))},
		{"F35", "moved for good to the cloud's metadata", []string{"address"}, raw("HTTP/1.1 301 Moved\r\nLocation: http://169.254.169.254/latest/\r\nContent-Length: 0\r\n\r\n")},
		{"F37", "HTTP/2 frames that nobody asked for", []string{"protocol"}, func(c *Conn) {
			c.Write([]byte("\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00"))
		}},
		{"F39", "503 for ever", []string{""}, status("503 Service Unavailable")},
		{"F40gone", "410", []string{""}, status("410 Gone")},
		{"F40missing", "404", []string{""}, status("404 Not Found")},
		{"F40realms", "401 with ten realms", []string{""}, status("401 Unauthorized", strings.TrimSuffix(strings.Repeat("WWW-Authenticate: Basic realm=x\r\n", 10), "\r\n"))},
		{"F40wall", "a wall that says 200", []string{""}, raw("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n" + page)},
		{"F41unasked", "304 to a request without condition", []string{""}, status("304 Not Modified")},
		{"F41tag", "a tag of 8 KB", []string{""}, raw(head(strconv.Itoa(len(rss)), `ETag: "`+strings.Repeat("x", 8<<10)+`"`) + rss)},
		{"F41new", "another tag each time", []string{""}, func(c *Conn) {
			c.OK("application/rss+xml", []byte(rss), fmt.Sprintf(`ETag: "%d"`, time.Now().UnixNano()))
		}},
		{"F41future", "last modified in 2099", []string{""}, raw(head(strconv.Itoa(len(rss)), "Last-Modified: Thu, 01 Jan 2099 00:00:00 GMT") + rss)},
	}
	for i, v := range []string{"7", "0", "-5", "99999999999", "Thu, 01 Jan 1970 00:00:00 GMT", "soon"} {
		list = append(list, Kind{fmt.Sprintf("F38%c", 'a'+i), "429 with Retry-After: " + v, []string{""}, status("429 Too Many Requests", "Retry-After: "+v)})
	}
	return list
}
