package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"example.org/veille/serve"
)

// Config is everything that can be set. A flag wins over VEILLE_* in the
// environment, that over veille.yaml, that over the defaults; each setting has
// one name in all four (poll.host_delay, VEILLE_POLL_HOST_DELAY,
// --poll-host-delay).
type Config struct {
	Data      string   `yaml:"data"`
	Listen    string   `yaml:"listen"`
	Sources   string   `yaml:"sources"`
	AllowCIDR []string `yaml:"allow_cidr"`
	Hosts     []string `yaml:"hosts"`
	Open      bool     `yaml:"open"`
	Agent     string   `yaml:"agent"`
	Roles     []string `yaml:"roles"`
	NATS      struct {
		URL      string `yaml:"url"`
		Creds    string `yaml:"creds"`
		Replicas int    `yaml:"replicas"`
	} `yaml:"nats"`
	Poll struct {
		HostDelay   time.Duration `yaml:"host_delay"`
		MinInterval time.Duration `yaml:"min_interval"`
		MaxInterval time.Duration `yaml:"max_interval"`
		MaxAge      time.Duration `yaml:"max_age"`
		Parallel    int           `yaml:"parallel"`
	} `yaml:"poll"`
	Archive struct {
		MaxAge time.Duration `yaml:"max_age"`
		MaxGB  int           `yaml:"max_gb"`
	} `yaml:"archive"`
	BaseURL string `yaml:"base_url"`
	SMTP    struct {
		Host         string `yaml:"host"`
		Port         int    `yaml:"port"`
		User         string `yaml:"user"`
		PasswordFile string `yaml:"password_file"`
		From         string `yaml:"from"`
		TLS          string `yaml:"tls"`
	} `yaml:"smtp"`
	Auth struct {
		ProxyCIDR   []string `yaml:"proxy_cidr"`
		ProxyHeader string   `yaml:"proxy_header"`
	} `yaml:"auth"`
	Log struct {
		Level  string `yaml:"level"`
		Format string `yaml:"format"`
	} `yaml:"log"`
}

var allRoles = []string{"ingest", "extract", "deals", "index", "serve", "alert"}

func defaults() Config {
	var c Config
	c.Listen = "127.0.0.1:8080"
	c.Roles = slices.Clone(allRoles)
	c.NATS.Replicas = 1
	c.Poll.HostDelay = time.Second
	c.Poll.MinInterval = 5 * time.Minute
	c.Poll.MaxInterval = 24 * time.Hour
	c.Poll.MaxAge = 30 * 24 * time.Hour
	c.Poll.Parallel = 8
	c.Archive.MaxAge = 24 * 30 * 24 * time.Hour
	c.Archive.MaxGB = 50
	c.Auth.ProxyHeader = "X-Forwarded-User"
	c.Log.Level = "warn"
	c.Log.Format = "text"
	return c
}

// bind makes one flag for each setting, with the present value as its default.
func bind(f *pflag.FlagSet, c *Config) {
	f.StringVar(&c.Data, "data", c.Data, "data folder (default $XDG_STATE_HOME/veille)")
	f.StringVar(&c.Listen, "listen", c.Listen, "address of the page and the API")
	f.StringVar(&c.Sources, "sources", c.Sources, "OPML file with the feeds to watch (default: the built-in list)")
	f.StringSliceVar(&c.AllowCIDR, "allow-cidr", c.AllowCIDR, "private network that feeds may be fetched from; all are refused otherwise, loopback included")
	f.StringSliceVar(&c.Hosts, "hosts", c.Hosts, "host names the page may be asked for, besides loopback")
	f.BoolVar(&c.Open, "open", c.Open, "let everybody who reaches the address read, not only this machine")
	f.StringVar(&c.Agent, "agent", c.Agent, "User-Agent of requests: say who you are and how to reach you (default veille and its address)")
	f.StringSliceVar(&c.Roles, "roles", c.Roles, "parts to run here: "+strings.Join(allRoles, ","))
	f.StringVar(&c.NATS.URL, "nats", c.NATS.URL, "NATS cluster to use instead of the embedded server")
	f.StringVar(&c.NATS.Creds, "nats-creds", c.NATS.Creds, "credentials file for --nats")
	f.IntVar(&c.NATS.Replicas, "nats-replicas", c.NATS.Replicas, "copies of each stream on the cluster")
	f.DurationVar(&c.Poll.HostDelay, "poll-host-delay", c.Poll.HostDelay, "pause between two requests to one host")
	f.DurationVar(&c.Poll.MinInterval, "poll-min-interval", c.Poll.MinInterval, "shortest pause between two polls of a feed")
	f.DurationVar(&c.Poll.MaxInterval, "poll-max-interval", c.Poll.MaxInterval, "longest pause between two polls of a feed")
	f.DurationVar(&c.Poll.MaxAge, "poll-max-age", c.Poll.MaxAge, "of a feed that lists more than 50 items, those older than this are left out of the first poll")
	f.IntVar(&c.Poll.Parallel, "poll-parallel", c.Poll.Parallel, "hosts fetched from at the same time")
	f.DurationVar(&c.Archive.MaxAge, "archive-max-age", c.Archive.MaxAge, "how long fetched pages are kept")
	f.IntVar(&c.Archive.MaxGB, "archive-max-gb", c.Archive.MaxGB, "most of the archive on disk, in GiB")
	f.StringVar(&c.BaseURL, "base-url", c.BaseURL, "address under which people reach the page, for the links of messages")
	f.StringVar(&c.SMTP.Host, "smtp-host", c.SMTP.Host, "mail server for alerts; none: no e-mail")
	f.IntVar(&c.SMTP.Port, "smtp-port", c.SMTP.Port, "its port (default 587, or 465 with --smtp-tls tls)")
	f.StringVar(&c.SMTP.User, "smtp-user", c.SMTP.User, "user name at the mail server")
	f.StringVar(&c.SMTP.PasswordFile, "smtp-password-file", c.SMTP.PasswordFile, "file with the password")
	f.StringVar(&c.SMTP.From, "smtp-from", c.SMTP.From, "sender of alerts, such as veille@example.org")
	f.StringVar(&c.SMTP.TLS, "smtp-tls", c.SMTP.TLS, "starttls (default), tls, or none for a server on this machine")
	f.StringSliceVar(&c.Auth.ProxyCIDR, "auth-proxy-cidr", c.Auth.ProxyCIDR, "network of a proxy that signs people in and names them in --auth-proxy-header; from elsewhere that header is ignored")
	f.StringVar(&c.Auth.ProxyHeader, "auth-proxy-header", c.Auth.ProxyHeader, "header in which the proxy names who asks")
	f.StringVar(&c.Log.Level, "log-level", c.Log.Level, "debug, info, warn or error")
	f.StringVar(&c.Log.Format, "log-format", c.Log.Format, "text or json")
}

