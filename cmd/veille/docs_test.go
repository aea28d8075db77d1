package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"example.org/veille/query"
)

const (
	queryHeadEN = `# The query language

One string says what is wanted: the page's box, the address, the API's ` + "`q`" + `, the command line and saved searches all take the same.

    vendor:nutanix type:distribution territory:fr since:2026-01
    (vendor:hpe OR vendor:dell) -type:acquisition "data centre"
    type:rachat statut:rumeur depuis:90j

Words side by side must all match. ` + "`OR`, `AND`, `NOT`" + ` (or ` + "`OU`, `ET`, `SAUF`" + `) work in capitals, ` + "`-`" + ` excludes, parentheses
group, commas inside a field mean *or*. Quotes (` + "`\"…\"` or `« … »`" + `) keep words together, ` + "`nutan*`" + ` takes a beginning of at least three
letters, ` + "`nutanx~`" + ` forgives one typo. Names, values and dates are understood in English and in French. What cannot be understood is an
error that points at the place and offers a repair; nothing is ever passed over in silence.

`
	queryHeadFR = `# Le langage de recherche

Une seule chaîne dit ce que l'on cherche : la case de la page, l'adresse, le paramètre ` + "`q`" + ` de l'API, la ligne de commande et les
recherches enregistrées la comprennent toutes.

    fournisseur:nutanix type:distribution pays:fr depuis:2026-01
    (vendor:hpe OU vendor:dell) -type:rachat « centre de données »
    type:rachat statut:rumeur depuis:90j

Des mots côte à côte doivent tous figurer. ` + "`OU`, `ET`, `SAUF`" + ` s'écrivent en capitales, ` + "`-`" + ` exclut, les parenthèses groupent, la virgule
dans un champ signifie *ou*. Les guillemets gardent les mots ensemble, ` + "`nutan*`" + ` prend un début d'au moins trois lettres, ` + "`nutanx~`" + ` pardonne
une faute de frappe. Ce qui ne peut être compris est une erreur qui montre l'endroit et propose une correction.

`
)

// TestQueryDocs keeps the manual's table equal to the parser's. -update rewrites it.
func TestQueryDocs(t *testing.T) {
	for name, want := range map[string]string{
		"query.md":    queryHeadEN + query.Markdown("en"),
		"query.fr.md": queryHeadFR + query.Markdown("fr"),
	} {
		path := filepath.Join("../../docs", name)
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("docs/%s is stale (%v): go test ./cmd/veille -run QueryDocs -update", name, err)
		}
		for _, m := range regexp.MustCompile(`(?m)^    (.+)$`).FindAllStringSubmatch(want, -1) {
			if _, err := query.Parse(m[1], query.Options{}); err != nil {
				t.Errorf("docs/%s: example %s: %v", name, m[1], err)
			}
		}
	}
}

// TestOperateDocs holds the list of settings and exit statuses to the program.
func TestOperateDocs(t *testing.T) {
	body, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	c := &command{}
	var flags []string
	root := c.root()
	for _, k := range configKeys() {
		if k != "nats" && k != "poll" && k != "log" && k != "parallel" && !strings.Contains(string(body), k) {
			t.Errorf("docs/operate.md does not tell of the setting %s", k)
		}
	}
	for _, m := range regexp.MustCompile("`--([a-z-]+)`").FindAllStringSubmatch(string(body), -1) {
		flags = append(flags, m[1])
		found := root.PersistentFlags().Lookup(m[1]) != nil
		for _, sub := range all(root) {
			found = found || sub.Flags().Lookup(m[1]) != nil
		}
		if !found {
			t.Errorf("docs/operate.md names --%s, which no command has", m[1])
		}
	}
	if len(flags) < 10 {
		t.Errorf("only %d flags are told of", len(flags))
	}
	for _, status := range []string{"0", "1", "2", "3", "4", "5", "10", "11", "12", "78", "130"} {
		if !strings.Contains(string(body), "\n| "+status+" |") {
			t.Errorf("docs/operate.md does not tell of exit status %s", status)
		}
	}
}

func all(cmd *cobra.Command) []*cobra.Command {
	out := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		out = append(out, all(sub)...)
	}
	return out
}

// TestCompose reads docker-compose.yml and the Dockerfile as far as they speak of
// veille: roles and flags that exist, nobody as root, nothing opened to the world.
func TestCompose(t *testing.T) {
	body, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Command []string `yaml:"command"`
			Image   string   `yaml:"image"`
			Build   string   `yaml:"build"`
			Ports   []string `yaml:"ports"`
		} `yaml:"services"`
	}
	if err := yaml.UnmarshalWithOptions(body, &file, yaml.AllowDuplicateMapKey()); err != nil {
		t.Fatal(err)
	}
	var roles []string
	c := &command{}
	for name, s := range file.Services {
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s opens %s to the world", name, p)
			}
		}
		if name == "nats" {
			if !slices.Contains(s.Command, "--jetstream") {
				t.Error("nats runs without JetStream")
			}
			continue
		}
		if s.Build != "." {
			t.Errorf("%s is not built from this folder: %q", name, s.Build)
		}
		cmd, rest, err := c.root().Find(s.Command)
		if err != nil || cmd.Name() != "run" {
			t.Errorf("%s runs %v: %v", name, s.Command, err)
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		cfg, err := c.load(cmd)
		if err != nil || !strings.HasPrefix(cfg.NATS.URL, "nats://") {
			t.Errorf("%s: %v, NATS at %q", name, err, cfg.NATS.URL)
		}
		roles = append(roles, cfg.Roles...)
	}
	slices.Sort(roles)
	want := slices.Sorted(slices.Values(allRoles))
	if !slices.Equal(roles, want) {
		t.Errorf("roles %v, want each of %v once", roles, want)
	}
	docker, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"CGO_ENABLED=0", "FROM scratch", "USER 65532", `ENTRYPOINT ["/veille"]`} {
		if !strings.Contains(string(docker), line) {
			t.Errorf("the Dockerfile lacks %q", line)
		}
	}
}
