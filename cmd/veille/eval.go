package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"example.org/veille/extract"
	"example.org/veille/extract/eval"
)

func (c *command) evalCommand() *cobra.Command {
	var gold, pred string
	var errs int
	var mins []string
	var deals bool
	cmd := &cobra.Command{
		Use:   "eval --gold FILE.jsonl",
		Short: "Measure extraction against annotated articles",
		Long: `Extract the articles of an annotated file, or take what was extracted before
(--pred), and print precision, recall and F1 of each figure, over all and for each
language.`,
		Example: `  veille eval --gold extract/testdata/gold/read.jsonl
  veille eval --gold gold.jsonl --min deals=0.75 --min prices=0.93`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if gold == "" {
				return usage(errors.New("veille eval needs --gold FILE.jsonl"), "for example: veille eval --gold extract/testdata/gold/read.jsonl")
			}
			g, err := os.ReadFile(gold)
			if err != nil {
				return usage(pathless(err, gold), "name a file of annotated articles, one JSON record to a line")
			}
			var p io.Reader
			if pred != "" {
				f, err := os.Open(pred)
				if err != nil {
					return usage(pathless(err, pred), "make one with: veille extract --jsonl")
				}
				defer f.Close()
				p = f
			} else if p, err = predict(g); err != nil {
				return err
			}
			report, err := eval.Score(bytes.NewReader(g), p)
			if err != nil {
				return err
			}
			if err := report.Print(c.out, errs); err != nil {
				return err
			}
			if deals {
				if err := report.PrintDeals(c.out); err != nil {
					return err
				}
			}
			return c.judge(report, mins)
		},
	}
	cmd.Flags().StringVar(&gold, "gold", "", "annotated articles, one JSON record to a line")
	cmd.Flags().StringVar(&pred, "pred", "", "what was extracted, as `veille extract --jsonl` prints it")
	cmd.Flags().IntVar(&errs, "errors", 0, "show so many differences")
	cmd.Flags().BoolVar(&deals, "deals", false, "show deals by type and status as well")
	cmd.Flags().StringArrayVar(&mins, "min", nil, "NAME=VALUE: exit with status 1 when the figure is below")
	return cmd
}

// predict extracts the articles of an annotated file.
func predict(gold []byte) (io.Reader, error) {
	x, err := extract.New()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	r := bufio.NewReader(bytes.NewReader(gold))
	for {
		line, err := readLine(r)
		if len(line) > 0 {
			out.Write(extractLine(reader{x, nil}, line, nil).line)
		}
		if err == io.EOF {
			return &out, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// judge prints the closing line and fails when a figure is below its minimum.
func (c *command) judge(r eval.Report, mins []string) error {
	figures := r.Figures()
	var short []string
	for _, m := range mins {
		name, value, _ := strings.Cut(m, "=")
		want, err := strconv.ParseFloat(value, 64)
		got, known := figures[name]
		if err != nil || !known {
			return usage(fmt.Errorf("--min %q is not NAME=VALUE", m), "for example: --min deals=0.75")
		}
		if got < want {
			short = append(short, fmt.Sprintf("%s (is %.3f)", m, got))
		}
	}
	if len(short) > 0 || r.Absent > 0 {
		fmt.Fprintln(c.out, "below:", strings.Join(short, ", "), "absent", r.Absent)
		return fail(exitFailed, errors.New("below what was asked for"), "")
	}
	rounded := make([]string, 0, len(figures))
	for _, k := range []string{"vendors", "deals", "deals_status", "prices", "status_acc", "roles", "evidence", "price_kind", "no_deal"} {
		b, err := json.Marshal(math.RoundToEven(figures[k]*1000) / 1000)
		if err != nil {
			return err
		}
		s := string(b)
		if !slices.Contains([]byte(s), '.') {
			s += ".0"
		}
		rounded = append(rounded, fmt.Sprintf("%q: %s", k, s))
	}
	_, err := fmt.Fprintln(c.out, "ok {"+strings.Join(rounded, ", ")+"}")
	return err
}