// envName is the variable of a flag. --nats is nats.url in the file.
func envName(flag string) string {
	if flag == "nats" {
		flag = "nats-url"
	}
	return "VEILLE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// load puts the configuration together for the command that is running.
func (c *command) load(cmd *cobra.Command) (Config, error) {
	cfg := defaults()
	path := os.Getenv("VEILLE_CONFIG")
	if f := cmd.Flags().Lookup("config"); f != nil && f.Changed {
		path = f.Value.String()
	}
	asked := path != ""
	if !asked {
		path = "veille.yaml"
	}
	body, err := os.ReadFile(path)
	switch {
	case err == nil:
		if err := parseConfig(body, &cfg); err != nil {
			return cfg, usage(fmt.Errorf("%s: %w", path, err), "the settings and their defaults: veille config show")
		}
	case asked || !errors.Is(err, fs.ErrNotExist):
		return cfg, usage(fmt.Errorf("read the configuration: %w", pathless(err, path)), "name an existing file with --config, or leave it out")
	}
	set := pflag.NewFlagSet("settings", pflag.ContinueOnError)
	bind(set, &cfg)
	var bad error
	set.VisitAll(func(f *pflag.Flag) {
		given := cmd.Flags().Lookup(f.Name)
		if given != nil && given.Changed {
			if s, ok := given.Value.(pflag.SliceValue); ok {
				bad = errors.Join(bad, f.Value.(pflag.SliceValue).Replace(s.GetSlice()))
			} else {
				bad = errors.Join(bad, f.Value.Set(given.Value.String()))
			}
		} else if v, ok := os.LookupEnv(envName(f.Name)); ok {
			if err := f.Value.Set(v); err != nil && bad == nil {
				bad = usage(fmt.Errorf("%s=%q: %w", envName(f.Name), v, err), "--"+f.Name+": "+f.Usage)
			}
		}
	})
	if bad != nil {
		return cfg, bad
	}
	if cfg.Data == "" {
		state := os.Getenv("XDG_STATE_HOME")
		if state == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return cfg, fail(exitData, err, "say where the data goes: --data DIR")
			}
			state = filepath.Join(home, ".local", "state")
		}
		cfg.Data = filepath.Join(state, "veille")
	}
	return cfg, cfg.Validate()
}

// parseConfig reads YAML strictly: an unknown key is an error that names it, its
// line and the nearest key there is.
func parseConfig(body []byte, cfg *Config) error {
	// A file without a setting would set all to nothing.
	var any any
	if err := yaml.Unmarshal(body, &any); err == nil && any == nil {
		return nil
	}
	err := yaml.UnmarshalWithOptions(body, cfg, yaml.Strict())
	if err == nil {
		return nil
	}
	var y yaml.Error
	if !errors.As(err, &y) {
		return err
	}
	msg := y.GetMessage()
	if tok := y.GetToken(); tok != nil && tok.Position != nil {
		msg = fmt.Sprintf("line %d: %s", tok.Position.Line, msg)
	}
	if _, key, ok := strings.Cut(y.GetMessage(), `unknown field "`); ok {
		key = strings.TrimSuffix(key, `"`)
		msg = fmt.Sprintf("line %d: there is no setting %q", y.GetToken().Position.Line, key)
		if near := nearest(key, configKeys()); near != "" {
			msg += fmt.Sprintf("; did you mean %q?", near)
		}
	}
	return errors.New(oneLine(msg))
}

