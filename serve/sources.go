package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"example.org/veille/schemas"
)

// The list of sources, changed over HTTP by whoever holds a token of scope admin. What
// no form should set (headers, User-Agents, selectors) stays in the OPML file, and is
// kept when a source is changed here.

// ErrSourceExists is wrapped when a source of that id or feed is on the list.
var ErrSourceExists = errors.New("that source is on the list")

// BadSource tells what is wrong with a source that was sent in, or with its feed.
type BadSource struct{ What string }

func (e BadSource) Error() string { return e.What }

// sourceDraft is a source as it is sent in. Members that are left out are found in the
// feed, or stay what they were.
type sourceDraft struct {
	ID      string   `json:"id,omitempty" jsonschema:"a slug; made from the name when left out"`
	Name    string   `json:"name,omitempty" jsonschema:"of the outlet; the title of the feed when left out"`
	Feed    string   `json:"feed,omitempty" jsonschema:"address of the feed, or of a site whose feed is looked for"`
	Site    string   `json:"site,omitempty"`
	Lang    string   `json:"lang,omitempty" jsonschema:"fr or en"`
	Country string   `json:"country,omitempty" jsonschema:"ISO 3166-1 alpha-2: dates without a zone are local to it"`
	Kind    string   `json:"kind,omitempty"`
	Folder  []string `json:"folder,omitempty"`
}

// previewRequest names what to look at.
type previewRequest struct {
	URL   string `json:"url" jsonschema:"a feed or a page"`
	Items int    `json:"items,omitempty" jsonschema:"how many items of a feed are read, 1 to 10"`
}

const maxSourceBody = 64 << 10

// small reads a small JSON object strictly.
func small(w http.ResponseWriter, r *http.Request, into any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSourceBody))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more than one JSON object")
		}
	}
	var big *http.MaxBytesError
	if err != nil && !errors.As(err, &big) {
		return fail("invalid-source", "Le corps n’a pas la forme attendue ; voir /openapi.json.", "The body does not have the form expected; see /openapi.json.")
	}
	return err
}

// sourceProblem turns what went wrong with a source into a problem.
func sourceProblem(err error) error {
	var bad BadSource
	switch {
	case errors.As(err, &bad):
		return fail("invalid-source", bad.What, bad.What)
	case errors.Is(err, ErrSourceExists):
		return fail("conflict", "Cette source, ou son flux, est déjà dans la liste.", "That source, or its feed, is on the list already.")
	}
	return err
}

var noIngest = fail("conflict", "Ce processus ne tient pas la liste des sources ; demandez à l’un de ceux qui ont le rôle ingest.", "This process does not keep the list of sources; ask one that has the role ingest.")

// putSource adds a source, or changes the one that the address names.
func (s *Server) putSource(w http.ResponseWriter, r *http.Request) {
	if s.opt.PutSource == nil {
		s.problem(w, r, noIngest)
		return
	}
	var d sourceDraft
	if err := small(w, r, &d); err != nil {
		s.problem(w, r, err)
		return
	}
	slug := r.PathValue("slug")
	switch {
	case slug == "" && d.Feed == "":
		s.problem(w, r, fail("invalid-source", "feed manque : l’adresse d’un flux ou d’un site.", "feed is missing: the address of a feed or of a site."))
		return
	case slug != "" && d.ID != "" && d.ID != slug:
		s.problem(w, r, fail("invalid-source", "Une source garde son id.", "A source keeps its id."))
		return
	}
	src, err := s.opt.PutSource(r.Context(), slug, schemas.Source{ID: d.ID, Name: d.Name, Feed: d.Feed, Site: d.Site, Lang: d.Lang, Country: d.Country, Kind: d.Kind, Folder: d.Folder})
	if err != nil {
		s.problem(w, r, sourceProblem(err))
		return
	}
	status := http.StatusOK
	if slug == "" {
		status = http.StatusCreated
		w.Header().Set("Location", "/api/v1/sources/"+src.ID)
	}
	s.json(w, status, SourceStatus{ID: src.ID, Title: src.Name, URL: src.Feed, Site: src.Site, Lang: src.Lang, Country: src.Country, Kind: src.Kind, Folder: src.Folder, State: schemas.SourceNew})
}

// deleteSource takes a source off the list; what it brought stays.
func (s *Server) deleteSource(w http.ResponseWriter, r *http.Request) {
	if s.opt.DeleteSource == nil {
		s.problem(w, r, noIngest)
		return
	}
	if err := s.opt.DeleteSource(r.Context(), r.PathValue("slug")); err != nil {
		s.problem(w, r, sourceProblem(err))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// previewSource shows what a feed or a page would give; nothing is stored.
func (s *Server) previewSource(w http.ResponseWriter, r *http.Request) {
	if s.opt.PreviewSource == nil {
		s.problem(w, r, noIngest)
		return
	}
	in := previewRequest{Items: 3}
	if err := small(w, r, &in); err != nil {
		s.problem(w, r, err)
		return
	}
	if in.URL == "" || in.Items < 1 || in.Items > 10 {
		s.problem(w, r, fail("invalid-source", "url est une adresse, items un nombre de 1 à 10.", "url is an address, items a number from 1 to 10."))
		return
	}
	got, err := s.opt.PreviewSource(r.Context(), in.URL, in.Items)
	if err != nil {
		s.problem(w, r, fmt.Errorf("preview: %w", sourceProblem(err)))
		return
	}
	s.json(w, http.StatusOK, got)
}
