package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFresh fails when a type changed and its schema did not.
func TestFresh(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("../../schemas", name))
		if err != nil || string(got) != string(want) {
			t.Errorf("schemas/%s is stale (%v): run go generate ./schemas", name, err)
		}
	}
}
