package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"example.org/veille/index"
	"example.org/veille/query"
)

// ErrNoSource is wrapped when a request names a feed that is not watched.
var ErrNoSource = errors.New("there is no such source")

// Problem is an error as RFC 9457 writes it.
type Problem struct {
	Type      string         `json:"type" jsonschema:"address of an explanation, /problems/NAME"`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail,omitempty"`
	RequestID string         `json:"request_id,omitempty" jsonschema:"also in the log and in the header X-Request-Id"`
	Errors    []ProblemError `json:"errors,omitempty"`
	Name      string         `json:"-"` // last part of Type

	fr, en string // detail in both languages, until the reader's is known
}

// ProblemError points at one fault. Position and Length count code points.
type ProblemError struct {
	Code       string   `json:"code"`
	Detail     string   `json:"detail"`
	Parameter  string   `json:"parameter,omitempty"`
	Position   int      `json:"position" jsonschema:"in code points of the parameter"`
	Length     int      `json:"length"`
	Suggestion []string `json:"suggestion" jsonschema:"what may stand there instead, the likeliest first"`
}

func (p *Problem) Error() string { return p.Name + ": " + p.en }

// problemKind is one sort of problem, as /problems/NAME explains it.
type problemKind struct {
	name           string
	status         int
	fr, en         string // title
	longFR, longEN string
}

// problemKinds lists every problem the server answers with.
var problemKinds = []problemKind{
	{"invalid-query", 400, "La requête ne peut être lue", "The query cannot be read",
		"errors dit où est la faute, en points de code, et par quoi la remplacer.",
		"errors tells where the fault lies, in code points, and what to write instead."},
	{"invalid-parameter", 400, "Un paramètre est faux", "A parameter is wrong",
		"La valeur d’un paramètre ou du corps n’est pas de celles que la description /openapi.json admet.",
		"The value of a parameter or of the body is not among those that /openapi.json allows."},
	{"unknown-parameter", 400, "Paramètre inconnu", "Unknown parameter",
		"Rien n’est passé sous silence : un paramètre que l’opération n’a pas est une erreur.",
		"Nothing is ignored: a parameter the operation does not have is an error."},
	{"invalid-cursor", 400, "Ce curseur n’est pas de cette requête", "The cursor is not of this query",
		"Un curseur ne vaut que pour la requête, le tri et la vue dont il vient. Reprenez sans lui.",
		"A cursor is good only for the query, order and view it came from. Begin again without it."},
	{"unauthenticated", 401, "Il faut un jeton", "This takes a token",
		"La lecture est libre depuis la machine même ; d’ailleurs, et pour tout changement, il faut un jeton.",
		"Reading is free from the machine itself; from elsewhere, and for any change, it takes a token."},
	{"forbidden", 403, "Refusé", "Refused",
		"Le jeton est bon, mais ne permet pas cela ; ou la requête vient d’une page d’un autre site.",
		"The token is good but does not allow this; or the request comes from a page of another site."},
	{"not-found", 404, "Introuvable", "Not found",
		"Rien ne porte ce nom ici.", "Nothing has that name here."},
	{"method-not-allowed", 405, "Pas de cette façon", "Not in that way",
		"L’adresse existe, mais pas pour cette méthode HTTP ; Allow dit lesquelles elle admet.",
		"The address exists, but not for this HTTP method; Allow tells which it takes."},
	{"conflict", 409, "Impossible en l’état", "Not possible as things stand",
		"Ce processus ne tient pas le rôle qu’il faut pour cela.", "This process does not have the role that it takes."},
	{"idempotency-in-progress", 409, "La même demande est en cours", "The same request is under way",
		"Attendez qu’elle aboutisse, puis répétez avec la même clé.", "Wait for it to end, then repeat with the same key."},
	{"retracted", 410, "Accord retiré", "Deal retracted",
		"Ce qui avait été lu comme un accord n’en était pas un, ou la source l’a retiré.",
		"What had been read as a deal was none, or its source took it back."},
	{"precondition-failed", 412, "Modifié entre-temps", "Changed meanwhile",
		"If-Match nomme un état qui n’est plus. Relisez, puis refaites votre changement.", "If-Match names a state that is gone. Read again, then make your change anew."},
	{"unknown-host", 421, "Ce serveur ne répond pas pour cet hôte", "This server does not answer for that host",
		"Seuls les noms de la machine même et ceux de la configuration sont admis, pour qu’une page étrangère ne lise pas votre veille.",
		"Only loopback names and configured ones are answered for, so that a foreign page cannot read your veille."},
	{"invalid-rule", 422, "La règle ne peut être enregistrée", "The rule cannot be saved",
		"errors nomme chaque membre fautif, dit pourquoi, et propose un remède.", "errors names each member at fault, says why, and proposes a cure."},
	{"invalid-source", 422, "Cette source ne peut être suivie", "That source cannot be watched",
		"Le détail dit ce qui manque, ou ce que son adresse a répondu.", "The detail says what is missing, or what its address answered."},
	{"idempotency-mismatch", 422, "Cette clé a servi pour autre chose", "That key was used for something else",
		"Idempotency-Key vaut pour un seul corps, un jour durant.", "An Idempotency-Key is good for one body, for a day."},
	{"too-many-rows", 422, "Trop de lignes", "Too many rows",
		"Une série a au plus 10 000 points. Prenez une période plus courte, un pas plus long ou moins de séries.",
		"A set of series has at most 10,000 points. Take a shorter time, a longer step or fewer series."},
	{"rate-limited", 429, "Trop de requêtes", "Too many requests",
		"Retry-After dit quand recommencer.", "Retry-After tells when to go on."},
	{"internal", 500, "Erreur interne", "Internal error",
		"Le journal dit ce qui s’est passé, sous le numéro de la requête.", "The log tells what happened, under the id of the request."},
	{"too-slow", 503, "La recherche a pris trop de temps", "The search took too long",
		"Restreignez-la, par une date ou un fournisseur.", "Narrow it, by date or vendor for example."},
	{"index-unavailable", 503, "L’index n’est pas disponible", "The index is not available",
		"Il est en cours de reconstruction ou d’arrêt ; Retry-After dit quand recommencer.",
		"It is being rebuilt or closed; Retry-After tells when to try again."},
	{"not-ready", 503, "Pas prêt", "Not ready",
		"Une partie du processus ne fait pas encore son travail ; detail dit laquelle.",
		"A part of the process does not do its work yet; detail tells which."},
}

