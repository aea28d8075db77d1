package serve_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// spec holds answers against the description that the server gives of itself.
type spec struct {
	doc      map[string]any
	compiler *jsonschema.Compiler
	paths    []path

	mu   sync.Mutex
	seen map[string]bool // "GET /path 200"
}

type path struct {
	template string
	match    *regexp.Regexp
}

const specURL = "https://veille.example/openapi.json"

// described makes every further answer be held against /openapi.json.
func (w *world) described() *spec {
	w.t.Helper()
	body := w.ok(nil, "/openapi.json").body
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	s := &spec{compiler: jsonschema.NewCompiler(), seen: map[string]bool{}}
	s.compiler.AssertFormat()
	if err := s.compiler.AddResource(specURL, raw); err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(body, &s.doc); err != nil {
		w.t.Fatal(err)
	}
	for t := range s.doc["paths"].(map[string]any) {
		re := regexp.MustCompile(`\\\{[^}]*\\\}`).ReplaceAllString(regexp.QuoteMeta(t), `[^/]+`)
		s.paths = append(s.paths, path{t, regexp.MustCompile("^" + re + "$")})
	}
	// A path without parameters comes before one that has them.
	slices.SortFunc(s.paths, func(a, b path) int { return strings.Count(a.template, "{") - strings.Count(b.template, "{") })
	w.spec = s
	return s
}

// validate holds a body against the schema at a JSON pointer of the description.
func (s *spec) validate(pointer string, body []byte) error {
	s.mu.Lock()
	sch, err := s.compiler.Compile(specURL + "#" + pointer)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return sch.Validate(v)
}

func (s *spec) hold(t testing.TB, a answer) {
	t.Helper()
	url, method := a.Request.URL, strings.ToLower(a.Request.Method)
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s %s: %d: %s", a.Request.Method, url, a.StatusCode, fmt.Sprintf(format, args...))
	}
	i := slices.IndexFunc(s.paths, func(p path) bool { return p.match.MatchString(url.Path) })
	if i < 0 {
		if a.StatusCode < 400 {
			fail("answered, but not described")
		}
		if err := s.validate("/components/schemas/Problem", a.body); err != nil {
			fail("%v", err)
		}
		return
	}
	op, ok := s.doc["paths"].(map[string]any)[s.paths[i].template].(map[string]any)[method].(map[string]any)
	if !ok {
		if a.StatusCode < 400 {
			fail("method not described")
		}
		return
	}
	code := fmt.Sprint(a.StatusCode)
	response, ok := op["responses"].(map[string]any)[code].(map[string]any)
	if !ok {
		if a.StatusCode < 400 {
			fail("status not described")
			return
		}
		if err := s.validate("/components/schemas/Problem", a.body); err != nil {
			fail("%v", err)
		}
		return
	}
	s.mu.Lock()
	s.seen[a.Request.Method+" "+s.paths[i].template+" "+code] = true
	s.mu.Unlock()
	if a.StatusCode == http.StatusNotModified || a.StatusCode == http.StatusMovedPermanently || a.StatusCode == http.StatusNoContent {
		if len(a.body) != 0 {
			fail("with a body: %.100s", a.body)
		}
		return
	}
	media, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err != nil {
		fail("content type %q: %v", a.Header.Get("Content-Type"), err)
		return
	}
	content, ok := response["content"].(map[string]any)[media].(map[string]any)
	if !ok {
		fail("media type %s is not described", media)
		return
	}
	if media == "application/x-ndjson" && url.Query().Get("grain") == "" {
		name := map[string]string{"/deals.ndjson": "Deal", "/articles.ndjson": "Article", "/prices.ndjson": "Price"}[url.Path]
		for line := range bytes.Lines(a.body) {
			if err := s.validate("/components/schemas/"+name, line); err != nil {
				fail("%v\n%.2000s", err, line)
			}
		}
	}
	if media != "application/json" && media != "application/problem+json" {
		return
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	pointer := fmt.Sprintf("/paths/%s/%s/responses/%s/content/%s/schema", escape.Replace(s.paths[i].template), method, code, escape.Replace(media))
	if _, several := content["schema"].(map[string]any)["anyOf"]; several {
		// Without the parameters that change the shape, it is the full one.
		switch v := url.Query(); {
		case v.Get("rows") == "1":
			pointer += "/anyOf/" + fmt.Sprint(len(content["schema"].(map[string]any)["anyOf"].([]any))-1)
		case v.Get("fields") != "":
			pointer += "/anyOf/1"
		default:
			pointer += "/anyOf/0"
		}
	}
	if err := s.validate(pointer, a.body); err != nil {
		fail("%v\n%.2000s", err, a.body)
	}
}

// unseen lists what is described but has not been answered.
func (s *spec) unseen() (out []string) {
	for p, item := range s.doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			for code := range op.(map[string]any)["responses"].(map[string]any) {
				if key := strings.ToUpper(method) + " " + p + " " + code; code != "default" && !s.seen[key] {
					out = append(out, key)
				}
			}
		}
	}
	slices.Sort(out)
	return out
}
