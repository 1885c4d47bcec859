//go:build !linux

package lab

import (
	"context"
	"errors"
)

// errLinux is why nothing here works elsewhere.
var errLinux = errors.New("a lab needs Linux: it is made of its network namespaces")

// Prefix begins the names of all namespaces of labs.
const Prefix = "rs-"

// RightsError reports that this process may not make a lab.
type RightsError struct{ Missing string }

func (e *RightsError) Error() string { return e.Missing }

// Allowed tells what keeps this process from making labs.
func Allowed() error { return &RightsError{errLinux.Error()} }

// Clean takes away what labs have left; there are none.
func Clean() ([]string, error) { return nil, nil }

// Measure builds the lab of a scene, which this system cannot.
func Measure(context.Context, *Scene, int) (*Report, error) { return nil, errLinux }
