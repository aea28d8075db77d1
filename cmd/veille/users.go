package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"example.org/veille/serve/accounts"
)

// usersFile of the data folder holds the accounts. A running veille sees a change at
// once.
const usersFile = "users.json"

func (c *command) usersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "users", Short: "Who may sign in on the page, and what they may do", Args: noArgs,
		Long: `Accounts of the page, in users.json of the data folder: a reader reads, an analyst
also sets alerts and corrects deals, an admin may do everything. While there is no
account, this machine reads freely; once there is one, everybody signs in. A running
veille sees a change at once.`,
	}
	cmd.AddCommand(c.usersAddCommand(), c.usersListCommand(), c.usersRmCommand())
	return cmd
}

// users opens the accounts of the data folder, which need not be there.
func (c *command) users(cmd *cobra.Command) (*accounts.Store, error) {
	cfg, err := c.load(cmd)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fail(exitData, fmt.Errorf("make the data folder: %w", pathless(err, cfg.Data)), "choose another folder with --data DIR")
	}
	return accounts.Open(filepath.Join(cfg.Data, usersFile)), nil
}

func (c *command) usersAddCommand() *cobra.Command {
	role, generate, without := accounts.Reader, false, false
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Add an account, or give one another role or password",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(fmt.Errorf("%s takes one name, not %d", cmd.CommandPath(), len(args)), "see: veille users add --help")
			}
			return someArgs("the name of somebody")(cmd, args)
		},
		Long: `The password is asked for on a terminal, read from the first line of the standard
input otherwise, or made up with --generate and printed once. With --no-password the
one there is stays; a new account then opens only through a proxy that signs people in
(--auth-proxy-cidr).`,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := c.users(cmd)
			if err != nil {
				return err
			}
			password := ""
			switch {
			case generate:
				password = strings.ToLower(rand.Text())
			case !without:
				if password, err = c.password(); err != nil {
					return err
				}
				if password == "" {
					return usage(accounts.ErrPassword, "type one, pipe it in, or take --generate or --no-password")
				}
			}
			if err := store.Add(args[0], role, password, time.Now()); err != nil {
				if errors.Is(err, accounts.ErrName) || errors.Is(err, accounts.ErrRole) || errors.Is(err, accounts.ErrPassword) {
					return usage(err, "see: veille users add --help")
				}
				return fail(exitData, err, "look into "+usersFile+" of the data folder")
			}
			if generate {
				fmt.Fprintln(c.out, password)
			}
			c.say("%s: %s", accounts.Fold(args[0]), role)
			return nil
		},
	}
	cmd.Flags().StringVar(&role, "role", role, strings.Join(accounts.Roles, ", "))
	cmd.Flags().BoolVar(&generate, "generate", false, "make up a password and print it")
	cmd.Flags().BoolVar(&without, "no-password", false, "leave the password as it is")
	cmd.MarkFlagsMutuallyExclusive("generate", "no-password")
	return cmd
}

// password reads one without showing it, or a line of what is piped in.
func (c *command) password() (string, error) {
	if f, ok := c.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(c.err, "Password: ")
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(c.err)
		return string(b), err
	}
	line, err := bufio.NewReader(io.LimitReader(c.in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func (c *command) usersListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the accounts", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := c.users(cmd)
			if err != nil {
				return err
			}
			list, err := store.List()
			if err != nil {
				return fail(exitData, err, "look into "+usersFile+" of the data folder")
			}
			var rows [][]string
			for _, a := range list {
				how := "password"
				if a.Hash == "" {
					how = "proxy"
				}
				rows = append(rows, []string{a.Name, a.Role, how, a.Since.Format(time.DateOnly)})
			}
			c.rows([]string{"Name", "Role", "Signs in by", "Since"}, rows)
			return nil
		},
	}
}

func (c *command) usersRmCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME…", Short: "Take accounts away; their sessions end", Args: someArgs("the name of somebody"),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := c.users(cmd)
			if err != nil {
				return err
			}
			for _, name := range args {
				if err := store.Remove(name); errors.Is(err, accounts.ErrNobody) {
					return fail(exitFailed, fmt.Errorf("%w: %q", err, name), "see: veille users list")
				} else if err != nil {
					return fail(exitData, err, "look into "+usersFile+" of the data folder")
				}
			}
			return nil
		},
	}
}