// configKeys lists the keys of veille.yaml, without their group.
func configKeys() []string {
	var keys []string
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		for f := range t.NumField() {
			keys = append(keys, t.Field(f).Tag.Get("yaml"))
			if t.Field(f).Type.Kind() == reflect.Struct {
				walk(t.Field(f).Type)
			}
		}
	}
	walk(reflect.TypeFor[Config]())
	return keys
}

// nearest finds the word within two edits of key.
func nearest(key string, words []string) string {
	best, at := "", 3
	for _, w := range words {
		if d := edits(key, w); d < at {
			best, at = w, d
		}
	}
	return best
}

// edits is the Levenshtein distance of two short words.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diag
			if a[i] != b[j] {
				cost = 1 + min(diag, row[j], row[j+1])
			}
			diag, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// Validate finds what cannot work before anything is started.
func (c Config) Validate() error {
	for _, r := range c.Roles {
		if !slices.Contains(allRoles, r) {
			return usage(fmt.Errorf("there is no role %q", r), "roles: "+strings.Join(allRoles, ", "))
		}
	}
	if _, err := c.networks(); err != nil {
		return usage(err, "write a network such as 10.1.0.0/16 or 127.0.0.1/32")
	}
	if _, err := prefixes("auth.proxy_cidr", c.Auth.ProxyCIDR); err != nil {
		return usage(err, "write a network such as 10.1.0.0/16 or 127.0.0.1/32")
	}
	if c.Poll.MinInterval <= 0 || c.Poll.MaxInterval < c.Poll.MinInterval {
		return usage(fmt.Errorf("poll.min_interval is %v and poll.max_interval %v", c.Poll.MinInterval, c.Poll.MaxInterval), "the first must be above zero and not above the second")
	}
	if c.Poll.Parallel < 1 || c.Poll.Parallel > 256 {
		return usage(fmt.Errorf("poll.parallel is %d", c.Poll.Parallel), "take a number from 1 to 256")
	}
	if c.Archive.MaxAge < 24*time.Hour || c.Archive.MaxGB < 1 {
		return usage(fmt.Errorf("archive.max_age is %v and archive.max_gb %d", c.Archive.MaxAge, c.Archive.MaxGB), "keep at least a day, and a gibibyte")
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		return usage(fmt.Errorf("log.level is %q", c.Log.Level), "levels: debug, info, warn, error")
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		return usage(fmt.Errorf("log.format is %q", c.Log.Format), "formats: text, json")
	}
	return nil
}

func (c Config) networks() ([]netip.Prefix, error) { return prefixes("allow_cidr", c.AllowCIDR) }

// proxy is the proxy whose word on who asks is taken. The networks have been checked.
func (c Config) proxy() serve.Proxy {
	from, _ := prefixes("auth.proxy_cidr", c.Auth.ProxyCIDR)
	return serve.Proxy{From: from, Header: c.Auth.ProxyHeader}
}

func prefixes(key string, list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%s %q is no network", key, s)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// has tells whether a role runs here.
func (c Config) has(role string) bool { return slices.Contains(c.Roles, role) }

// pathless drops the operation from a file error: "open x: no such file" is said
// with our own verb.
func pathless(err error, path string) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", path, p.Err)
	}
	return err
}

func (c *command) configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Show and check the configuration", Args: noArgs}
	var asJSON jsonFlag
	show := &cobra.Command{
		Use: "show", Short: "Print the settings in force, as veille.yaml", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			b, err := yaml.Marshal(cfg)
			if err != nil {
				return err
			}
			if asJSON.on {
				if b, err = yaml.YAMLToJSON(b); err == nil {
					b, err = asJSON.keep(b)
				}
				if err != nil {
					return err
				}
				return c.printJSON(b)
			}
			_, err = c.out.Write(b)
			return err
		},
	}
	asJSON.bindJSON(show, "print JSON")
	cmd.AddCommand(
		show,
		&cobra.Command{
			Use: "check", Short: "Read everything that a start would read, and touch nothing", Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				cfg, err := c.load(cmd)
				if err != nil {
					return err
				}
				srcs, err := loadSources(cfg)
				if err != nil {
					return err
				}
				fmt.Fprintf(c.out, "configuration is sound: %d sources, data in %s, page on %s\n", len(srcs), cfg.Data, cfg.Listen)
				return nil
			},
		},
	)
	return cmd
}
