package serve_test

import "testing"

type spec struct{}

func (*spec) hold(testing.TB, answer) {}
