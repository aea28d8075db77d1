// Package faultserver is a web server that misbehaves on purpose, for tests: slow,
// cut, lying, endless, broken and hostile answers, each under a path of its own.
//
// [New] starts one on loopback; [Server.URL] gives the address of a kind of fault
// and a seed, with which it behaves the same each time. Kinds F01 to F42 are faults
// of the transport, see transport.go; X01 to X34 are bodies that attack a reader,
// see content.go. [TLS] and [DNS] make servers for the faults below HTTP.
//
// It keeps no standard of HTTP: answers are written byte by byte.
package faultserver

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Kind is one fault of the transport. Answer writes the response to a request.
type Kind struct {
	Name   string
	Doc    string   // what it does, one line
	Want   []string // reason tokens of package guard that are right for it; "" is a good answer
	Answer func(c *Conn)
}

// Conn is one request with the connection to answer it on.
type Conn struct {
	net.Conn
	Req  *http.Request
	Rand *rand.Rand
	Base string // address of the server
	s    *Server
	kind string
	done <-chan struct{}
}

// Write counts what is sent.
func (c *Conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.s.count(c.kind).Bytes.Add(int64(n))
	return n, err
}

// Printf writes text.
func (c *Conn) Printf(format string, args ...any) error {
	_, err := fmt.Fprintf(c, format, args...)
	return err
}

// OK writes a whole good answer with a body.
func (c *Conn) OK(contentType string, body []byte, header ...string) {
	c.Printf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n", contentType, len(body), lines(header))
	c.Write(body)
}

func lines(h []string) string {
	if len(h) == 0 {
		return ""
	}
	return strings.Join(h, "\r\n") + "\r\n"
}

// Pause waits, and tells whether the server is still running.
func (c *Conn) Pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.done:
		return false
	}
}

// Drip writes b slowly, piece by piece, until the other side or the server ends.
func (c *Conn) Drip(b []byte, piece int, every time.Duration) {
	for len(b) > 0 {
		n := min(piece, len(b))
		if _, err := c.Write(b[:n]); err != nil || !c.Pause(every) {
			return
		}
		b = b[n:]
	}
}

// Flood writes b again and again, most bytes in all.
func (c *Conn) Flood(b []byte, most int64) {
	for sent := int64(0); sent < most; sent += int64(len(b)) {
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

// Reset ends the connection with an RST.
func (c *Conn) Reset() {
	if t, ok := c.Conn.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	c.Close()
}

// Stats counts what one kind served.
type Stats struct {
	Requests atomic.Int64
	Bytes    atomic.Int64
}

// Server misbehaves. Make it with [New].
type Server struct {
	ln    net.Listener
	kinds map[string]Kind
	stats sync.Map
	done  chan struct{}
	wg    sync.WaitGroup
	mu    sync.Mutex
	open  map[net.Conn]bool
}

// New starts a server on a loopback address.
func New() (*Server, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start fault server: %w", err)
	}
	s := &Server{ln: ln, kinds: map[string]Kind{}, done: make(chan struct{}), open: map[net.Conn]bool{}}
	for _, k := range Kinds() {
		s.kinds[k.Name] = k
	}
	s.wg.Go(s.accept)
	return s, nil
}

// Close ends it and all that it is doing.
func (s *Server) Close() {
	close(s.done)
	s.ln.Close()
	s.mu.Lock()
	for c := range s.open {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// Base is the server's address, without a final slash.
func (s *Server) Base() string { return "http://" + s.ln.Addr().String() }

// URL is the address of a kind.
func (s *Server) URL(kind string, seed uint64) string {
	return fmt.Sprintf("%s/%s?seed=%d", s.Base(), kind, seed)
}

// Stats tells what a kind has served.
func (s *Server) Stats(kind string) *Stats { return s.count(kind) }

func (s *Server) count(kind string) *Stats {
	v, _ := s.stats.LoadOrStore(kind, &Stats{})
	return v.(*Stats)
}

func (s *Server) accept() {
	for {
		c, err := s.ln.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.open[c] = true
		s.mu.Unlock()
		s.wg.Go(func() {
			defer func() {
				c.Close()
				s.mu.Lock()
				delete(s.open, c)
				s.mu.Unlock()
			}()
			s.answer(c)
		})
	}
}

// answer reads one request and lets its kind loose on the connection.
func (s *Server) answer(c net.Conn) {
	c.SetReadDeadline(time.Now().Add(time.Minute))
	req, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	c.SetReadDeadline(time.Time{})
	name, _, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	seed, _ := strconv.ParseUint(req.URL.Query().Get("seed"), 10, 64)
	conn := &Conn{Conn: c, Req: req, Rand: rand.New(rand.NewPCG(seed, 1)), Base: s.Base(), s: s, kind: name, done: s.done}
	s.count(name).Requests.Add(1)
	if k, ok := s.kinds[name]; ok {
		k.Answer(conn)
		return
	}
	if body, typ, ok := Content(name, form(req.URL), seed); ok {
		conn.OK(typ, body)
		return
	}
	conn.Printf("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

// form is how a content kind is asked to be dressed: ?as=rss, atom, json or html.
func form(u *url.URL) string {
	as := u.Query().Get("as")
	if !slices.Contains([]string{"rss", "atom", "json", "html"}, as) {
		return "rss"
	}
	return as
}
