package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// jsonFlag is --json, or --json=id,status for some members only. Without names it
// prints all there is.
type jsonFlag struct {
	on      bool
	members []string
}

// bindJSON adds the flag to a command that can do with names.
func (j *jsonFlag) bindJSON(cmd *cobra.Command, doc string) {
	cmd.Flags().Var(j, "json", doc+"; --json=NAME,NAME for these members only")
	cmd.Flags().Lookup("json").NoOptDefVal = "true"
}

// String implements pflag.Value.
func (j *jsonFlag) String() string { return strings.Join(j.members, ",") }

// Type implements pflag.Value.
func (j *jsonFlag) Type() string { return "names" }

// Set implements pflag.Value.
func (j *jsonFlag) Set(v string) error {
	switch v {
	case "true", "false":
		j.on, j.members = v == "true", nil
		return nil
	}
	names := strings.Split(v, ",")
	for i, n := range names {
		if n == "" || slices.Contains(names[:i], n) {
			return fmt.Errorf("names of members with commas between them, each once, such as --json=id,status")
		}
	}
	j.on, j.members = true, names
	return nil
}

// keep cuts an object, or each object of an array, down to the members asked for. A
// name that none of them has is an error, unless it is one of those that may be absent.
func (j *jsonFlag) keep(body []byte, mayLack ...string) ([]byte, error) {
	if len(j.members) == 0 {
		return body, nil
	}
	var rows []map[string]json.RawMessage
	body = bytes.TrimSpace(body)
	list := len(body) > 0 && body[0] == '['
	var err error
	if list {
		err = json.Unmarshal(body, &rows)
	} else {
		rows = make([]map[string]json.RawMessage, 1)
		err = json.Unmarshal(body, &rows[0])
	}
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	known := map[string]bool{}
	for _, r := range rows {
		for k := range r {
			known[k] = true
		}
	}
	var out bytes.Buffer
	for i, r := range rows {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteByte('{')
		n := 0
		for _, m := range j.members { // in the order asked for
			v, ok := r[m]
			if !ok {
				if !known[m] && !slices.Contains(mayLack, m) {
					return nil, usage(fmt.Errorf("there is no member %q", m), "there are: "+strings.Join(slices.Sorted(maps.Keys(known)), ", "))
				}
				continue
			}
			if n++; n > 1 {
				out.WriteByte(',')
			}
			fmt.Fprintf(&out, "%q:%s", m, v)
		}
		out.WriteByte('}')
	}
	if list {
		return slices.Concat([]byte("["), out.Bytes(), []byte("]")), nil
	}
	return out.Bytes(), nil
}