func problemKindOf(name string) problemKind {
	i := slices.IndexFunc(problemKinds, func(k problemKind) bool { return k.name == name })
	if i < 0 {
		panic("serve: no problem is called " + name) // unreachable: names are constants, tried by a test
	}
	return problemKinds[i]
}

// fail makes a problem with its detail in both languages.
func fail(name, fr, en string) *Problem {
	return &Problem{Name: name, Status: problemKindOf(name).status, fr: fr, en: en}
}

// wrong makes the problem of a bad parameter.
func wrong(param, fr, en string, suggestion ...string) *Problem {
	p := fail("invalid-parameter", fr, en)
	p.Errors = []ProblemError{{Code: "invalid-parameter", Parameter: param, Suggestion: append([]string{}, suggestion...)}}
	return p
}

// problem answers with an error. What is not meant for people is logged and shown
// as "internal error".
func (s *Server) problem(w http.ResponseWriter, r *http.Request, err error) {
	p := s.asProblem(r, err)
	h := w.Header()
	h.Del("ETag")
	h.Del("Content-Disposition")
	h.Del("Link")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/problem+json")
	h.Add("Vary", "Accept-Language")
	switch p.Status {
	case http.StatusUnauthorized:
		h.Add("WWW-Authenticate", `Bearer realm="veille"`)
		h.Add("WWW-Authenticate", `Basic realm="veille", charset="UTF-8"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if h.Get("Retry-After") == "" {
			h.Set("Retry-After", map[int]string{429: "60", 503: "2"}[p.Status])
		}
	}
	w.WriteHeader(p.Status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(p) // the reader is gone: nobody to tell
}

func (s *Server) asProblem(r *http.Request, err error) *Problem {
	var p *Problem
	var syntax *query.SyntaxError
	var bad *index.BadRequest
	var gone *index.Gone
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &p):
	case errors.As(err, &syntax):
		p = fail("invalid-query", syntax.FR, syntax.EN)
		p.Errors = []ProblemError{{Code: syntax.Code, Detail: syntax.Message(lang(r)), Parameter: "q", Position: syntax.Pos, Length: syntax.Len, Suggestion: append([]string{}, syntax.Suggestions...)}}
	case errors.As(err, &bad):
		p = fail("invalid-parameter", bad.What, bad.What)
	case errors.As(err, &big):
		p = fail("invalid-parameter", "Le corps est trop grand.", "The body is too large.")
	case errors.As(err, &gone):
		p = fail("retracted", "Cet accord a été retiré.", "This deal was retracted.")
	case errors.Is(err, index.ErrCursor):
		p = fail("invalid-cursor", "Reprenez sans curseur.", "Begin again without a cursor.")
	case errors.Is(err, index.ErrNotFound):
		p = fail("not-found", "Rien ne porte cet identifiant.", "Nothing has that id.")
	case errors.Is(err, ErrNoSource):
		p = fail("not-found", "Aucune source suivie ne porte ce nom.", "No source that is watched has that name.")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		p = fail("too-slow", "Restreignez-la, par une date ou un fournisseur.", "Narrow it, by date or vendor for example.")
	case errors.Is(err, index.ErrClosed):
		p = fail("index-unavailable", "Réessayez bientôt.", "Try again soon.")
	default:
		s.lg.Error("request", "request_id", requestIDOf(r.Context()), "path", r.URL.Path, "err", err)
		p = fail("internal", "Le journal dit ce qui s’est passé.", "What went wrong stands in the log.")
	}
	k, out := problemKindOf(p.Name), *p
	out.Title, out.Detail = k.en, p.en
	if lang(r) == "fr" {
		out.Title, out.Detail = k.fr, p.fr
	}
	out.Errors = slices.Clone(p.Errors)
	for i := range out.Errors {
		if out.Errors[i].Detail == "" {
			out.Errors[i].Detail = out.Detail
		}
	}
	out.Type, out.Status = "/problems/"+p.Name, k.status
	out.RequestID = requestIDOf(r.Context())
	return &out
}

// noRoute answers what the mux has no pattern for: 405 where another method would
// do, else 404.
func (s *Server) noRoute(w http.ResponseWriter, r *http.Request, mux *http.ServeMux) {
	var allowed []string
	for _, m := range []string{"GET", "POST", "PUT", "DELETE"} {
		other := r.Clone(r.Context())
		other.Method = m
		if _, pattern := mux.Handler(other); pattern != "" {
			allowed = append(allowed, m)
		}
	}
	path := clip(strings.ToValidUTF8(r.URL.Path, "\uFFFD"), 100)
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		s.problem(w, r, fail("method-not-allowed", fmt.Sprintf("%s admet %s.", path, strings.Join(allowed, ", ")), fmt.Sprintf("%s takes %s.", path, strings.Join(allowed, ", "))))
		return
	}
	s.problem(w, r, fail("not-found", path+" n’existe pas ; voir /openapi.json.", "There is no "+path+"; see /openapi.json."))
}
