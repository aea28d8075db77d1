// Command compile turns the catalogue's YAML folder into the binary form that package catalogue embeds.
//
//	compile DIR OUT
package main

import (
	"fmt"
	"os"

	"example.org/veille/extract/catalogue"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: compile DIR OUT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "compile:", err)
		os.Exit(1)
	}
}

func run(dir, out string) error {
	bin, err := catalogue.Compile(os.DirFS(dir))
	if err != nil {
		return err
	}
	return os.WriteFile(out, bin, 0o644)
}
