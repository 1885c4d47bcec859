package main

import (
	"errors"
	"fmt"
	"math"
)

// sameWork tells whether all did the reference job: as many rounds and probes a
// selection, and as many replies where they are counted. The boxed engine draws
// other numbers, so that other clients sit on the relay that dies; hence half a
// per cent.
func sameWork(o []*outcome) error {
	if o[0].Rounds == 0 {
		return errors.New("nothing was counted")
	}
	for i := range o {
		for _, f := range []struct {
			what string
			of   func(o *outcome) uint64
		}{
			{"rounds", func(o *outcome) uint64 { return o.Rounds }},
			{"probes", func(o *outcome) uint64 { return o.Probes }},
			{"replies", func(o *outcome) uint64 { return o.Replies }},
		} {
			if f.of(o[0]) == 0 || f.of(o[i]) == 0 {
				continue // not counted
			}
			a, b := float64(f.of(o[0]))/float64(o[0].Selections), float64(f.of(o[i]))/float64(o[i].Selections)
			if math.Abs(a/b-1) > 0.005 {
				return fmt.Errorf("not the same work: %.3f and %.3f %s a selection", a, b, f.what)
			}
		}
	}
	return nil
}

// equalHash tells whether all observed the same.
func equalHash(o []*outcome) error {
	for i := range o {
		if o[i].Hash != o[0].Hash || o[i].Hash == "" {
			return fmt.Errorf("variant %d gave %q, the first %q", i+1, o[i].Hash, o[0].Hash)
		}
	}
	return nil
}

// sameHash tells whether the same was observed wherever the same was to be
// observed: as often as there are values of loss, in equal parts.
func sameHash(o []*outcome) error {
	part := len(o) / 2
	if err := errors.Join(equalHash(o[:part]), equalHash(o[part:])); err != nil {
		return err
	}
	if o[0].Hash == o[part].Hash {
		return errors.New("loss made no difference")
	}
	return nil
}
