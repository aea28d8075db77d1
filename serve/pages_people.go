package serve

import (
	"errors"
	"net/http"
	"strings"

	"example.org/veille/alert"
	"example.org/veille/serve/accounts"
)

type peopleData struct {
	List  []accounts.Account
	Roles []string
	Proxy string // header of the proxy that signs people in
	Fault string
	Name  string // as filled in
	Role  string
	Self  string
}

// peoplePage lists who may use this veille, for who looks after it.
func (s *Server) peoplePage(f *frame, _ http.ResponseWriter, r *http.Request) (screen, error) {
	switch did := r.URL.Query().Get("did"); did {
	case "saved", "removed":
		f.Notice = f.T("people.did." + did)
	}
	return s.peopleScreen(f, peopleData{Role: accounts.Reader}, http.StatusOK)
}

func (s *Server) peopleScreen(f *frame, d peopleData, status int) (screen, error) {
	if s.opt.Accounts == nil {
		return screen{}, fail("not-found", "Ce processus ne tient pas les comptes.", "This process does not keep accounts.")
	}
	list, err := s.opt.Accounts.List()
	if err != nil {
		return screen{}, err
	}
	f.Nav, f.Title = "people", f.T("people.h1")
	d.List, d.Roles, d.Self = list, accounts.Roles, f.Signed
	if len(s.opt.Proxy.From) > 0 {
		d.Proxy = s.opt.Proxy.Header
	}
	return screen{name: "people", status: status, data: d}, nil
}

// peopleDo makes, changes or takes away an account.
func (s *Server) peopleDo(f *frame, _ http.ResponseWriter, r *http.Request) (screen, error) {
	if s.opt.Accounts == nil {
		return s.peopleScreen(f, peopleData{}, 0)
	}
	if err := r.ParseForm(); err != nil {
		return screen{}, fail("invalid-parameter", "Le formulaire est mal formé.", "The form is malformed.")
	}
	v := r.PostForm
	if v.Get("do") == "remove" {
		if err := s.opt.Accounts.Remove(v.Get("name")); errors.Is(err, accounts.ErrNobody) {
			return screen{}, fail("not-found", "Personne ne porte ce nom.", "Nobody has that name.")
		} else if err != nil {
			return screen{}, err
		}
		return screen{to: "/people?did=removed"}, nil
	}
	name, role, password := v.Get("name"), v.Get("role"), v.Get("password")
	known, found, err := s.opt.Accounts.Find(name)
	if err != nil {
		return screen{}, err
	}
	fault := ""
	if password == "" && !(found && known.Hash != "") && len(s.opt.Proxy.From) == 0 {
		fault = "people.fault.password"
	} else if err := s.opt.Accounts.Add(name, role, password, s.opt.Now()); err != nil {
		switch {
		case errors.Is(err, accounts.ErrName):
			fault = "people.fault.name"
		case errors.Is(err, accounts.ErrPassword):
			fault = "people.fault.password"
		case errors.Is(err, accounts.ErrRole):
			fault = "people.fault.role"
		default:
			return screen{}, err
		}
	}
	if fault != "" {
		return s.peopleScreen(f, peopleData{Fault: f.T(fault, accounts.MinPassword), Name: clip(strings.ToValidUTF8(name, "\uFFFD"), 80), Role: role}, http.StatusUnprocessableEntity)
	}
	return screen{to: "/people?did=saved"}, nil
}

type linkData struct {
	Name, What string
	Done       bool
}

// linkScreen shows what a signed link of a message does, or has done. Whoever follows
// it need not be signed in: the page says nothing else.
func (s *Server) linkScreen(w http.ResponseWriter, r *http.Request, act alert.Act) {
	f := s.frame(w, r)
	if act.Rule.Lang == "fr" && r.Header.Get("Accept-Language") == "" && r.URL.Query().Get("hl") == "" {
		f.tongue = s.screens.tongues["fr"] // the language of the message
	}
	f.Bare, f.Title = true, act.Rule.Name
	s.show(w, r, f, screen{name: "link", data: linkData{Name: act.Rule.Name, What: f.pick(act.FR, act.EN), Done: act.Done}})
}

type explained struct {
	Name        string
	Status      int
	Title, Long string
	Others      []link
}

// explainProblem is where the type of a problem leads.
func (s *Server) explainProblem(w http.ResponseWriter, r *http.Request) {
	f := s.frame(w, r)
	var d explained
	for _, k := range problemKinds {
		title := f.pick(k.fr, k.en)
		if k.name == r.PathValue("name") {
			d = explained{Name: k.name, Status: k.status, Title: title, Long: f.pick(k.longFR, k.longEN)}
		} else {
			d.Others = append(d.Others, link{title, "/problems/" + k.name})
		}
	}
	if d.Name == "" {
		s.problem(w, r, fail("not-found", "Aucune erreur ne porte ce nom.", "No problem has that name."))
		return
	}
	f.Nav, f.Title = "api", d.Title
	s.show(w, r, f, screen{name: "explain", data: d})
}
