package serve

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"example.org/veille/extract/catalogue"
	"example.org/veille/index"
	"example.org/veille/query"
)

// graphBody is a network. With format=grafana, nodes and edges carry the members
// that the node graph panel of Grafana reads.
type graphBody struct {
	Nodes []node `json:"nodes"`
	Edges []edge `json:"edges"`
}

type node struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Deals     int      `json:"deals"`
	Kinds     []string `json:"kinds"`
	Distance  int      `json:"distance" jsonschema:"from the vendor asked for; 0 for itself and when there is none"`
	Title     string   `json:"title,omitempty"`
	Subtitle  string   `json:"subtitle,omitempty"`
	MainStat  *int     `json:"mainstat,omitempty"`
	Color     string   `json:"color,omitempty"`
	DetailURL string   `json:"detail__url,omitempty"`
}

type edge struct {
	ID        string `json:"id"`
	Source    string `json:"source"`
	Target    string `json:"target"`
	Deals     int    `json:"deals"`
	MainStat  *int   `json:"mainstat,omitempty"`
	Thickness int    `json:"thickness,omitempty"`
}

func (s *Server) graph(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	base, err := s.since(v.Get("q"), v.Get("since"))
	if err != nil {
		s.problem(w, r, err)
		return
	}
	centre := ""
	if name := v.Get("vendor"); name != "" {
		refs := s.resolve(name)
		switch {
		case len(refs) == 1:
			centre = refs[0].ID
		case len(refs) > 1:
			near := []string{}
			for _, ref := range refs {
				near = append(near, ref.ID)
			}
			s.problem(w, r, wrong("vendor", "Plusieurs fournisseurs portent ce nom.", "Several vendors have that name.", near...))
			return
		case strings.HasPrefix(name, "x-"):
			centre = name
		default:
			s.problem(w, r, fail("not-found", "Aucun fournisseur ne porte ce nom.", "No vendor has that name."))
			return
		}
	}
	body, err := s.network(r, base, centre, number(v, param{Name: "depth", Default: "1"}), number(v, param{Name: "limit", Default: "100"}))
	if err != nil {
		s.problem(w, r, err)
		return
	}
	switch v.Get("format") {
	case "graphml":
		out, err := body.graphML()
		if err != nil {
			s.problem(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/graphml+xml")
		w.Header().Set("Content-Disposition", `attachment; filename="veille-graph.graphml"`)
		_, _ = w.Write(out) // the reader is gone: nobody to tell
	case "grafana":
		s.json(w, http.StatusOK, body.grafana())
	default:
		s.json(w, http.StatusOK, body)
	}
}

// network gathers the pairs of a query's deals: around a centre, those it takes
// part in, and at depth two those of its partners.
func (s *Server) network(r *http.Request, base query.Query, centre string, depth, limit int) (graphBody, error) {
	ask := func(ids ...string) (index.Result, error) {
		q := base
		if len(ids) > 0 {
			q = q.Add(s.clauseOf("vendor", ids...))
		}
		return s.find(r, index.Request{View: index.Deals, Query: q, Facets: []string{"vendor"}, Group: "pair", Limit: 200, Sort: index.Newest})
	}
	var res index.Result
	var err error
	if centre == "" {
		res, err = ask()
	} else {
		res, err = ask(centre)
	}
	if err != nil {
		return graphBody{}, err
	}
	names := partyNames(res.Deals)
	if centre != "" && depth == 2 {
		// The partners within reach of one query: it takes at most so many values.
		ids := []string{centre}
		for _, b := range res.Groups {
			for _, id := range strings.Split(b.Value, "~") {
				if !slices.Contains(ids, id) && len(ids) < 30 {
					ids = append(ids, id)
				}
			}
		}
		if res, err = ask(ids...); err != nil {
			return graphBody{}, err
		}
		for id, name := range partyNames(res.Deals) {
			names[id] = name
		}
	}
	body := graphBody{Nodes: []node{}, Edges: []edge{}}
	at, weight := map[string]int{}, map[string]int{}
	touch := func(id string) {
		if _, there := at[id]; there {
			return
		}
		at[id] = len(body.Nodes)
		n := node{ID: id, Name: s.nameOf(id, names), Kinds: []string{}}
		if v, ok := s.opt.Catalogue.Vendor(id); ok {
			n.Kinds = filled(v.Kinds)
		}
		body.Nodes = append(body.Nodes, n)
	}
	if centre != "" {
		touch(centre)
	}
	for _, b := range res.Groups {
		x, y, ok := strings.Cut(b.Value, "~")
		if !ok || len(body.Edges) >= limit {
			continue
		}
		touch(x)
		touch(y)
		weight[x] += b.Count
		weight[y] += b.Count
		body.Edges = append(body.Edges, edge{ID: b.Value, Source: x, Target: y, Deals: b.Count})
	}
	for id, i := range at {
		body.Nodes[i].Deals = weight[id]
		if centre != "" && id != centre {
			body.Nodes[i].Distance = 2
		}
	}
	for _, b := range res.Facets["vendor"] { // deals, not pairs, where they are counted
		if i, there := at[b.Value]; there && centre == "" {
			body.Nodes[i].Deals = b.Count
		}
	}
	for _, e := range body.Edges {
		if e.Source == centre {
			body.Nodes[at[e.Target]].Distance = 1
		}
		if e.Target == centre {
			body.Nodes[at[e.Source]].Distance = 1
		}
	}
	return body, nil
}

// colours tells the trades apart in Grafana.
var colours = []struct{ kind, colour string }{
	{catalogue.Distributor, "orange"}, {catalogue.Integrator, "purple"}, {catalogue.Reseller, "yellow"},
	{catalogue.Hyperscaler, "blue"}, {catalogue.Cloud, "blue"}, {catalogue.Telco, "red"},
}

func (g graphBody) grafana() graphBody {
	for i := range g.Nodes {
		n := &g.Nodes[i]
		n.Title, n.MainStat, n.Color = n.Name, &n.Deals, "green"
		n.Subtitle = strings.Join(n.Kinds, ", ")
		n.DetailURL = "/search?q=vendor:" + n.ID
		for _, c := range colours {
			if slices.Contains(n.Kinds, c.kind) {
				n.Color = c.colour
				break
			}
		}
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		e.MainStat, e.Thickness = &e.Deals, min(8, e.Deals)
	}
	return g
}

// graphML is the network for Gephi, yEd and the like.
func (g graphBody) graphML() ([]byte, error) {
	type data struct {
		Key   string `xml:"key,attr"`
		Value string `xml:",chardata"`
	}
	type key struct {
		ID   string `xml:"id,attr"`
		For  string `xml:"for,attr"`
		Name string `xml:"attr.name,attr"`
		Type string `xml:"attr.type,attr"`
	}
	type xnode struct {
		ID   string `xml:"id,attr"`
		Data []data `xml:"data"`
	}
	type xedge struct {
		ID     string `xml:"id,attr"`
		Source string `xml:"source,attr"`
		Target string `xml:"target,attr"`
		Data   []data `xml:"data"`
	}
	type document struct {
		XMLName xml.Name `xml:"graphml"`
		NS      string   `xml:"xmlns,attr"`
		Keys    []key    `xml:"key"`
		Graph   struct {
			ID      string  `xml:"id,attr"`
			Default string  `xml:"edgedefault,attr"`
			Nodes   []xnode `xml:"node"`
			Edges   []xedge `xml:"edge"`
		} `xml:"graph"`
	}
	doc := document{NS: "http://graphml.graphdrawing.org/xmlns", Keys: []key{
		{"name", "node", "name", "string"}, {"kinds", "node", "kinds", "string"}, {"deals", "all", "deals", "int"},
	}}
	doc.Graph.ID, doc.Graph.Default = "veille", "undirected"
	for _, n := range g.Nodes {
		doc.Graph.Nodes = append(doc.Graph.Nodes, xnode{n.ID, []data{{"name", n.Name}, {"kinds", strings.Join(n.Kinds, " ")}, {"deals", strconv.Itoa(n.Deals)}}})
	}
	for _, e := range g.Edges {
		doc.Graph.Edges = append(doc.Graph.Edges, xedge{e.ID, e.Source, e.Target, []data{{"deals", strconv.Itoa(e.Deals)}}})
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(&b)
	enc.Indent("", " ")
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("write graphml: %w", err)
	}
	return b.Bytes(), nil
}
